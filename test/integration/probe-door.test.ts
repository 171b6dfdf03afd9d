/** The probes at an address of their own, as a kubelet asks them. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { openProbeDoor } from "../../packages/cli/src/commands/probe-door.ts";
import { PROBE_CONNECTIONS_MAX } from "../../packages/cli/src/small-server.ts";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/until.ts";

/** A kubelet waits for less. */
const answerMsMost = 5_000;

/** What each is answered; 0 where nothing is. */
async function ask(port: number, method = "GET"): Promise<readonly number[]> {
  const paths = ["/livez", "/readyz?verbose", "/startupz", "/api/v1/robots", "/"];
  const url = `http://127.0.0.1:${port}`;
  return await Promise.all(
    paths.map(async (path) => {
      const signal = AbortSignal.timeout(answerMsMost);
      return await fetch(`${url}${path}`, { method, signal }).then(
        ({ status }) => status,
        () => 0,
      );
    }),
  );
}

test("DP2 HT14 probes have an address of their own: alive at once, started for good, ready as long as the node is, and nothing else", async () => {
  await using door = await openProbeDoor({ host: "127.0.0.1", port: 0 });
  expect(await ask(door.port)).toEqual([200, 503, 503, 404, 404]);
  let isReady = true;
  door.ask(() => isReady);
  expect(await ask(door.port)).toEqual([200, 200, 200, 404, 404]);
  expect(await ask(door.port, "HEAD")).toEqual([200, 200, 200, 404, 404]);
  expect(await ask(door.port, "POST")).toEqual([404, 404, 404, 404, 404]);
  isReady = false;
  expect(await ask(door.port)).toEqual([200, 503, 200, 404, 404]);
});

test("DP2 CLI5 probes at a taken port are refused with the flag to change", async () => {
  const port = await freePort();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await expect(openProbeDoor({ host: "127.0.0.1", port })).rejects.toMatchObject({
    code: "address-in-use",
    message: expect.stringContaining("--probes"),
  });
  server.close();
});

test("DP2 P6 beyond PROBE_CONNECTIONS_MAX the oldest gives way, so that nobody can hold the probes against a supervisor", async () => {
  await using door = await openProbeDoor({ host: "127.0.0.1", port: 0 });
  const idle: Socket[] = [];
  let closed = 0;
  for (let i = 0; i < PROBE_CONNECTIONS_MAX + 10; i += 1) {
    const socket = connect(door.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("close", () => (closed += 1));
    socket.write("GET /livez HTTP/1.1\r\n");
    await once(socket, "connect");
    idle.push(socket);
  }
  expect(await ask(door.port)).toEqual([200, 503, 503, 404, 404]);
  await until("the oldest are gone", () => closed >= 10);
  expect(closed).toBeLessThan(PROBE_CONNECTIONS_MAX);
  for (const socket of idle) socket.destroy();
});
