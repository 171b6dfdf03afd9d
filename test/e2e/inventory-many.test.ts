/** Many robots on one real node: 1,200 in `npm test`, as many as a node hosts with `npm run test:long`. */
import { Agent, request } from "node:http";
import { expect, test } from "vitest";
import { ROBOTS_PER_NODE_MAX } from "@pulsemesh/core";
import { type NodeProcess, ProcessFleet } from "../support/node-process.ts";

const isLong = process.env["PULSEMESH_LONG"] === "1";
const COUNT = isLong ? ROBOTS_PER_NODE_MAX : 1_200;
const AT_ONCE = 500;
/** Beyond what the process takes without robots; measured: 15 KiB a robot after registering, beating and listing all. */
const RSS_BYTES_PER_ROBOT_MAX = 40 * 1_024;

class Caller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #port: number;

  constructor({ options }: NodeProcess) {
    this.#port = options.httpPort;
  }

  async ask(method: string, path: string, body?: object): Promise<readonly [number, string]> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = payload === undefined ? {} : { "content-type": "application/json" };
    return await new Promise((resolve, reject) => {
      const target = { agent: this.#agent, host: "127.0.0.1", port: this.#port };
      const outgoing = request({ ...target, method, path, headers }, (incoming) => {
        let text = "";
        incoming.on("data", (part: Buffer) => (text += part.toString()));
        incoming.on("end", () => resolve([incoming.statusCode ?? 0, text]));
      });
      outgoing.on("error", reject);
      outgoing.end(payload);
    });
  }

  /** How many of `COUNT` requests had each status. */
  async all(one: (robot: string) => Promise<readonly [number, string]>): Promise<object> {
    const statuses: Record<number, number> = {};
    for (let from = 0; from < COUNT; from += AT_ONCE) {
      const ids = Array.from({ length: Math.min(AT_ONCE, COUNT - from) }, (_, i) => idOf(from + i));
      for (const [status] of await Promise.all(ids.map(one)))
        statuses[status] = (statuses[status] ?? 0) + 1;
    }
    return statuses;
  }

  async rssBytes(): Promise<number> {
    const [, text] = await this.ask("GET", "/metrics");
    return Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1]);
  }

  close(): void {
    this.#agent.destroy();
  }
}

function idOf(index: number): string {
  return `robot-${String(index).padStart(5, "0")}`;
}

test("VE7 HT7 HT25 a real node hosts thousands of robots: registered, beating, listed in pages, and as they were after a restart", async () => {
  await using fleet = new ProcessFleet();
  const node = await fleet.add({ name: "many", region: "eu" });
  const caller = new Caller(node);
  const before = await caller.rssBytes();
  const terms = { schedule: { every_ms: 600_000 }, labels: { team: "a" } };
  expect(await caller.all((id) => caller.ask("PUT", `/api/v1/robots/${id}`, terms))).toEqual({
    201: COUNT,
  });
  expect(await caller.all((id) => caller.ask("POST", `/heartbeat/${id}`))).toEqual({ 200: COUNT });
  const listed: string[] = [];
  for (let next: string | null = ""; next !== null;) {
    const after = next === "" ? "" : `&after=${next}`;
    const [, text] = await caller.ask("GET", `/api/v1/robots?status=up&label=team=a${after}`);
    const page = JSON.parse(text) as {
      readonly robots: readonly { readonly robot_id: string }[];
      readonly next: string | null;
    };
    listed.push(...page.robots.map(({ robot_id: id }) => id));
    next = page.next;
  }
  expect(listed).toEqual(Array.from({ length: COUNT }, (_, index) => idOf(index)));
  const usedBytes = (await caller.rssBytes()) - before;
  expect(usedBytes / COUNT).toBeLessThan(RSS_BYTES_PER_ROBOT_MAX + (64 * 1_024 * 1_024) / COUNT);
  if (isLong) {
    const [status, text] = await caller.ask("POST", "/heartbeat/one-too-many");
    expect([status, text.includes("robots-max")]).toEqual([507, true]);
  }
  await node.end("SIGTERM");
  await node.start();
  const [, metrics] = await caller.ask("GET", "/metrics");
  expect(metrics).toContain(`pulsemesh_robots{status="up"} ${COUNT}\n`);
  caller.close();
});
