/** The gateway's second door, on real sockets: the same HTTP, file modes, stale files, limits and the way it closes. */
import { type Gateway, startGateway } from "@pulsemesh/gateway";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ScriptedNode } from "../support/scripted-node.ts";
import { until } from "../support/until.ts";

let folder: string;
let path: string;
let node: ScriptedNode;
const gateways: Gateway[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pulsemesh-socket-"));
  path = join(folder, "node.sock");
  node = new ScriptedNode();
});

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(at: string = path, mode?: number): Promise<Gateway> {
  const gateway = await startGateway(node, { port: 0, socket: { path: at, mode } });
  gateways.push(gateway);
  return gateway;
}

function ask(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath: path, path: url, method: "POST", headers, agent: false },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (part: string) => (text += part));
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text }));
      },
    );
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** Everything that comes until the other side ends. */
async function raw(text: string): Promise<string> {
  const socket = connect(path);
  let answer = "";
  socket.on("data", (part: Buffer) => (answer += part.toString()));
  socket.write(text);
  await once(socket, "close");
  return answer;
}

describe("HT31 the socket", () => {
  test("HT31 serves the same HTTP beside the port, for its owner alone, and is gone after the stop", async () => {
    const gateway = await start();
    expect(gateway.socketUrl).toBe(`unix:${path}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await ask("/heartbeat/a")).toEqual({ status: 200, text: "OK" });
    expect((await fetch(`${gateway.url}/heartbeat/b`, { method: "POST" })).status).toBe(200);
    expect(node.commands).toHaveLength(2);
    await gateway.close();
    expect(existsSync(path)).toBe(false);
  });

  test("HT31 a mode that is asked for is the file's, a folder that is missing is made for its owner alone", async () => {
    path = join(folder, "deep", "er", "node.sock");
    await start(path, 0o660);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(statSync(join(folder, "deep", "er")).mode & 0o777).toBe(0o700);
  });

  test("HT31 any Host is served there, but two are not, and pages of other sites neither", async () => {
    await start();
    expect((await ask("/heartbeat/a", { host: "mesh.example" })).status).toBe(200);
    const foreign = { host: "mesh.example", origin: "http://evil.example" };
    expect((await ask("/heartbeat/a", foreign)).status).toBe(403);
    const close = "connection: close\r\n\r\n";
    const line = "GET /livez HTTP/1.1\r\n";
    expect(await raw(`${line}host: a\r\nhost: b\r\n${close}`)).toContain("400 Bad Request");
    expect(await raw(`${line}${close}`)).toContain("400 Bad Request");
    expect(await raw(`garbage\r\n\r\n`)).toContain("400 Bad Request");
  });

  test("HT31 SOCKET_PATH_BYTES_MAX: a path of 107 bytes works, one more is refused and not cut", async () => {
    const fill = (bytes: number): string => join(folder, "x".repeat(bytes - folder.length - 1));
    path = fill(107);
    await start(path);
    expect((await ask("/heartbeat/a")).status).toBe(200);
    await expect(start(fill(108))).rejects.toMatchObject({ code: "address-invalid" });
    await expect(start(fill(108))).rejects.toThrow("has 108 bytes");
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test("HT31 a folder in which everybody may write is refused, except a sticky one", async () => {
    chmodSync(folder, 0o777);
    await expect(start()).rejects.toThrow("chmod o-w");
    chmodSync(folder, 0o1777);
    await start();
    expect((await ask("/heartbeat/a")).status).toBe(200);
  });
});

describe("HT31 what is at the path already", () => {
  test("HT31 a living socket is address-in-use and stays as it is", async () => {
    await start();
    const { ino } = statSync(path);
    await expect(start()).rejects.toMatchObject({ code: "address-in-use" });
    expect(statSync(path).ino).toBe(ino);
    expect((await ask("/heartbeat/a")).status).toBe(200);
  });

  /** As after kill -9: the file stays. Closing would remove it, under the name that it was made with. */
  async function leaveStale(): Promise<void> {
    const dead = createServer();
    dead.listen(path);
    await once(dead, "listening");
    const kept = join(folder, "kept");
    const { link, rename } = await import("node:fs/promises");
    await link(path, kept);
    dead.close();
    await once(dead, "close");
    await rename(kept, path);
  }

  test("HT31 a socket that nobody listens on any more is replaced", async () => {
    await leaveStale();
    await start();
    expect((await ask("/heartbeat/a")).status).toBe(200);
    expect(readdirSync(folder)).toEqual(["node.sock"]);
  });

  test("HT31 of many that replace it at once one gets it, and the others learn that it is taken", async () => {
    for (let round = 0; round < 10; round++) {
      await leaveStale();
      const ends = await Promise.allSettled([start(), start(), start(), start()]);
      const codes = ends.map((end) =>
        end.status === "fulfilled" ? "open" : (end.reason as { readonly code: string }).code,
      );
      const taken = "address-in-use";
      expect(codes.toSorted()).toEqual([taken, taken, taken, "open"]);
      expect((await ask("/heartbeat/a")).status).toBe(200);
      for (const gateway of gateways.splice(0)) await gateway.close();
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  test("HT31 a file or a folder is never removed", async () => {
    writeFileSync(path, "precious");
    await expect(start()).rejects.toMatchObject({ code: "address-invalid" });
    expect(statSync(path).size).toBe(8);
    rmSync(path);
    mkdirSync(path);
    await expect(start()).rejects.toMatchObject({ code: "address-invalid" });
    expect(statSync(path).isDirectory()).toBe(true);
  });
});

describe("HT31 the end", () => {
  test("HT31 closing leaves alone what took the place of its file: another node, a file, a link", async () => {
    const first = await start();
    rmSync(path);
    const second = await start();
    await first.close();
    expect(readdirSync(folder)).toEqual(["node.sock"]);
    expect((await ask("/heartbeat/a")).status).toBe(200);
    rmSync(path);
    writeFileSync(path, "precious");
    await second.close();
    expect(readFileSync(path, "utf8")).toBe("precious");
    rmSync(path);
    const third = await start();
    rmSync(path);
    symlinkSync("/nowhere", path);
    await third.close();
    expect(readdirSync(folder)).toEqual(["node.sock"]);
    rmSync(path);
    const fourth = await start();
    rmSync(path);
    await fourth.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("HT31 closing ends event streams and quiet connections of the socket, and waits for a beat under way", async () => {
    const gateway = await start();
    const quiet = connect(path);
    const stream = connect(path);
    stream.write("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await once(stream, "data");
    const { promise, resolve } = Promise.withResolvers<{ readonly ok: true }>();
    node.answer = () => promise;
    const beat = ask("/heartbeat/slow");
    await until("the beat is under way", () => node.commands.length === 1);
    const ended = Promise.all([quiet, stream].map(untilClosed));
    const closing = gateway.close();
    await untilClosed(stream);
    resolve({ ok: true });
    expect((await beat).status).toBe(200);
    await Promise.all([ended, closing]);
    await expect(ask("/heartbeat/a")).rejects.toMatchObject({ code: "ENOENT" });
  });
});

async function untilClosed(socket: Socket): Promise<void> {
  socket.resume();
  if (!socket.destroyed) await once(socket, "close");
}
