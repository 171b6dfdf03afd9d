/**
 * HTTP of a node that looks for its fleet: a first `--join` waits until a member answers, however long that takes, and supervisors and
 * robots should hear "alive, not ready" meanwhile instead of nothing. The gateway opens in its place.
 */
import type { HostPort } from "../host-port.ts";
import { answerOk, openSmallServer, type SmallAnswer } from "../small-server.ts";
import type { RunPlan } from "./run-options.ts";

/** What is said of everything but `/livez` before a node has joined. */
export const answerNotReady: SmallAnswer = {
  status: 503,
  type: "application/problem+json",
  body: JSON.stringify({
    type: "urn:pulsemesh:problem:not-ready",
    title: "Not ready",
    status: 503,
    detail: "The node looks for its fleet: no member has answered yet.",
    code: "not-ready",
    changed: false,
    next: "Wait until GET /readyz answers 200, then repeat.",
  }),
};

/**
 * Answers at `at`, and at the socket, until disposed: `/livez` with 200, everything else with 503 `not-ready`.
 * @returns undefined when it cannot listen there, which the gateway will say better
 */
export async function openWaitingDoor(
  at: HostPort,
  tls?: { readonly cert: string; readonly key: string },
  socket?: RunPlan["socket"],
): Promise<AsyncDisposable | undefined> {
  const answerTo = (probe: string | undefined): SmallAnswer =>
    probe === "/livez" ? answerOk : answerNotReady;
  const door = await openSmallServer(at, answerTo, tls);
  if (door instanceof Error) return undefined;
  if (socket === undefined) return door;
  const { openUnixDoor } = await import("@pulsemesh/gateway");
  const unixDoor = await openUnixDoor(door.http, socket).catch(() => undefined);
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all([unixDoor?.close(), door[Symbol.asyncDispose]()]);
    },
  };
}
