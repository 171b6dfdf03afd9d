import type { Connection } from "@libp2p/interface";
import { expect, test } from "vitest";
import { LinkWatch, PROBES_MAX, ping } from "./link-watch.ts";
import { PartialFrames } from "./partial-frames.ts";
import { PeerSession } from "./peer-session.ts";

const OPTIONS = { pingEveryMs: 4_000, probeAfterMs: 13_000, silentConnectionMs: 60_000 };

interface Rig {
  readonly watch: LinkWatch;
  readonly sessions: PeerSession[];
  readonly renewed: string[];
  readonly probed: string[];
  nowMs: number;
  /** Whether pings are answered, and what comes of probes. */
  answers: boolean;
  probe: Promise<boolean>;
  gossip: "whole" | "half" | "none";
}

function rigOf(names: readonly string[]): Rig {
  const rig: Omit<Rig, "watch"> = {
    sessions: [],
    renewed: [],
    probed: [],
    nowMs: 0,
    answers: true,
    probe: Promise.resolve(true),
    gossip: "whole",
  };
  const stream = (direction: string): object => ({
    protocol: "/meshsub/1.2.0",
    direction,
    status: "open",
    writeStatus: rig.gossip === "half" ? "closed" : "writable",
    remoteWriteStatus: "writable",
  });
  const connections = (): readonly Connection[] => [
    {
      streams: rig.gossip === "none" ? [] : [stream("inbound"), stream("outbound")],
    } as unknown as Connection,
  ];
  const watch = new LinkWatch(
    {
      sessions: () => rig.sessions,
      renew: (session) => void rig.renewed.push(session.node),
      probe: (session) => {
        rig.probed.push(session.node);
        return rig.probe;
      },
      ping: () => (rig.answers ? Promise.resolve(1) : Promise.reject(new Error("no answer"))),
      now: () => rig.nowMs,
    },
    OPTIONS,
  );
  for (const node of names) {
    const listener = { message: () => undefined, rejected: () => undefined };
    const session = new PeerSession(
      {
        connections,
        listener,
        isTrusted: () => true,
        partials: new PartialFrames(),
        after: () => () => undefined,
      },
      { node, fleet: "", frameTimeoutMs: 1, drainTimeoutMs: 1 },
    );
    session.up({ node, agent: "", addresses: [] }, "00");
    session.answeredAtMs = 0;
    rig.sessions.push(session);
  }
  return Object.assign(rig, { watch });
}

/** Looks once a second for `seconds`. */
async function run(rig: Rig, seconds: number): Promise<void> {
  for (let count = 0; count < seconds; count += 1) {
    rig.nowMs += 1_000;
    rig.watch.look();
    await new Promise((done) => setImmediate(done));
  }
}

test("VE0 LinkWatch leaves a connection alone that answers and gossips", async () => {
  const rig = rigOf(["a"]);
  await run(rig, 600);
  expect(rig.renewed).toEqual([]);
  expect(rig.probed).toEqual([]);
  expect(rig.sessions[0]?.roundTripMs).toBe(1);
});

test("CH6 LinkWatch renews a silent connection once a second one comes about", async () => {
  const rig = rigOf(["a"]);
  rig.answers = false;
  rig.probe = Promise.resolve(false);
  await run(rig, 30);
  expect(rig.probed.length).toBeGreaterThan(10);
  expect(rig.renewed).toEqual([]);
  rig.probe = Promise.resolve(true);
  await run(rig, 1);
  expect(rig.renewed).toEqual(["a"]);
});

test("VE0 LinkWatch keeps a slow connection that answers before the second one comes about", async () => {
  const rig = rigOf(["a"]);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  rig.probe = promise;
  rig.answers = false;
  await run(rig, 14);
  rig.answers = true;
  await run(rig, 8);
  resolve(true);
  await run(rig, 5);
  expect(rig.probed).toEqual(["a"]);
  expect(rig.renewed).toEqual([]);
});

test("CH6 LinkWatch leaves connections to TCP after a cut of four seconds, whose next try may come seven after it began", async () => {
  const rig = rigOf(["a", "b", "c", "d"]);
  await run(rig, 5);
  rig.answers = false;
  await run(rig, 8);
  rig.answers = true;
  await run(rig, 5);
  expect(rig.probed).toEqual([]);
});

test("CH6 LinkWatch renews a connection that is silent for a minute in any case", async () => {
  const rig = rigOf(["a"]);
  rig.answers = false;
  rig.probe = Promise.resolve(false);
  await run(rig, 60);
  expect(rig.renewed).toEqual([]);
  await run(rig, 1);
  expect(rig.renewed).toEqual(["a"]);
});

test("P6 LinkWatch tries at most PROBES_MAX second connections at once", async () => {
  const rig = rigOf(Array.from({ length: 20 }, (_, index) => `n${index}`));
  rig.answers = false;
  rig.probe = new Promise(() => undefined);
  await run(rig, 30);
  expect(rig.probed).toHaveLength(PROBES_MAX);
});

test("CH6 LinkWatch tries everybody in turn, though the first ones never come about", async () => {
  const rig = rigOf(Array.from({ length: 6 }, (_, index) => `n${index}`));
  rig.answers = false;
  rig.probe = Promise.resolve(false);
  await run(rig, 17);
  expect(rig.probed.slice(0, 6).toSorted()).toEqual(["n0", "n1", "n2", "n3", "n4", "n5"]);
  rig.probe = Promise.reject(new Error("no way"));
  await run(rig, 3);
  expect(rig.probed.length).toBeGreaterThan(6 + PROBES_MAX);
});

test("CH6 LinkWatch renews a connection whose gossip streams were lost, by halves or whole, after eight looks", async () => {
  for (const gossip of ["half", "none"] as const) {
    const rig = rigOf(["a"]);
    await run(rig, 3);
    rig.gossip = gossip;
    await run(rig, 8);
    expect(rig.renewed).toEqual([]);
    await run(rig, 1);
    expect(rig.renewed).toEqual(["a"]);
  }
});

test("CH6 LinkWatch gives gossip streams a minute to come about at first", async () => {
  const rig = rigOf(["a"]);
  rig.gossip = "none";
  await run(rig, 60);
  expect(rig.renewed).toEqual([]);
  await run(rig, 1);
  expect(rig.renewed).toEqual(["a"]);
});

/** A stream whose connection ended between its opening and the first byte, as libp2p behaves then. */
function goneStream(): EventTarget & Record<"send" | "abort", (value?: unknown) => void> {
  const target = new EventTarget();
  return Object.assign(target, {
    send: () => {
      throw new Error("the stream is closed");
    },
    abort: () => void target.dispatchEvent(new Event("close")),
  });
}

test("CH6 a ping on a connection that ends under it fails, and leaves no rejection that nobody handles", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  try {
    const connection = { newStream: () => Promise.resolve(goneStream()) };
    await expect(ping(connection as unknown as Connection)).rejects.toThrow("the stream is closed");
    // Node reports rejections that nobody took once the microtasks are through.
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
  }
});
