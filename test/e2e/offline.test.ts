import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { Cables, namespacesMissing, type Host } from "../support/namespaces.ts";
import { type NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

const LONG = process.env["PULSEMESH_LONG"] === "1";
/** How long the device may be away, and how long it is. */
const ALLOWED_S = LONG ? 150 : 9;
const MESH_PORT = 7421;
const HTTP_PORT = 7420;

interface Peer {
  readonly name: string;
  readonly status: string;
  readonly reason: string | null;
}

interface RobotLine {
  readonly status: string;
  readonly reason: string | null;
  readonly state: Readonly<Record<string, number>>;
}

interface AuditPage {
  readonly entries: readonly {
    readonly kind: string;
    readonly data: { readonly subject?: string };
  }[];
}

function add(
  fleet: ProcessFleet,
  host: Host,
  name: string,
  args: readonly string[],
): Promise<NodeProcess> {
  return fleet.add(
    { name, region: "eu" },
    {
      meshPort: MESH_PORT,
      httpPort: HTTP_PORT,
      args,
      namespace: {
        name: host.namespace,
        address: host.address,
        socketPath: join(fleet.dir, `${name}.sock`),
      },
    },
  );
}

async function peer(at: NodeProcess, of: string): Promise<string> {
  const { peers } = (await at.json("/api/v1/peers")) as unknown as {
    readonly peers: readonly Peer[];
  };
  const found = peers.find(({ name }) => name === of);
  return `${found?.status} ${found?.reason ?? ""}`.trim();
}

async function robot(at: NodeProcess, id: string): Promise<RobotLine> {
  return (await at.json(`/api/v1/robots/${id}`)) as unknown as RobotLine;
}

/** Beats and patches one robot at one node until it is told to end; remembers what was acknowledged. */
class Worker {
  readonly #node: NodeProcess;
  readonly #robot: string;
  #isEnded = false;
  #loop: Promise<void> | undefined;
  acknowledged: number = 0;
  refused: number = 0;

  constructor(node: NodeProcess, robotId: string) {
    this.#node = node;
    this.#robot = robotId;
  }

  begin(): this {
    this.#loop = this.#run();
    return this;
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#loop;
  }

  async #run(): Promise<void> {
    for (let n = 1; !this.#isEnded; n++) {
      const beat = await this.#node.beat(this.#robot).catch(() => undefined);
      const patch = await this.#node.patch(this.#robot, { n }).catch(() => undefined);
      if (patch?.status === 200) this.acknowledged = n;
      if (beat?.status !== 200 || patch?.status !== 200) this.refused += 1;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

beforeAll(() => {
  const missing = namespacesMissing();
  if (missing !== undefined) throw new Error(missing);
});

test("VE9 P9 P5 P1 a device is cut off: it works on, nobody calls it down before its time, a quorum does then, and all is one when it is back", async () => {
  using cables = new Cables();
  await using fleet = new ProcessFleet();
  const [left, right] = [cables.host("left"), cables.host("right")];
  const a1 = await add(fleet, left, "a1", []);
  const a2 = await add(fleet, cables.host("left"), "a2", []);
  const edge = await add(fleet, right, "edge", ["--may-be-offline", `${ALLOWED_S}s`]);
  await fleet.allSee(["a1", "a2", "edge"], "up", 15_000);
  const workers = [new Worker(a1, "inside").begin(), new Worker(edge, "outside").begin()] as const;
  await waitFor("each side to know the other's robot", 10_000, async () => {
    const [outside, inside] = [await a1.get("/status/outside"), await edge.get("/status/inside")];
    return outside.status === 200 && inside.status === 200;
  });

  cables.cut();
  const cutAtMs = performance.now();
  const awayMs = (): number => performance.now() - cutAtMs;
  await waitFor("both to say that it may be away", 6_000, async () => {
    return (
      (await peer(a1, "edge")) === "unknown offline-allowed" &&
      (await peer(a2, "edge")) === "unknown offline-allowed"
    );
  });
  expect(await robot(a1, "outside")).toMatchObject({ status: "unknown", reason: "home-unknown" });
  await waitFor("the device to say that it knows of nobody", 3_000, async () => {
    return (await peer(edge, "a1")) === "unknown no-majority";
  });
  expect(await robot(edge, "inside")).toMatchObject({ status: "unknown" });
  expect(await robot(edge, "outside")).toMatchObject({ status: "up" });
  // A reader that restarts meanwhile begins neither to accuse nor anew.
  await a2.end("SIGKILL");
  await a2.start();
  // Its last pulse is at most one interval older than the cut.
  while (awayMs() < ALLOWED_S * 1_000 - 1_500) {
    expect([Math.round(awayMs()), await peer(a1, "edge")]).not.toContain("down quorum");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const { entries } = (await a1.json("/api/v1/audit?limit=1000")) as unknown as AuditPage;
  const { id } = (await edge.json("/api/v1/peers"))["self"] as { readonly id: string };
  const accusations = entries.filter(({ kind }) => kind === "accusation");
  expect(accusations.filter(({ data }) => data.subject === id)).toEqual([]);
  // Who has just started judges nobody for 13 intervals (VE8), and on a busy machine a start takes long.
  await waitFor("both to call it down when its time is over", 30_000, async () => {
    return (await peer(a1, "edge")) === "down quorum" && (await peer(a2, "edge")) === "down quorum";
  });
  expect(awayMs()).toBeGreaterThan(ALLOWED_S * 1_000 - 1_500);
  expect(await robot(a1, "outside")).toMatchObject({ status: "down", reason: "home-down" });

  cables.heal();
  for (const worker of workers) await worker.end();
  const names = ["a1", "a2", "edge"];
  await waitFor("one view on all", 10_000, async () => {
    return new Set(await fleet.hashes(names)).size === 1;
  });
  await fleet.allSee(names, "up", 10_000);
  const [inside, outside] = workers;
  expect([inside.refused, outside.refused]).toEqual([0, 0]);
  expect(outside.acknowledged).toBeGreaterThan(ALLOWED_S);
  for (const name of names) {
    const at = fleet.node(name);
    expect((await robot(at, "outside")).state).toEqual({ n: outside.acknowledged });
    expect((await robot(at, "inside")).state).toEqual({ n: inside.acknowledged });
    await waitFor(`${name} to hear of the robot outside`, 5_000, async () => {
      return (await robot(at, "outside")).status === "up";
    });
    expect(await at.json("/api/v1/audit/verify")).toMatchObject({ ok: true, pruned: 0 });
  }
});
