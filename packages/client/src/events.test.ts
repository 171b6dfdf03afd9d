import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createClient } from "./client.ts";
import { PulsemeshClientError } from "./client-error.ts";
import type { EventJson } from "./json.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A connection that carries these frames and then ends, or stays open. */
function connection(ids: readonly string[], ending: "ends" | "stays" = "ends"): Response {
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      const frames = ids.map((id) => `id: ${id}\nevent: e\ndata: ${eventText(id)}\n\n`).join("");
      if (frames !== "") controller.enqueue(new TextEncoder().encode(frames));
      if (ending === "ends") controller.close();
    },
  });
  return streamOf(body);
}

function streamOf(body: ConstructorParameters<typeof Response>[0]): Response {
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

function eventText(id: string): string {
  const [specversion, datacontenttype] = ["1.0", "application/json"];
  const said = { id, source: "/n", type: "pulsemesh.e", time: "t", data: {} };
  return JSON.stringify({ specversion, datacontenttype, ...said });
}

/** Like fetch itself, the body fails when the signal says so. */
function abortable({ body, headers }: Response, signal: AbortSignal | null | undefined): Response {
  if (body === null || signal === null || signal === undefined)
    throw new Error("no body, no signal");
  return new Response(body.pipeThrough(new TransformStream(), { signal }), { headers });
}

/** Collects ids until `count` came, while virtual time runs. */
async function read(
  answers: readonly (Response | Error)[],
  count: number,
): Promise<{ readonly ids: readonly string[]; readonly lastIds: readonly (string | null)[] }> {
  const lastIds: (string | null)[] = [];
  const waiting = [...answers];
  const client = createClient({
    baseUrl: "http://127.0.0.1:7420",
    fetch: async (_input, init) => {
      lastIds.push(new Headers(init?.headers).get("last-event-id"));
      const answer = waiting.shift() ?? new Error("no answer is left");
      if (answer instanceof Error) throw answer;
      return answer.ok ? abortable(answer, init?.signal) : answer;
    },
  });
  const ids: string[] = [];
  const reading = (async () => {
    for await (const event of client.events()) {
      ids.push(event.id);
      if (ids.length === count) return;
    }
  })();
  let done = false;
  const watched = reading.finally(() => (done = true));
  watched.catch(() => undefined);
  for (let i = 0; i < 2_000 && !done; i += 1) await vi.advanceTimersByTimeAsync(100);
  await watched;
  return { ids, lastIds };
}

test("HT23 after a disconnect reading goes on behind the last event", async () => {
  const { ids, lastIds } = await read(
    [connection(["s-1", "s-2"]), new TypeError("fetch failed"), connection(["s-3"])],
    3,
  );
  expect(ids).toEqual(["s-1", "s-2", "s-3"]);
  expect(lastIds).toEqual([null, "s-2", "s-2"]);
});

test("HT23 a first connection that fails is an error, not a wait", async () => {
  await expect(read([new TypeError("fetch failed")], 1)).rejects.toMatchObject({
    code: "node-unreachable",
  });
});

test("HT23 a refusal of the request itself ends the reading, a node that is not ready does not", async () => {
  const refused = (status: number): Response =>
    Response.json(
      { code: "x" },
      { status, headers: { "content-type": "application/problem+json" } },
    );
  await expect(read([connection(["s-1"]), refused(400)], 2)).rejects.toBeInstanceOf(
    PulsemeshClientError,
  );
  const { ids } = await read([connection(["s-1"]), refused(503), connection(["s-2"])], 2);
  expect(ids).toEqual(["s-1", "s-2"]);
});

test("HT23 a stream silent for SILENCE_MS_MAX is given up and opened again", async () => {
  const { ids, lastIds } = await read([connection(["s-1"], "stays"), connection(["s-2"])], 2);
  expect([ids, lastIds]).toEqual([
    ["s-1", "s-2"],
    [null, "s-1"],
  ]);
});

test("HT23 pauses between tries grow to RETRY_MS_MAX and no further", async () => {
  const opened: number[] = [];
  const client = createClient({
    baseUrl: "http://127.0.0.1:7420",
    fetch: async () => {
      opened.push(Date.now());
      if (opened.length === 1) return connection([]);
      throw new TypeError("fetch failed");
    },
  });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  const stop = new AbortController();
  const reading = client.events({ signal: stop.signal }).next();
  await vi.advanceTimersByTimeAsync(30_000);
  stop.abort();
  expect(await reading).toEqual({ done: true, value: undefined });
  const pausesMs = opened.slice(1).map((atMs, i) => atMs - (opened[i] ?? 0));
  expect(pausesMs.slice(0, 6)).toEqual([500, 1_000, 2_000, 4_000, 4_000, 4_000]);
});

test("HT23 the signal ends the iteration without an error, and closes the connection", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
  const stop = new AbortController();
  const client = createClient({
    baseUrl: "http://127.0.0.1:7420",
    fetch: async (_input, init) => {
      return abortable(streamOf(body), init?.signal);
    },
  });
  const events: EventJson[] = [];
  const reading = (async () => {
    for await (const event of client.events({ signal: stop.signal })) events.push(event);
  })();
  await vi.advanceTimersByTimeAsync(10);
  stop.abort();
  await reading;
  expect([events, cancelled]).toEqual([[], true]);
});

test("HT23 without reconnect the iteration ends with the connection", async () => {
  const client = createClient({
    baseUrl: "http://127.0.0.1:7420",
    fetch: async () => connection(["s-1"]),
  });
  const ids: string[] = [];
  let opens = 0;
  const options = { reconnect: false, onOpen: () => void (opens += 1) };
  for await (const event of client.events(options)) ids.push(event.id);
  expect([ids, opens]).toEqual([["s-1"], 1]);
});

test.each([
  ["JSON", () => Response.json({})],
  ["an event that is no JSON", () => streamOf("data: {\n\n")],
  ["an event of another shape", () => streamOf('data: {"id":7}\n\n')],
])(
  "HT23 %s in the place of a stream is answer-invalid, and not asked for again and again",
  async (_what, answer) => {
    await expect(read([answer(), connection(["s-1"])], 1)).rejects.toMatchObject({
      code: "answer-invalid",
    });
  },
);
