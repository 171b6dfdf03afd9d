/**
 * How a robot speaks to the mesh: three HTTP calls to the node next to it, with nothing but `fetch`. A robot in any other
 * language does the same with its own HTTP client, or with curl.
 */

/** What the robot found out about itself or its job. */
export interface Report {
  readonly health: "ok" | "degraded" | "failing";
  /** One line for people, kept with the beat. */
  readonly summary: string;
  /** Merged into the robot's state; null removes a key. */
  readonly state: Readonly<Record<string, unknown>>;
}

export interface MeshReporter {
  /** One sign of life with what was found: `/ping/{robot}`, `/ping/{robot}?health=degraded` or `/ping/{robot}/fail`. */
  report(report: Report): Promise<void>;
  /** A sign of life and nothing else: `/heartbeat/{robot}`. */
  beat(): Promise<void>;
  /** Merges into the robot's state. */
  patchState(patch: Readonly<Record<string, unknown>>): Promise<void>;
}

/** The part of `fetch` that is used here, so that tests can stand in for the node. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const requestTimeoutMs = 2_000;

/** A reporter for one robot at one node, such as `http://127.0.0.1:7420`. Its calls reject when the node does not take them. */
export function meshReporter(
  baseUrl: string,
  robot: string,
  fetchUrl: Fetch = fetch,
): MeshReporter {
  const id = encodeURIComponent(robot);
  const send = async (method: string, path: string, body: string, type: string): Promise<void> => {
    const signal = AbortSignal.timeout(requestTimeoutMs);
    const headers = { "content-type": type };
    const answer = await fetchUrl(`${baseUrl}${path}`, { method, body, headers, signal });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
  };
  const patchState = (patch: Readonly<Record<string, unknown>>): Promise<void> =>
    send(
      "PATCH",
      `/api/v1/robots/${id}/state`,
      JSON.stringify(patch),
      "application/merge-patch+json",
    );
  const paths = {
    ok: `/ping/${id}`,
    degraded: `/ping/${id}?health=degraded`,
    failing: `/ping/${id}/fail`,
  };
  return {
    beat: () => send("POST", `/heartbeat/${id}`, "", "text/plain"),
    patchState,
    report: async ({ health, summary, state }) => {
      // The state first: whoever sees the health turn finds the reason already there.
      await patchState(state);
      await send("POST", paths[health], summary, "text/plain");
    },
  };
}
