import { AUTHORITY_EPOCH_S, CoreRig, TestAuthority } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import type { Effect } from "../effect.ts";

const fleet = new TestAuthority();
const ROOT = fleet.root();
const GRANTS = [fleet.grant("a"), fleet.grant("b", { expS: AUTHORITY_EPOCH_S + 3_600 })];

/** Two members that hear each other, every message at once. */
class Pair {
  readonly a: CoreRig = this.#start("a");
  readonly b: CoreRig = this.#start("b");

  constructor() {
    for (const [rig, other] of [
      [this.a, this.b],
      [this.b, this.a],
    ] as const) {
      const peer = { node: other.node, agent: "t", addresses: [] };
      this.carry(rig, rig.input({ type: "peer-up", peer }));
    }
  }

  #start(node: string): CoreRig {
    const statements = [ROOT, ...GRANTS];
    const rig = new CoreRig(node, { fleet: fleet.fleet, config: { statements } });
    rig.start();
    return rig;
  }

  carry(from: CoreRig, effects: readonly Effect[]): void {
    const to = from === this.a ? this.b : this.a;
    for (const effect of effects) {
      if (effect.type === "publish") {
        const { topic, bytes } = effect;
        const input = { type: "gossip", topic, from: from.node, bytes } as const;
        this.carry(to, [...to.input(input), ...to.settle()]);
      } else if (effect.type === "send" && effect.to === to.node) {
        const { channel, bytes } = effect;
        const input = { type: "message", channel, from: from.node, bytes } as const;
        this.carry(to, [...to.input(input), ...to.settle()]);
      }
    }
  }

  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 50) {
      this.carry(this.a, this.a.advance(50));
      this.carry(this.b, this.b.advance(50));
    }
  }

  /** What a says of robot `bot`, which lives at b. */
  get seen(): readonly unknown[] {
    const view = this.a.core.robot("bot", this.a.now);
    return [view?.status, view?.reason];
  }
}

function beating(): Pair {
  const pair = new Pair();
  pair.pass(3_000);
  const command = { type: "beat", robot: "bot", kind: "beat", create: "heartbeat" } as const;
  pair.carry(pair.b, pair.b.input({ type: "command", id: 1, command }));
  pair.carry(pair.b, pair.b.settle());
  pair.pass(3_000);
  expect(pair.seen).toEqual(["up", undefined]);
  return pair;
}

test("ME1, P3 robots of a node whose key was revoked are shown as left at once, whatever it said last", () => {
  const pair = beating();
  const command = { type: "statement", token: fleet.revocation("b") } as const;
  pair.a.input({ type: "command", id: 2, command });
  pair.a.settle();
  // Nothing of it is carried any more.
  pair.a.advance(2_500);
  expect(pair.seen).toEqual(["left", "home-left"]);
  const again = new CoreRig("a", { fleet: fleet.fleet, rows: pair.a.rows });
  again.start();
  expect(again.core.fleet(again.now).nodes).toEqual([]);
});

test("ME3, P3 robots of a node whose grant has ended are unknown, until it is renewed", () => {
  const pair = beating();
  const charter = fleet.charter(ROOT, { issuedS: AUTHORITY_EPOCH_S + 3_600 });
  pair.a.input({ type: "command", id: 2, command: { type: "statement", token: charter } });
  pair.a.settle();
  pair.a.wallMs += 3_600_000 + 121_000;
  pair.a.advance(2_500);
  expect(pair.seen).toEqual(["unknown", "home-unknown"]);
  const renewed = fleet.grant("b", {
    issuedS: AUTHORITY_EPOCH_S + 3_700,
    expS: AUTHORITY_EPOCH_S + 86_400,
  });
  pair.a.input({ type: "command", id: 3, command: { type: "statement", token: renewed } });
  pair.a.settle();
  pair.pass(10_000);
  expect(pair.seen).toEqual(["up", undefined]);
});

test("ME1, HT35 who was revoked keeps the name that it was last known by, here and after a start; who was never heard of has none", () => {
  const pair = beating();
  const [known] = pair.a.core.authority(pair.a.now).grants.filter(({ node }) => node === "b");
  expect(known?.name).toBeTypeOf("string");
  for (const [id, node] of ["b", "stranger"].entries()) {
    const command = { type: "statement", token: fleet.revocation(node) } as const;
    pair.a.input({ type: "command", id: 10 + id, command });
    pair.a.settle();
  }
  const again = new CoreRig("a", { fleet: fleet.fleet, rows: pair.a.rows });
  again.start();
  for (const { core, now } of [pair.a, again]) {
    const named = core.authority(now).revocations.map(({ node, name }) => [node, name]);
    expect(named).toEqual([
      ["b", known?.name],
      ["stranger", undefined],
    ]);
  }
});
