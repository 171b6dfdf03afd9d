import { describe, expect, test } from "vitest";
import { createClient, type PulsemeshClient } from "./client.ts";
import { PulsemeshClientError } from "./client-error.ts";
import type { RobotJson } from "./json.ts";

interface Call {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string | undefined;
}

/** A client of scripted answers, and what it asked. */
function scripted(...answers: readonly (Response | Error)[]): {
  readonly client: PulsemeshClient;
  readonly calls: readonly Call[];
} {
  const calls: Call[] = [];
  const waiting = [...answers];
  const client = createClient({
    baseUrl: "http://127.0.0.1:7420/",
    fetch: async (input, init) => {
      calls.push({
        method: init?.method ?? "GET",
        url: (input as string).replace("http://127.0.0.1:7420", ""),
        headers: new Headers(init?.headers),
        body: init?.body as string | undefined,
      });
      const answer = waiting.shift() ?? new Error("no answer is left");
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { client, calls };
}

const robot: RobotJson = {
  robot_id: "a",
  status: "up",
  since: "2026-01-01T00:00:00.000Z",
  reason: null,
  health: "ok",
  last_check: null,
  age_ms: null,
  node: null,
  node_id: null,
  region: null,
  labels: {},
  floating: false,
  schedule: null,
  regularity: null,
  version: "1",
  witnesses: { up: 0, late: 0, down: 0, unknown: 0, of: 0 },
  state: {},
};

function problem(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = JSON.stringify({ code, detail: "why", next: "do this", changed: false });
  return new Response(body, {
    status,
    headers: { "content-type": "application/problem+json; charset=utf-8", ...headers },
  });
}

test("CFG12 HT22 a token goes with every call, in the header and nowhere else", async () => {
  const seen: (readonly [string, string | null])[] = [];
  const client = createClient({
    baseUrl: "http://127.0.0.1:7420",
    token: "my-token",
    fetch: async (input, init) => {
      seen.push([input as string, new Headers(init?.headers).get("authorization")]);
      return new Response("OK");
    },
  });
  await client.ping("a", { message: "m" });
  await client.heartbeat("a");
  await client.metrics();
  expect(seen.map(([, header]) => header)).toEqual(Array(3).fill("Bearer my-token"));
  expect(seen.filter(([url]) => url.includes("my-token"))).toEqual([]);
});

describe("HT22 P5 who answers", () => {
  const page = (status: number, headers: Readonly<Record<string, string>> = {}): Response =>
    new Response("<p>Please log in.", {
      status,
      headers: { "content-type": "text/html; charset=utf-8", ...headers },
    });

  test("HT22 P5 a page that says 200 in the place of a node has taken no beat", async () => {
    const { client } = scripted(page(200), page(201), new Response(null, { status: 204 }));
    for (const call of [client.ping("a"), client.heartbeat("a"), client.ping("a")]) {
      await expect(call).rejects.toMatchObject({ code: "answer-invalid" });
    }
  });

  test("HT22 P5 nobody is followed elsewhere: a POST would arrive as a GET without its message, and at whom", async () => {
    const seen: unknown[] = [];
    const client = createClient({
      baseUrl: "http://127.0.0.1:7420",
      fetch: async (_input, init) => {
        seen.push(init?.redirect);
        return page(302, { location: "http://elsewhere.example/" });
      },
    });
    const error = { code: "answer-invalid", status: 302 };
    await expect(client.ping("a")).rejects.toMatchObject(error);
    await expect(client.robots()).rejects.toMatchObject(error);
    expect(seen).toEqual(["manual", "manual"]);
  });

  test("HT22 P5 a beat is taken with the status, also where the rest of the answer breaks off", async () => {
    const broken = new ReadableStream({ start: (stream) => stream.error(new Error("broke off")) });
    const headers = { "content-type": "text/plain" };
    const { client } = scripted(new Response(broken, { status: 201, headers }));
    expect(await client.ping("a")).toEqual({ created: true });
  });
});

describe("HT22 requests", () => {
  test("HT22 beats", async () => {
    const { client, calls } = scripted(
      ...Array.from({ length: 3 }, () => new Response("OK")),
      new Response("OK", { status: 201 }),
    );
    await client.heartbeat("eu:bot/1");
    await client.heartbeat("a", { message: "all well", health: "degraded" });
    expect(await client.ping("a", { kind: 7, rid: "r 1" })).toEqual({ created: false });
    expect(await client.ping("a", { create: true })).toEqual({ created: true });
    expect(calls.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["POST", "/heartbeat/eu%3Abot%2F1", undefined],
      ["POST", "/heartbeat/a?health=degraded", "all well"],
      ["POST", "/ping/a/7?rid=r+1", undefined],
      ["POST", "/ping/a?create=1", undefined],
    ]);
  });

  test("HT22 HT30 a beat that had to wait says when it was given", async () => {
    const { client, calls } = scripted(new Response("OK"), new Response("OK"));
    const givenAtWallMs = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
    await client.heartbeat("a", { givenAtWallMs });
    await client.ping("a", { kind: "fail", givenAtWallMs });
    expect(calls.map(({ url }) => url)).toEqual([
      "/heartbeat/a?at=2026-01-02T03%3A04%3A05.006Z",
      "/ping/a/fail?at=2026-01-02T03%3A04%3A05.006Z",
    ]);
  });

  test("HT22 robots are read page by page", async () => {
    const page = (ids: readonly string[], next: string | null): Response =>
      Response.json({ robots: ids.map((robot_id) => ({ ...robot, robot_id })), next });
    const { client, calls } = scripted(page(["a", "b"], "b"), page(["c"], null));
    const robots = await client.robots({ status: ["up", "late"], labels: { k: "v=w" } });
    expect(robots.map(({ robot_id }) => robot_id)).toEqual(["a", "b", "c"]);
    expect(calls.map(({ url }) => url)).toEqual([
      "/api/v1/robots?status=up&status=late&label=k%3Dv%3Dw",
      "/api/v1/robots?status=up&status=late&label=k%3Dv%3Dw&after=b",
    ]);
  });

  test("HT22 a patch carries its media type and the tag that it expects", async () => {
    const { client, calls } = scripted(Response.json({ a: 1 }, { headers: { etag: '"2"' } }));
    expect(await client.patchState("a", { a: 1, b: null }, { ifMatch: '"1"' })).toEqual({
      state: { a: 1 },
      etag: '"2"',
    });
    const [call] = calls;
    expect([call?.method, call?.url, call?.body]).toEqual([
      "PATCH",
      "/api/v1/robots/a/state",
      '{"a":1,"b":null}',
    ]);
    expect(call?.headers.get("content-type")).toBe("application/merge-patch+json");
    expect(call?.headers.get("if-match")).toBe('"1"');
  });

  test("HT22 the status line is an answer also with 410, 500 and 503", async () => {
    const { client } = scripted(
      new Response("a is down", { status: 500 }),
      problem(503, "not-ready"),
    );
    expect(await client.status("a")).toEqual({ httpStatus: 500, word: "down", text: "a is down" });
    await expect(client.status("a")).rejects.toMatchObject({ code: "not-ready", status: 503 });
  });

  test("HT22 health tells what the probes say and why not", async () => {
    const ready = scripted(
      new Response("ok"),
      problem(503, "not-ready"),
      problem(503, "not-ready"),
    );
    expect(await ready.client.health()).toMatchObject({
      live: true,
      ready: false,
      started: false,
      error: { code: "not-ready" },
    });
    const gone = scripted(new TypeError("fetch failed"));
    expect(await gone.client.health()).toMatchObject({
      live: false,
      error: { code: "node-unreachable" },
    });
  });
});

describe("HT22 errors", () => {
  test("HT22 a problem keeps its code, status, next step and Retry-After", async () => {
    const { client } = scripted(problem(429, "beats-too-many", { "retry-after": "2" }));
    const error = await client.heartbeat("a").catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PulsemeshClientError);
    expect(error).toMatchObject({
      message: "why",
      code: "beats-too-many",
      status: 429,
      detail: "why",
      next: "do this",
      changed: false,
      retryAfterMs: 2_000,
    });
  });

  test("HT22 what is no gateway's answer is answer-invalid", async () => {
    const answers = [
      new Response("<html>", { status: 404 }),
      new Response("{", { headers: { "content-type": "application/problem+json" }, status: 400 }),
      new Response("<html>login"),
    ];
    const { client } = scripted(...answers);
    for (let i = 0; i < answers.length; i += 1) {
      await expect(client.peers()).rejects.toMatchObject({ code: "answer-invalid" });
    }
  });

  const calls: Readonly<Record<string, (client: PulsemeshClient) => Promise<unknown>>> = {
    robots: (client) => client.robots(),
    robot: (client) => client.robot("a"),
    putRobot: (client) => client.putRobot("a", {}),
    retireRobot: (client) => client.retireRobot("a"),
    retirePeer: (client) => client.retirePeer("a"),
    leave: (client) => client.leave(),
    getState: (client) => client.getState("a"),
    patchState: (client) => client.patchState("a", {}),
    peers: (client) => client.peers(),
    authority: (client) => client.authority(),
    invite: (client) => client.invite(),
    invites: (client) => client.invites(),
    grant: (client) => client.grant("x"),
    diagnostics: (client) => client.diagnostics(),
    auditTail: (client) => client.auditTail(),
    auditVerify: (client) => client.auditVerify(),
  };

  test.each(Object.entries(calls))(
    "HT22 %s: JSON that is no node's is answer-invalid, says by whom and what is wrong with it",
    async (name, call) => {
      // A state may be any object.
      const empty = name.endsWith("State") ? [] : [{}];
      for (const json of [...empty, [], null, 7, "text"]) {
        const { client } = scripted(Response.json(json));
        const error = await call(client).catch((caught: unknown) => caught);
        expect(error).toBeInstanceOf(PulsemeshClientError);
        expect(error).toMatchObject({
          code: "answer-invalid",
          status: 200,
          detail: expect.stringMatching(/^http:\/\/127\.0\.0\.1:7420 answered 200 .*: .* is not /),
        });
      }
    },
  );

  test.each([
    ["'robots[1].schedule.every_ms' is not a number", { schedule: { type: "every" } }],
    ["'robots[1].schedule.type' is not \"every\"", { schedule: { type: "moon" } }],
    ["'robots[1].labels.k' is not text", { labels: { k: 7 } }],
    ["'robots[1].labels' is not a map", { labels: [] }],
    ["'robots[1].witnesses.of' is not a number", { witnesses: { ...robot.witnesses, of: "5" } }],
    ["'robots[1].floating' is not true or false", { floating: null }],
  ])("HT22 of a long answer the place is named: %s", async (fault, wrong) => {
    const robots = [robot, { ...robot, ...wrong }];
    const { client } = scripted(Response.json({ robots, next: null }));
    await expect(client.robots()).rejects.toThrow(fault);
  });

  test("HT22 what a later release says besides, and new words of it, are passed over", async () => {
    const later = { ...robot, status: "asleep", mood: { is: "good" } };
    const { client } = scripted(Response.json(later));
    expect(await client.robot("a")).toEqual(later);
  });

  test("HT22 no connection is node-unreachable with the cause", async () => {
    const cause = new TypeError("fetch failed");
    const { client } = scripted(cause);
    await expect(client.peers()).rejects.toMatchObject({ code: "node-unreachable", cause });
  });

  test("HT22 a caller's signal rejects with its own reason, a time limit with timed-out", async () => {
    const client = createClient({
      baseUrl: "http://127.0.0.1:7420",
      fetch: (_input, init) =>
        new Promise((_resolve, reject) => {
          const fail = (): void => reject(new Error("aborted"));
          if (init?.signal?.aborted === true) fail();
          init?.signal?.addEventListener("abort", fail);
        }),
    });
    const reason = new Error("not interested any more");
    await expect(client.peers({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(client.peers({ timeoutMs: 1 })).rejects.toMatchObject({ code: "timed-out" });
  });

  test.each(["ftp://a", "not a url", ""])(
    "HT22 the base URL '%s' is refused at once",
    (baseUrl) => {
      expect(() => createClient({ baseUrl })).toThrow(TypeError);
    },
  );
});
