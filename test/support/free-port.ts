/**
 * Ports for processes that are told theirs before they start. Not those that the kernel would give: between asking and using, it gives them to
 * the sockets of other tests that run beside this one.
 */
import { createServer } from "node:net";

/** Below the ports that the kernel gives by itself, from 32,768 on. */
const FIRST = 10_000;
const WORKERS = 20;
const WORKER_PORTS = 1_000;
const FILE_PORTS = 100;

/** Workers that run at the same time have different numbers; files that one worker runs in turn most often begin elsewhere, too. */
const worker = Number(process.env["VITEST_POOL_ID"] ?? process.pid) % WORKERS;
const start =
  FIRST + worker * WORKER_PORTS + (process.pid % (WORKER_PORTS / FILE_PORTS)) * FILE_PORTS;
let given = 0;

/** A port of 127.0.0.1 that nobody listens on, and that no other test is given. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < FILE_PORTS; tried += 1) {
    const port = start + (given % FILE_PORTS);
    given += 1;
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${start} on`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.once("error", () => resolve(false));
  server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  return await promise;
}
