/** What a node refuses of others' chains, and what they say of it, is counted for its operator and stands in its audit log. */
import {
  CoreRig,
  createMemoryDocuments,
  createTestPorts,
  RIG_FLEET,
  TestAuthority,
} from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { LyingAuthor } from "../chain/lying-author.test-support.ts";
import { coreConfig } from "../config.ts";
import type { Effect } from "../effect.ts";
import type { Env } from "../env.ts";
import type { FleetId } from "../ids.ts";
import { sealObservation } from "../liveness/observation-codec.ts";
import { Outbox } from "../outbox.ts";
import { dagCborCodec } from "../wire/dag-cbor.ts";

const authority = new TestAuthority();

/** What `m` signs with. */
function evil(fleet: FleetId = RIG_FLEET): Env {
  const identity = { fleet, self: "m", name: "m", region: "r", agent: "t" };
  return { identity, config: coreConfig(), ports: createTestPorts("m"), out: new Outbox() };
}

const liar = (fleet?: FleetId): LyingAuthor => new LyingAuthor(evil(fleet), createMemoryDocuments);

function gossip(rig: CoreRig, bytes: Uint8Array): readonly Effect[] {
  return [...rig.input({ type: "gossip", topic: "state", from: "x", bytes }), ...rig.settle()];
}

const rejected = (effects: readonly Effect[]): readonly (readonly [string, string | undefined])[] =>
  effects.flatMap((effect) =>
    effect.type === "emit" && effect.event.type === "rejected"
      ? [[effect.event.reason, effect.event.from] as const]
      : [],
  );

/** Kind and data of each entry of these kinds. */
function audited(rig: CoreRig, ...kinds: readonly string[]): readonly unknown[] {
  return [...rig.rows]
    .filter(([key]) => key.startsWith("audit/"))
    .map(([, value]) => dagCborCodec.decode(value) as readonly [number, number, string, unknown])
    .filter(([, , kind]) => kinds.includes(kind))
    .map(([, , kind, data]) => [kind, data]);
}

function started(...statements: readonly string[]): CoreRig {
  const rig = new CoreRig("a", {
    fleet: authority.fleet,
    config: { statements: [authority.root(), authority.grant("a"), ...statements] },
  });
  rig.start();
  return rig;
}

describe("refusals in the audit log", () => {
  test.each([
    ["author-unknown", []],
    ["author-observer", [authority.grant("m", { roles: ["observer"] })]],
    ["author-revoked", [authority.grant("m"), authority.revocation("m")]],
  ] as const)(
    "AU2 ME3 an entry that is refused as %s is audited with who handed it on",
    (reason, statements) => {
      const rig = started(...statements);
      const effects = gossip(rig, liar(authority.fleet).header(1).bytes);
      expect(rejected(effects)).toEqual([[reason, "x"]]);
      const data = { from: "x", what: "chain" };
      expect(audited(rig, "reject")).toEqual([["reject", { reason, suppressed: 0, data }]]);
    },
  );

  test("AU2 CH6 a frame of sync that is none is audited", () => {
    const rig = started();
    rig.input({ type: "peer-up", peer: { node: "x", agent: "t", addresses: [] } });
    rig.input({ type: "message", channel: "sync", from: "x", bytes: Uint8Array.of(1) });
    rig.settle();
    const data = { from: "x", what: "chain" };
    const reject = { reason: "sync-malformed", suppressed: 0, data };
    expect(audited(rig, "reject")).toEqual([["reject", reject]]);
  });

  test("ME1 AU2 an entry about a robot beyond its author's grant is counted and audited, of one within it nothing is said", () => {
    const rig = started(authority.grant("m", { robots: ["zap-*"] }));
    const author = liar(authority.fleet);
    const header = author.header(1);
    const within = author.delta(header.place, "x", "zap-1");
    const beyond = author.delta(within.place, "x", "bank-1");
    expect([header, within].flatMap(({ bytes }) => rejected(gossip(rig, bytes)))).toEqual([]);
    expect(rejected(gossip(rig, beyond.bytes))).toEqual([["robot-not-granted", "m"]]);
    const data = { from: "m", what: "chain" };
    const reject = { reason: "robot-not-granted", suppressed: 0, data };
    expect(audited(rig, "reject")).toEqual([["reject", reject]]);
  });

  test("CH5 a fork is audited once for each epoch, by its lowest place", () => {
    const rig = new CoreRig("a");
    rig.start();
    const author = liar();
    const header = author.header(1);
    for (const v of ["one", "two", "three"]) {
      gossip(rig, header.bytes);
      gossip(rig, author.delta(header.place, v).bytes);
    }
    const place = { document: "reported", author: "m", epoch: 1, seq: 1 };
    expect(audited(rig, "forked")).toEqual([["forked", place]]);
  });

  test("VE3 AU2 an accusation of this node, which lives, is counted and audited; one of an earlier boot, or by who has no say, is not", () => {
    const rig = new CoreRig("a");
    rig.start();
    const { boot } = rig.core.fleet(rig.now).self;
    let seq = 0;
    const accuse = (of: number): readonly Effect[] => {
      const name = { boot: of, seq: 1 };
      const statement = { kind: "accuse", subject: "a", name, evidence: undefined } as const;
      seq += 1;
      const bytes = sealObservation(evil(), { boot: 1, seq, upMs: 1, statements: [statement] });
      const said = rig.input({ type: "gossip", topic: "verdict", from: "x", bytes });
      return [...said, ...rig.settle()];
    };
    expect(rejected(accuse(boot))).toEqual([["observation-stranger", "x"]]);
    gossip(rig, liar().header(1).bytes);
    rig.advance(1_000);
    expect(rejected(accuse(boot - 1))).toEqual([]);
    expect(rejected(accuse(boot))).toEqual([["accusation-refuted", "m"]]);
    const reject = { reason: "accusation-refuted", suppressed: 0, data: { from: "m" } };
    expect(audited(rig, "reject")).toContainEqual(["reject", reject]);
  });
});
