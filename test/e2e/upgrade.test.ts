import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dagCborCodec, STORE_FORMAT } from "@pulsemesh/core";
import { createClient, type EventJson } from "@pulsemesh/client";
import { describe, expect, test } from "vitest";
import { runCli } from "../support/cli-process.ts";
import { goldenReleases, goldenStore, unpackGoldenStore } from "../support/golden-store.ts";
import { type NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

const MEMBERS = ["one", "two", "three", "four", "five"].map((name, index) => ({
  name,
  region: index % 2 === 0 ? "eu" : "us",
}));
const NAMES = MEMBERS.map(({ name }) => name);
const ROBOT_FLAGS = ["--every", "5m", "--grace", "5m"];

/** One change of a status, as a node told it on its event stream. */
interface Change {
  readonly at: string;
  readonly of: string;
  readonly to: string;
  readonly reason: string;
  /** Milliseconds of `performance.now()`. */
  readonly heardMs: number;
}

/** What a node has said on its event stream about others and their robots. */
class Watcher {
  readonly changes: Change[] = [];
  readonly #stop = new AbortController();
  readonly #node: NodeProcess;

  constructor(node: NodeProcess) {
    this.#node = node;
  }

  /** Resolves once a stream stands; it ends with the node, so each start takes a new one. */
  async open(names: ReadonlyMap<string, string>): Promise<void> {
    const { httpPort } = this.#node.options;
    const client = createClient({ baseUrl: `http://127.0.0.1:${httpPort}`, timeoutMs: 600_000 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const events = client.events({
      types: ["node-status", "robot-status", "verdict"],
      reconnect: false,
      signal: this.#stop.signal,
      onOpen: resolve,
    });
    void this.#read(names, events);
    await promise;
  }

  close(): void {
    this.#stop.abort();
  }

  async #read(names: ReadonlyMap<string, string>, events: AsyncIterable<EventJson>): Promise<void> {
    try {
      for await (const { type, subject = "", data } of events) {
        this.changes.push({
          at: this.#node.options.name,
          of: names.get(subject) ?? subject,
          to: type === "pulsemesh.verdict" ? "verdict" : String(data["to"]),
          reason: String(data["reason"]),
          heardMs: performance.now(),
        });
      }
    } catch {
      // The node went away, which is what these tests are about.
    }
  }
}

async function startFleet(fleet: ProcessFleet, names: readonly string[], args: readonly string[]) {
  for (const member of MEMBERS.filter(({ name }) => names.includes(name)))
    await fleet.add(member, { args: ["--robot", `robot-${member.name}`, ...ROBOT_FLAGS, ...args] });
  await fleet.allSee(names, "up", 10_000);
  for (const node of fleet.nodes) await node.beat(`robot-${node.options.name}`);
  await waitFor("all robots to be up everywhere", 10_000, async () => {
    for (const node of fleet.nodes) {
      const { robots } = (await node.json("/api/v1/robots")) as unknown as {
        readonly robots: readonly { readonly status: string }[];
      };
      if (robots.filter(({ status }) => status === "up").length < names.length) return false;
    }
    return true;
  });
}

/** Node ids to names. */
async function namesOf(fleet: ProcessFleet): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const node of fleet.nodes) {
    const { self } = await node.json("/api/v1/peers");
    names.set(String(self?.["id"]), node.options.name);
  }
  return names;
}

/** Every file of a folder with its bytes, mode and time of change. */
function imageOf(dir: string): Readonly<Record<string, string>> {
  const image: Record<string, string> = {};
  for (const path of readdirSync(dir, { recursive: true, encoding: "utf8" }).toSorted()) {
    const { mode, mtimeMs } = statSync(join(dir, path));
    const isFile = statSync(join(dir, path)).isFile();
    const bytes = isFile ? readFileSync(join(dir, path)).toString("base64") : "folder";
    image[path] = `${mode} ${mtimeMs} ${bytes}`;
  }
  return image;
}

describe("a rolling restart", () => {
  test("UP1 VE9 of five nodes raises no verdict but paused, on any of them, about nodes and robots", async () => {
    await using fleet = new ProcessFleet();
    await startFleet(fleet, NAMES, []);
    const names = await namesOf(fleet);
    const watchers = fleet.nodes.map((node) => new Watcher(node));
    for (const watcher of watchers) await watcher.open(names);

    for (const [index, node] of fleet.nodes.entries()) {
      expect(await node.end("SIGTERM")).toBe(0);
      await node.start();
      await watchers[index]?.open(names);
      await fleet.allSee(NAMES, "up", 10_000);
    }
    // Whatever was about to be said has been said an interval later.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    for (const watcher of watchers) watcher.close();

    const changes = watchers.flatMap((watcher) => watcher.changes);
    expect(changes.filter(({ to }) => to !== "paused" && to !== "up")).toEqual([]);
    const paused = changes.filter(({ to }) => to === "paused");
    for (const of of NAMES) {
      const others = NAMES.filter((name) => name !== of).toSorted();
      for (const [what, reason] of [
        [of, "restart"],
        [`robot-${of}`, "home-paused"],
      ]) {
        const told = paused.filter((each) => each.of === what && each.reason === reason);
        expect(told.map(({ at }) => at).toSorted()).toEqual(others);
      }
    }
  });

  test("UP1 VE9 a node that is not back within what it announced is judged from there on, and no sooner", async () => {
    await using fleet = new ProcessFleet();
    const names = ["one", "two", "three"];
    await startFleet(fleet, names, ["--restart-within", "4s"]);
    const ids = await namesOf(fleet);
    const [one, two, three] = fleet.nodes;
    if (one === undefined || two === undefined || three === undefined) throw new Error("no nodes");
    const watchers = [one, two].map((node) => new Watcher(node));
    for (const watcher of watchers) await watcher.open(ids);
    // It announces after it is told and before it is gone, and going takes as long as the machine lets it.
    const toldMs = performance.now();
    expect(await three.end("SIGTERM")).toBe(0);
    const said = (what: string, to: string): readonly Change[] =>
      watchers.flatMap(({ changes }) =>
        changes.filter((change) => change.of === what && change.to === to),
      );
    await waitFor("both to say down of the node and its robot", 30_000, () =>
      Promise.resolve(said("three", "down").length + said("robot-three", "down").length === 4),
    );
    const missed = [...said("three", "down"), ...said("three", "late")];
    expect(missed.filter(({ heardMs }) => heardMs - toldMs <= 4_000)).toEqual([]);
    for (const what of ["three", "robot-three"]) expect(said(what, "paused")).toHaveLength(2);
    await three.start();
    await fleet.allSee(names, "up", 10_000);
    for (const watcher of watchers) watcher.close();
  });
});

describe("stores of other releases", () => {
  test.each(goldenReleases())(
    "UP4 UP3 the store that release %s left is opened whole: robots, states, members, boot, audit log",
    async (release) => {
      await using fleet = new ProcessFleet();
      const golden = goldenStore(release);
      unpackGoldenStore(golden, join(fleet.dir, "golden"));
      const node = await fleet.add({ name: "golden", region: "eu" });

      const peers = await node.json("/api/v1/peers");
      expect(peers).toMatchObject({
        fleet: golden.fleet,
        self: { id: golden.node },
        view: { document_hash: golden.documentHash },
      });
      const boot = dagCborCodec.decode(Buffer.from(golden.boot, "hex"));
      expect(Number(peers["self"]["boot"])).toBeGreaterThan(Number(boot));
      const { peers: members } = peers as unknown as { readonly peers: readonly object[] };
      expect(members).toMatchObject(golden.members.map(({ node: id, name }) => ({ id, name })));
      for (const { robot, state, labels, health } of golden.robots) {
        const shown = await node.json(`/api/v1/robots/${robot}`);
        expect(shown).toMatchObject({ state, labels });
        // Health of a robot that nobody here hosts is known by its beats alone.
        if (shown["node_id"] === golden.node) expect(shown).toMatchObject({ health });
      }
      const { size, head } = golden.audit;
      expect(await node.json("/api/v1/audit/verify")).toMatchObject({ ok: true });
      const { entries } = (await node.json(`/api/v1/audit?before=${size}&limit=1`)) as unknown as {
        readonly entries: readonly { readonly index: number; readonly hash: string }[];
      };
      expect(entries).toMatchObject([{ index: size - 1, hash: head }]);

      expect((await node.patch("scanner", { after: "the upgrade" })).status).toBe(200);
      expect(await node.end("SIGTERM")).toBe(0);
      const note: unknown = JSON.parse(
        readFileSync(join(fleet.dir, "golden", "format.json"), "utf8"),
      );
      expect(note).toMatchObject({ format: STORE_FORMAT });
      await node.start();
      expect(await node.json("/api/v1/robots/scanner/state")).toMatchObject({
        after: "the upgrade",
      });
    },
  );

  test("UP2 CLI17 a later one is exit 2 naming both releases and the way out, and no byte of the folder is changed", async () => {
    await using fleet = new ProcessFleet();
    const dir = join(fleet.dir, "later");
    mkdirSync(dir, { mode: 0o700 });
    unpackGoldenStore(goldenStore(goldenReleases().at(-1) ?? ""), dir);
    const note = { format: STORE_FORMAT + 1, release: "pulsemesh/9.8.7" };
    writeFileSync(join(dir, "format.json"), JSON.stringify(note), { mode: 0o600 });
    const before = imageOf(dir);
    const { code, out, err } = await runCli(
      ["run", "--data", dir, "--http", "127.0.0.1:0"].concat("--listen", "/ip4/127.0.0.1/tcp/0"),
    );
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/pulsemesh\/9\.8\.7 wrote it in format \d+, and this is pulsemesh\/\d/);
    expect(err).toContain("Nothing was changed. Next: run the newer pulsemesh");
    expect(imageOf(dir)).toEqual(before);
  });
});
