/**
 * The three probes at an address of their own (`--probes`, rule DP2): a kubelet asks from outside of the pod, where HTTP on loopback is out
 * of its reach and HTTP for everybody would be too much. Open from before a first join until the node has stopped.
 */
import { PulsemeshError } from "@pulsemesh/core";
import { formatHostPort, type HostPort } from "../host-port.ts";
import { answerOk, openSmallServer, type SmallAnswer, type SmallServer } from "../small-server.ts";
import { answerNotReady } from "./waiting-door.ts";

export interface ProbeDoor extends Omit<SmallServer, "http"> {
  /** From now on readiness is asked of `isReady`; before, nothing is. */
  ask(isReady: () => boolean): void;
}

const notFound: SmallAnswer = {
  status: 404,
  type: "text/plain",
  body: "only /livez, /readyz and /startupz are here",
};

/**
 * Answers the probes at `at` until disposed.
 * @throws PulsemeshError `address-in-use`, `address-invalid`
 */
export async function openProbeDoor(at: HostPort): Promise<ProbeDoor> {
  let isReady = (): boolean => false;
  let hasStarted = false;
  const server = await openSmallServer(at, (probe) => {
    hasStarted ||= isReady();
    switch (probe) {
      case "/livez":
        return answerOk;
      case "/readyz":
        return isReady() ? answerOk : answerNotReady;
      case "/startupz":
        return hasStarted ? answerOk : answerNotReady;
      default:
        return notFound;
    }
  });
  if (server instanceof Error) throw cannotOpen(at, server);
  return {
    port: server.port,
    ask: (question) => {
      isReady = question;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function cannotOpen(at: HostPort, error: NodeJS.ErrnoException): PulsemeshError {
  const taken = error.code === "EADDRINUSE";
  return new PulsemeshError(
    taken ? "address-in-use" : "address-invalid",
    `Cannot answer probes on ${formatHostPort(at)}: ${taken ? "another process listens there, choose another with --probes" : error.message}.`,
    { cause: error },
  );
}
