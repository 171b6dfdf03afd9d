/** The gateway on a real port: slow senders, oversized requests, event streams, closing. */
import type { ProblemJson } from "@pulsemesh/gateway";
import { type Gateway, startGateway } from "@pulsemesh/gateway";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HTTP_WAITING_MAX } from "../../packages/gateway/src/limits.ts";
import { openRaw, type RawConnection } from "../support/raw-http.ts";
import { ScriptedNode } from "../support/scripted-node.ts";

let node: ScriptedNode;
let gateway: Gateway;
let opened: RawConnection[];

beforeEach(async () => {
  opened = [];
  node = new ScriptedNode();
  gateway = await startGateway(node, { port: 0 });
});

afterEach(async () => {
  for (const { socket } of opened) socket.destroy();
  await gateway.close();
});

async function raw(first: string | Buffer = ""): Promise<RawConnection> {
  const connection = await openRaw(gateway.port, first);
  opened.push(connection);
  return connection;
}

function problemIn(answer: string): ProblemJson {
  expect(answer).toContain("content-type: application/problem+json");
  return JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)) as ProblemJson;
}

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error("waited 5 s in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const beat = "POST /heartbeat/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";

describe("HT20 the address", () => {
  test("HT20 it listens on loopback and says where", async () => {
    expect(gateway.url).toBe(`http://127.0.0.1:${gateway.port}`);
    expect((await fetch(`${gateway.url}/livez`)).status).toBe(200);
  });

  test("HT20 a port in use is refused with address-in-use, an address of nobody with address-invalid", async () => {
    const second = startGateway(new ScriptedNode(), { port: gateway.port });
    await expect(second).rejects.toMatchObject({ code: "address-in-use", changed: false });
    const foreign = startGateway(new ScriptedNode(), {
      host: "192.0.2.1",
      port: 0,
      insecureHttp: true,
    });
    await expect(foreign).rejects.toMatchObject({ code: "address-invalid" });
  });

  test("HT20 with insecureHttp it listens on all addresses and serves any Host", async () => {
    await using open = await startGateway(new ScriptedNode(), {
      host: "0.0.0.0",
      port: 0,
      insecureHttp: true,
    });
    const headers = { host: "robots.example" };
    expect((await fetch(`${open.url}/livez`, { headers })).status).toBe(200);
  });
});

describe("HT19 slow and greedy connections", () => {
  test("HT19 headers over HTTP_HEADERS_WAIT_MS_MAX, a body over HTTP_REQUEST_WAIT_MS_MAX: 408; beats go on", async () => {
    const startMs = performance.now();
    const headers = await raw("POST /heartbeat/a HTTP/1.1\r\nhost: localhost\r\nx-slow: ");
    const body = await raw(
      "POST /heartbeat/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\na",
    );
    const drip = setInterval(() => {
      for (const { socket } of [headers, body]) if (socket.writable) socket.write("x");
    }, 2_000);
    expect((await fetch(`${gateway.url}/heartbeat/b`, { method: "POST" })).status).toBe(200);
    expect(problemIn(await headers.closed).code).toBe("request-timed-out");
    const headersMs = performance.now() - startMs;
    expect(problemIn(await body.closed).code).toBe("request-timed-out");
    clearInterval(drip);
    expect(headersMs).toBeGreaterThan(4_500);
    expect(headersMs).toBeLessThan(9_000);
    expect(performance.now() - startMs).toBeLessThan(14_000);
    expect(node.commands).toHaveLength(1);
  }, 30_000);

  test("HT19 HTTP_CONNECTIONS_KEPT_MAX are kept alive: 1,100 with a request each keep no beat out", async () => {
    const idle: RawConnection[] = [];
    const get = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    while (idle.length < 1_100) {
      idle.push(...(await Promise.all(Array.from({ length: 100 }, () => raw(get)))));
      await until(() => idle.every((one) => one.text().includes("HTTP/1.1 200")));
    }
    expect(idle[0]?.text()).not.toMatch(/^connection: close/im);
    for (let i = 0; i < 10; i += 1) {
      const robot = await raw(beat);
      await until(() => robot.text().endsWith("OK"));
      idle.push(robot);
    }
    expect(idle.filter((one) => /^connection: close/im.test(one.text())).length).toBeGreaterThan(
      300,
    );
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain("pulsemesh_http_connections_dropped_total 0");
  }, 20_000);

  test("HT19 P6 bodies on their way take HTTP_UNFINISHED_BYTES_MAX together, then the oldest make room; beats go on", async () => {
    const part = Buffer.alloc(1_000_000, "x");
    const long = "POST /heartbeat/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000001\r\n\r\n";
    const slow = await Promise.all(Array.from({ length: 100 }, () => raw(long)));
    for (const { socket } of slow) socket.write(part);
    // What a connection brought together with its headers does not count.
    await until(() => slow.filter(({ socket }) => socket.closed).length >= 25);
    expect(slow[0]?.socket.closed).toBe(true);
    expect((await fetch(`${gateway.url}/heartbeat/b`, { method: "POST" })).status).toBe(200);
    const left = slow.filter(({ socket }) => !socket.closed);
    expect(left.length).toBeGreaterThanOrEqual(60);
    for (const { socket } of left) socket.write("x");
    await until(() => left.every((one) => one.text().endsWith("OK")));
  }, 20_000);

  test("HT19 connections that say nothing make room, the longest silent first, and are closed after 5 s", async () => {
    const startMs = performance.now();
    const silent = await Promise.all(Array.from({ length: 900 }, () => raw()));
    expect((await fetch(`${gateway.url}/heartbeat/a`, { method: "POST" })).status).toBe(200);
    expect(await silent[0]?.closed).toBe("");
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/pulsemesh_http_connections_evicted_total 13\d/);
    await Promise.all(silent.map(({ closed }) => closed));
    expect(performance.now() - startMs).toBeLessThan(9_000);
  }, 20_000);

  test("HT19 an event stream and a beat that is being stored make no room for others", async () => {
    const stream = await raw("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await until(() => stream.text().includes("retry: 1000"));
    const held = Promise.withResolvers<{ readonly ok: true }>();
    node.answer = () => held.promise;
    const slow = await raw(beat);
    await until(() => node.commands.length === 1);
    const silent = await Promise.all(Array.from({ length: 900 }, () => raw()));
    await until(() => silent.filter(({ socket }) => socket.closed).length >= 134);
    held.resolve({ ok: true });
    await until(() => slow.text().endsWith("OK"));
    expect(stream.socket.closed).toBe(false);
  });

  test("HT19 HTTP_CONNECTIONS_MAX: one more is dropped and counted when none of them waits for its caller", async () => {
    const held = Promise.withResolvers<{ readonly ok: true }>();
    node.answer = () => held.promise;
    let busy: RawConnection[] = [];
    while (node.commands.length < 1_024) {
      const room = Math.min(32, 1_024 - node.commands.length);
      busy.push(...(await Promise.all(Array.from({ length: room }, () => raw(beat)))));
      // On a machine without time one may have to make room before its request is read.
      const isSettled = (): boolean =>
        node.commands.length === busy.filter(({ socket }) => !socket.closed).length;
      await until(isSettled);
      busy = busy.filter(({ socket }) => !socket.closed);
    }
    const oneMore = await raw();
    expect(await oneMore.closed).toBe("");
    held.resolve({ ok: true });
    await until(() => busy.every((one) => one.text().endsWith("OK")));
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/pulsemesh_http_connections_dropped_total [1-9]/);
  }, 20_000);

  test("HT17 headers over HTTP_HEADERS_BYTES_MAX are 431", async () => {
    const big = await raw(
      `GET /livez HTTP/1.1\r\nhost: localhost\r\nx-big: ${"x".repeat(17 * 1024)}\r\n\r\n`,
    );
    expect(problemIn(await big.closed)).toMatchObject({ status: 431, code: "headers-too-large" });
  });

  test("HT17 a body over HTTP_BODY_BYTES_MAX is 413, announced or chunked", async () => {
    const post = "POST /heartbeat/a HTTP/1.1\r\nhost: localhost\r\n";
    const announced = await raw(`${post}content-length: 99999999999\r\n\r\n`);
    await until(() => announced.text().endsWith("}"));
    expect(problemIn(announced.text()).code).toBe("body-too-large");
    const chunked = await raw(`${post}transfer-encoding: chunked\r\n\r\n`);
    const piece = `10000\r\n${"x".repeat(65_536)}\r\n`;
    for (let i = 0; i < 17 && chunked.socket.writable; i += 1) chunked.socket.write(piece);
    await until(() => chunked.text().endsWith("}"));
    expect(problemIn(chunked.text()).code).toBe("body-too-large");
  });

  test.each([
    "\u0000\u0001\u0002\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "POST /heartbeat/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "POST /heartbeat/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /heartbeat/a HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
  ])("HT17 the bytes %j are 400 and close the connection", async (bytes) => {
    const garbage = await raw(bytes);
    expect(problemIn(await garbage.closed)).toMatchObject({ status: 400, code: "request-invalid" });
    expect(node.commands).toEqual([]);
  });

  test("HT1 pipelined beats are answered in order, one each", async () => {
    const pipe = await raw(beat.repeat(50));
    await until(() => pipe.text().split("HTTP/1.1 200 OK").length === 51);
    expect(node.commands).toHaveLength(50);
  });
});

describe("HT19 requests before the answers to those ahead of them are taken", () => {
  const list = "GET /api/v1/robots HTTP/1.1\r\nhost: localhost\r\n\r\n";
  const answers = (text: string, status: number): number =>
    text.split(`HTTP/1.1 ${status} `).length - 1;

  function reads(): () => number {
    let count = 0;
    const robotIds = node.robotIds.bind(node);
    node.robotIds = () => ((count += 1), robotIds());
    return () => count;
  }

  test("HT19 what may have a long answer waits until its turn comes, and then is answered as ever", async () => {
    const held = Promise.withResolvers<{ readonly ok: true }>();
    node.answer = () => held.promise;
    const count = reads();
    const pipe = await raw(beat + list.repeat(3) + beat);
    await until(() => node.commands.length === 2);
    expect(count()).toBe(0);
    held.resolve({ ok: true });
    await until(() => answers(pipe.text(), 200) === 5);
    expect(count()).toBe(3);
  });

  test("HT19 beyond HTTP_WAITING_MAX of a connection the next is 400, unread, and the others are answered", async () => {
    const held = Promise.withResolvers<{ readonly ok: true }>();
    node.answer = () => held.promise;
    const count = reads();
    const pipe = await raw(beat + list.repeat(HTTP_WAITING_MAX + 9));
    await until(() => node.commands.length === 1);
    held.resolve({ ok: true });
    await until(() => answers(pipe.text(), 400) === 9);
    expect([answers(pipe.text(), 200), count()]).toEqual([1 + HTTP_WAITING_MAX, HTTP_WAITING_MAX]);
    pipe.socket.write(list);
    await until(() => answers(pipe.text(), 200) === 2 + HTTP_WAITING_MAX);
  });

  test("HT19 64 KiB of requests whose answers nobody takes cost a few of them", async () => {
    for (let i = 0; i < 100; i += 1)
      await fetch(`${gateway.url}/heartbeat/robot-${i}`, { method: "POST" });
    const count = reads();
    const pipe = await raw();
    pipe.socket.pause();
    pipe.socket.write(list.repeat(1_200));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(count()).toBeLessThanOrEqual(1 + HTTP_WAITING_MAX);
  });
});

describe("HT18 whom a request is meant for", () => {
  const post = (target: string, headers: string): string =>
    `POST ${target} HTTP/1.1\r\n${headers}content-length: 0\r\nconnection: close\r\n\r\n`;
  const statusOf = (answer: string): number => Number(answer.slice(9, 12));

  test.each([
    ["two Hosts", "/heartbeat/a", "host: localhost\r\nhost: evil.example\r\n"],
    ["the same Host twice", "/heartbeat/a", "host: localhost\r\nHost: localhost\r\n"],
    ["no Host in HTTP/1.1", "/heartbeat/a", ""],
  ])("HT18 %s: 400 request-invalid, as a problem", async (_case, target, headers) => {
    const answer = await (await raw(post(target, headers))).closed;
    expect(problemIn(answer)).toMatchObject({ status: 400, code: "request-invalid" });
    expect(node.commands).toEqual([]);
  });

  test("HT18 in absolute form the target says whom it is meant for, whatever Host says", async () => {
    const foreign = await raw(post("http://evil.example/heartbeat/a", "host: localhost\r\n"));
    expect(problemIn(await foreign.closed).code).toBe("host-forbidden");
    const rebound = await raw(
      post("http://evil.example/heartbeat/a", "host: localhost\r\norigin: http://evil.example\r\n"),
    );
    expect(problemIn(await rebound.closed).code).toBe("host-forbidden");
    expect(node.commands).toEqual([]);
    const own = await raw(post("http://localhost/heartbeat/a", "host: proxy.example\r\n"));
    expect(statusOf(await own.closed)).toBe(200);
  });

  test("HT18 an HTTP/1.0 probe without Host is served", async () => {
    const probe = await raw("GET /livez HTTP/1.0\r\n\r\n");
    expect(statusOf(await probe.closed)).toBe(200);
  });

  test("HT17 an Expect that nobody knows is not looked at: the beat counts", async () => {
    const odd = await raw(post("/heartbeat/a", "host: localhost\r\nexpect: the-unexpected\r\n"));
    expect(statusOf(await odd.closed)).toBe(200);
    expect(node.commands).toHaveLength(1);
  });
});

describe("HT11 event streams", () => {
  const get = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n";

  function emitBeats(count: number): void {
    for (let i = 0; i < count; i += 1) {
      node.emit({ type: "robot-beat", robot: "a", kind: "beat", atWallMs: i });
    }
  }

  function idsIn(text: string): readonly number[] {
    return [...text.matchAll(/^id: \w+-(\d+)\r?$/gm)].map(([, id]) => Number(id));
  }

  test("HT11 a reader that comes back with its last id misses nothing", async () => {
    const first = await raw(`${get}\r\n`);
    await until(() => first.text().includes("retry: 1000"));
    emitBeats(5);
    await until(() => idsIn(first.text()).length === 5);
    first.socket.destroy();
    emitBeats(5);
    const stream = /^id: (\w+)-/m.exec(first.text())?.[1] ?? "";
    const again = await raw(`${get}last-event-id: ${stream}-3\r\n\r\n`);
    await until(() => idsIn(again.text()).length === 7);
    expect(idsIn(again.text())).toEqual([4, 5, 6, 7, 8, 9, 10]);
  });

  test("HT12 after a restart a reader is told that there is a gap", async () => {
    emitBeats(1);
    const reader = await raw(`${get}last-event-id: 0123456789ab-77\r\n\r\n`);
    await until(() => reader.text().includes("other-boot"));
    expect(reader.text()).toContain("event: lost");
  });

  test("HT12 a reader that does not read costs one socket buffer, and then hears of its loss", async () => {
    const slow = await raw(`${get}\r\n`);
    await until(() => slow.text().includes("retry: 1000"));
    slow.socket.pause();
    const state = { text: "x".repeat(8_000) };
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 20_000; i += 1) {
      node.emit({ type: "robot-state", robot: "a", state, atWallMs: i });
      if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    slow.socket.resume();
    await until(
      () => slow.text().includes('"reason":"slow-reader"') && idsIn(slow.text()).includes(20_000),
    );
    const ids = idsIn(slow.text());
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  test("HT12 EVENT_STREAMS_MAX streams are open, one more is 503, a place that is left is taken", async () => {
    const streams = await Promise.all(Array.from({ length: 64 }, () => raw(`${get}\r\n`)));
    await until(() => streams.every((one) => one.text().includes("retry: 1000")));
    const refused = await fetch(`${gateway.url}/api/v1/events`);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    streams[0]?.socket.destroy();
    await until(() => streams[0]?.socket.closed === true);
    let open = await fetch(`${gateway.url}/api/v1/events`);
    for (let i = 0; i < 100 && open.status === 503; i += 1) {
      open = await fetch(`${gateway.url}/api/v1/events`);
    }
    expect(open.status).toBe(200);
    await open.body?.cancel();
  });
});

describe("HT20 closing", () => {
  test("HT20 close ends streams and idle connections at once, is idempotent, frees the port", async () => {
    const stream = await raw("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await until(() => stream.text().includes("retry: 1000"));
    const startMs = performance.now();
    await Promise.all([gateway.close(), gateway.close()]);
    await stream.closed;
    expect(performance.now() - startMs).toBeLessThan(900);
    await using next = await startGateway(node, { port: gateway.port });
    expect((await fetch(`${next.url}/livez`)).status).toBe(200);
  });

  test("HT20 a request under way is finished, one that never ends is cut after HTTP_CLOSE_WAIT_MS_MAX", async () => {
    const held = Promise.withResolvers<{ readonly ok: true }>();
    node.answer = () => held.promise;
    const beating = fetch(`${gateway.url}/heartbeat/a`, { method: "POST" });
    await until(() => node.commands.length === 1);
    const endless = await raw(
      "POST /heartbeat/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n",
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    const startMs = performance.now();
    const closing = gateway.close();
    held.resolve({ ok: true });
    expect((await beating).status).toBe(200);
    await closing;
    await endless.closed;
    expect(performance.now() - startMs).toBeGreaterThan(800);
    expect(performance.now() - startMs).toBeLessThan(2_500);
  });
});
