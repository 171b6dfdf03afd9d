import { createTestPorts, RIG_FLEET } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { HashChainAudit } from "../audit/hash-chain-audit.ts";
import type { CommandResult } from "../command.ts";
import { coreConfig } from "../config.ts";
import { EPOCH_MAX } from "../chain/limits.ts";
import type { Effect } from "../effect.ts";
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import type { Json } from "../json.ts";
import { Outbox } from "../outbox.ts";
import { ChainMembership } from "./chain-membership.ts";
import {
  NodeRetirements,
  RETIRED_AFTER_INTERVALS,
  UNCERTAIN_AFTER_INTERVALS,
  type HeardNode,
} from "./node-retirements.ts";

const INTERVAL_MS = 1_000;
const LONG_MS = RETIRED_AFTER_INTERVALS * INTERVAL_MS;
const NAMES = { name: "n", region: "r", agent: "t" };

/** One reader `a` of a fleet of three, without a mesh: what it hears and what document `roster` says is set by the test. */
class Reader {
  readonly said: Map<NodeId, { value: Json; author: NodeId }> = new Map();
  readonly ears: Map<NodeId, HeardNode> = new Map();
  readonly rows: Map<string, Uint8Array> = new Map();
  readonly effects: Effect[] = [];
  monoMs = 100_000;
  membership: ChainMembership;
  retirements: NodeRetirements;
  readonly #out = new Outbox();
  readonly #env: Env;
  #reply = 0;

  constructor() {
    const identity = { fleet: RIG_FLEET, self: "a", name: "a", region: "r", agent: "t" };
    this.#env = {
      identity,
      config: coreConfig(),
      ports: createTestPorts("a"),
      out: this.#out,
    };
    [this.membership, this.retirements] = this.#compose();
    for (const node of ["a", "b", "c"])
      this.membership.learn({ author: node, epoch: 7 }, NAMES, this.now);
    for (const node of ["b", "c"]) this.hear(node);
  }

  get now(): { monoMs: number; wallMs: number } {
    return { monoMs: this.monoMs, wallMs: this.monoMs };
  }

  get members(): string {
    return this.membership
      .members()
      .map(({ node }) => node)
      .join("");
  }

  hear(node: NodeId): void {
    const heardMonoMs = this.monoMs;
    const heard = { status: "up", isHeldDead: false, intervalMs: INTERVAL_MS } as const;
    this.ears.set(node, { ...heard, heardMonoMs, silentSinceMonoMs: heardMonoMs });
  }

  /** It was last heard just now, and never again. */
  lose(
    node: NodeId,
    status: "down" | "late" | "unknown" | "paused" = "down",
    isHeldDead: boolean = status === "down",
  ): void {
    this.hear(node);
    this.ears.set(node, { ...(this.ears.get(node) as HeardNode), status, isHeldDead });
  }

  say(node: NodeId, boot: number | null, author = "c"): void {
    this.said.set(node, { value: boot === null ? null : [boot, 5], author });
    this.advance(INTERVAL_MS);
  }

  advance(forMs: number): void {
    for (let ms = 0; ms < forMs; ms += INTERVAL_MS) {
      this.monoMs += INTERVAL_MS;
      this.retirements.look(this.now);
      this.#settle();
    }
  }

  retire(node: NodeId, isCertain: boolean = false): CommandResult {
    this.#reply += 1;
    this.retirements.retire(this.#reply, { type: "retire-node", node, isCertain }, this.now);
    this.#settle();
    const reply = this.effects.findLast((effect) => effect.type === "reply");
    return (reply as Extract<Effect, { type: "reply" }>).result;
  }

  /** From its rows alone; nobody was heard yet. */
  restart(): void {
    [this.membership, this.retirements] = this.#compose();
    for (const [key, value] of this.rows) {
      const [kind, node = ""] = key.split("/");
      if (kind === "member") this.membership.restoreMember(node, value);
      if (kind === "left") this.membership.restoreLeft(node, value);
    }
    for (const node of ["a", "b", "c"])
      this.membership.restoreHeader({ author: node, epoch: 7 }, NAMES);
    this.ears.clear();
  }

  #compose(): [ChainMembership, NodeRetirements] {
    const membership = new ChainMembership(this.#env, () => true);
    const document = {
      nodes: () => [...this.said.keys()],
      read: (node: NodeId) => this.said.get(node) ?? { value: undefined, author: undefined },
      write: (node: NodeId, value: Json) => {
        this.said.set(node, { value, author: "a" });
        return undefined;
      },
    };
    const audit = new HashChainAudit(this.#env);
    const heard = (node: NodeId): HeardNode | undefined => this.ears.get(node);
    const deps = { env: this.#env, membership, document, audit, heard, ownBoot: () => 7 };
    return [membership, new NodeRetirements(deps)];
  }

  #settle(): void {
    for (const effect of this.#out.drain()) {
      this.effects.push(effect);
      if (effect.type !== "persist") continue;
      for (const op of effect.ops) {
        if (op.type === "put") this.rows.set(op.key, op.value);
        else this.rows.delete(op.key);
      }
    }
  }
}

describe("retired nodes", () => {
  test("VE1 a node that was silent for 12 intervals and is retired counts no more, also after a restart, until it is heard", () => {
    const reader = new Reader();
    reader.lose("b");
    expect(reader.retire("b")).toMatchObject({ ok: true, retired: { by: "a", isOld: false } });
    reader.advance(LONG_MS);
    expect(reader.members).toBe("abc");
    reader.advance(INTERVAL_MS);
    expect([reader.members, reader.membership.hasRetired("b")]).toEqual(["ac", true]);
    expect(reader.retire("b")).toMatchObject({ ok: true, retired: { by: "a", isOld: true } });
    reader.restart();
    reader.advance(LONG_MS);
    expect(reader.members).toBe("ac");
    reader.hear("b");
    reader.advance(INTERVAL_MS);
    expect(reader.members).toBe("abc");
  });

  test("VE1 PU7 a node that died while it came and went is retired though it is shown late, and one that is late and lives is not", () => {
    const reader = new Reader();
    reader.lose("b", "late", true);
    reader.lose("c", "late");
    expect(reader.retire("b")).toMatchObject({ ok: true });
    expect(reader.retire("c", true)).toMatchObject({ ok: false, code: "peer-alive" });
    reader.advance(LONG_MS + INTERVAL_MS);
    expect(reader.members).toBe("ac");
  });

  test("VE1 P4 nobody is retired whom this node hears or knows to be paused, whatever others sign", () => {
    const reader = new Reader();
    reader.say("b", 7);
    for (let i = 0; i < 30; i += 1) {
      reader.hear("b");
      reader.advance(INTERVAL_MS);
    }
    expect(reader.members).toBe("abc");
    reader.lose("b", "paused");
    reader.advance(2 * LONG_MS);
    expect(reader.members).toBe("abc");
    expect(reader.retire("b")).toMatchObject({ ok: true, retired: { by: "c", isOld: true } });
    expect(reader.retire("c")).toMatchObject({ ok: false, code: "peer-alive" });
    expect(reader.retire("a")).toMatchObject({ ok: false, code: "peer-alive" });
    expect(reader.retire("z")).toMatchObject({ ok: false, code: "peer-unknown" });
  });

  test("VE1 a node that the majority's ghosts make unknown is retired by who says that he is certain, after 60 intervals", () => {
    const reader = new Reader();
    reader.lose("b", "unknown");
    reader.lose("c", "unknown");
    expect(reader.retire("b")).toMatchObject({ ok: false, code: "peer-uncertain" });
    expect([reader.retire("b", true).ok, reader.retire("c", true).ok]).toEqual([true, true]);
    reader.advance(UNCERTAIN_AFTER_INTERVALS * INTERVAL_MS);
    expect(reader.members).toBe("abc");
    reader.advance(INTERVAL_MS);
    expect(reader.members).toBe("a");
  });

  test("VE1 a statement counts for the newest boot alone: not for one that is over, nor for one to come", () => {
    const reader = new Reader();
    reader.lose("b");
    for (const boot of [6, 8, EPOCH_MAX]) {
      reader.say("b", boot);
      reader.advance(2 * LONG_MS);
      expect([boot, reader.members]).toEqual([boot, "abc"]);
    }
    reader.say("b", 7);
    expect(reader.members).toBe("ac");
    reader.membership.learn({ author: "b", epoch: 9 }, NAMES, reader.now);
    reader.advance(2 * LONG_MS);
    expect([reader.members, reader.rows.has("left/b")]).toEqual(["abc", false]);
  });

  test("VE1 what was taken back brings a node back; malformed statements say nothing", () => {
    const reader = new Reader();
    reader.lose("b");
    reader.advance(2 * LONG_MS);
    for (const value of [true, [], [-1, 1], ["7", 1], [7], { boot: 7 }] as Json[]) {
      reader.said.set("b", { value, author: "c" });
      reader.advance(INTERVAL_MS);
      expect([value, reader.members]).toEqual([value, "abc"]);
    }
    reader.say("b", 7);
    expect(reader.members).toBe("ac");
    reader.say("b", null, "b");
    expect(reader.members).toBe("abc");
  });

  test("P4 VE1 a node that is retired takes it back, tells its operator by whom, and says so at most every 10 s", () => {
    const reader = new Reader();
    reader.say("a", 7);
    expect([reader.said.get("a"), reader.members]).toEqual([{ value: null, author: "a" }, "abc"]);
    reader.say("a", 7);
    reader.advance(8_000);
    expect(reader.said.get("a")?.author).toBe("c");
    reader.advance(2_000);
    expect(reader.said.get("a")?.author).toBe("a");
    reader.say("a", 8);
    reader.advance(20_000);
    expect(reader.said.get("a")?.author).toBe("c");
    const told = reader.effects.flatMap((effect) =>
      effect.type === "emit" && effect.event.type === "rejected" ? [effect.event] : [],
    );
    expect(told).toEqual(
      [1, 2].map(() => ({ type: "rejected", reason: "retired-elsewhere", from: "c" })),
    );
  });
});
