/** Some nodes of a fleet in a process of their own, each with a robot that works, for `bench/calibration.bench.ts`. */
import { SocketMeter, type SocketBytes } from "./socket-bytes.ts";

// Before anything opens a socket.
const meter = new SocketMeter();
const { createNode } = await import("@pulsemesh/node");
type Node = Awaited<ReturnType<typeof createNode>>;

export interface Work {
  readonly pulseEveryMs: number;
  readonly beatEveryMs: number;
  readonly patchEveryMs: number;
}

export type WorkerCommand =
  | {
      readonly type: "start";
      readonly dir: string;
      readonly names: readonly string[];
      readonly invite: string;
      readonly work: Work;
    }
  | { readonly type: "smallest-roster" }
  | { readonly type: "look" };

/** Since the last look. */
export interface Looked {
  readonly type: "looked";
  readonly traffic: SocketBytes;
  /** From the answer to a change until each other node here told it, in ms. */
  readonly delaysMs: readonly number[];
  readonly cpuMs: number;
  readonly wrong: number;
}

export type WorkerAnswer =
  | { readonly type: "started" }
  | { readonly type: "roster"; readonly smallest: number }
  | Looked;

const nodes: Node[] = [];
let delaysMs: number[] = [];
let wrong = 0;

async function start(command: Extract<WorkerCommand, { type: "start" }>): Promise<void> {
  for (const name of command.names) {
    const node = await createNode({
      dataDir: `${command.dir}/${name}`,
      name,
      listen: ["/ip4/127.0.0.1/tcp/0"],
      profile: "wan",
      core: { pulseEveryMs: command.work.pulseEveryMs },
      invite: command.invite,
    });
    nodes.push(node);
    void listen(node, `bot-${name}`);
    void work(node, `bot-${name}`, command.work);
  }
}

async function listen(node: Node, own: string): Promise<void> {
  for await (const event of node.events()) {
    if (event.type === "node-status" && event.to === "down") wrong++;
    if (event.type !== "robot-state" || event.robot === own) continue;
    const sentMs = event.state["at"];
    if (typeof sentMs === "number") delaysMs.push(Date.now() - sentMs);
  }
}

async function work(node: Node, robot: string, { beatEveryMs, patchEveryMs }: Work): Promise<void> {
  await node.command({ type: "beat", robot, kind: "beat", create: "heartbeat" });
  const every = (ms: number, run: () => Promise<unknown>): void => {
    setTimeout(() => void run().then(() => every(ms, run)), ms * (0.9 + Math.random() * 0.2));
  };
  every(beatEveryMs, () =>
    node.command({ type: "beat", robot, kind: "beat", create: "heartbeat" }),
  );
  every(patchEveryMs, () =>
    node.command({ type: "patch-state", robot, patch: { at: Date.now() } }),
  );
}

let cpu = process.cpuUsage();
let traffic = meter.total;

function look(): Looked {
  const { bytesIn, bytesOut, sockets } = meter.total;
  const { user, system } = process.cpuUsage(cpu);
  const seen: Looked = {
    type: "looked",
    traffic: { bytesIn: bytesIn - traffic.bytesIn, bytesOut: bytesOut - traffic.bytesOut, sockets },
    delaysMs,
    cpuMs: (user + system) / 1_000,
    wrong,
  };
  cpu = process.cpuUsage();
  traffic = meter.total;
  delaysMs = [];
  return seen;
}

async function answer(command: WorkerCommand): Promise<WorkerAnswer> {
  switch (command.type) {
    case "start":
      await start(command);
      return { type: "started" };
    case "smallest-roster": {
      const inSight = nodes.map((node) => {
        const { nodes: all } = node.fleetView();
        return all.filter(({ status }) => status === "up").length;
      });
      return { type: "roster", smallest: Math.min(...inSight) };
    }
    case "look":
      return look();
  }
}

process.on("message", (command: WorkerCommand) => {
  void answer(command).then((said) => process.send?.(said));
});
