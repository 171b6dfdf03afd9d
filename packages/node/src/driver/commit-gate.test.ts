import type { CommitId, Topic } from "@pulsemesh/core";
import { describe, expect, test } from "vitest";
import { CommitGate, type GatedEffect, WAITING_EFFECTS_MAX } from "./commit-gate.ts";

const bytes = new Uint8Array();
const publish = (topic: Topic, after?: CommitId): GatedEffect => ({
  type: "publish",
  topic,
  bytes,
  after,
});
const send = (to: string, channel: "direct" | "sync", after?: CommitId): GatedEffect => ({
  type: "send",
  to,
  channel,
  bytes,
  after,
});
const reply = (id: number, after?: CommitId): GatedEffect => ({
  type: "reply",
  id,
  result: { ok: true },
  after,
});
const emit = (boot: number, after?: CommitId): GatedEffect => ({
  type: "emit",
  event: { type: "started", boot },
  after,
});

function nameOf(effect: GatedEffect): string {
  if (effect.type === "publish") return effect.topic;
  if (effect.type === "send") return `${effect.to}/${effect.channel}`;
  if (effect.type === "reply") return `reply ${effect.id}`;
  if (effect.type === "expel") return `expel ${effect.nodes.join(" ")}`;
  return effect.event.type === "started" ? `event ${effect.event.boot}` : effect.event.type;
}

function gate() {
  const ran: string[] = [];
  return { ran, gate: new CommitGate((effect) => ran.push(nameOf(effect))) };
}

describe("CommitGate", () => {
  test("DU1 DU2 an effect runs when its commit is durable and not before", () => {
    const { ran, gate: it } = gate();
    it.pass(reply(1, 1));
    it.pass(publish("state", 2));
    it.pass(reply(3));
    expect(ran).toEqual(["reply 3"]);
    it.committed(1);
    expect(ran).toEqual(["reply 3", "reply 1"]);
    it.committed(2);
    expect(ran).toEqual(["reply 3", "reply 1", "state"]);
    it.pass(reply(4, 2));
    expect(ran.at(-1)).toBe("reply 4");
    expect(it.waiting).toBe(0);
  });

  test("DU1 sync frames to one peer, state gossip and events keep their order", () => {
    const { ran, gate: it } = gate();
    it.pass(send("a", "sync", 1));
    it.pass(send("a", "sync"));
    it.pass(send("a", "sync", 2));
    it.pass(send("b", "sync"));
    it.pass(publish("state", 2));
    it.pass(publish("state", 1));
    it.pass(emit(1, 1));
    it.pass(emit(2));
    expect(ran).toEqual(["b/sync"]);
    it.committed(1);
    expect(ran).toEqual(["b/sync", "a/sync", "a/sync", "event 1", "event 2"]);
    it.committed(2);
    expect(ran.slice(5)).toEqual(["a/sync", "state", "state"]);
  });

  test("DU3 pulses, statements and direct messages that need no commit overtake those that do", () => {
    const { ran, gate: it } = gate();
    it.pass(publish("verdict", 1));
    it.pass(publish("verdict"));
    it.pass(publish("pulse"));
    it.pass(send("a", "direct", 1));
    it.pass(send("a", "direct"));
    expect(ran).toEqual(["verdict", "pulse", "a/direct"]);
    it.committed(1);
    expect(ran.slice(3)).toEqual(["verdict", "a/direct"]);
  });

  test("P6 beyond WAITING_EFFECTS_MAX messages are dropped and counted, replies and events are not", () => {
    const { gate: it } = gate();
    for (let i = 0; i < WAITING_EFFECTS_MAX; i++) it.pass(publish("verdict", 1));
    it.pass(publish("verdict", 1));
    it.pass(send("a", "sync", 1));
    it.pass(reply(1, 1));
    it.pass(emit(1, 1));
    expect(it.waiting).toBe(WAITING_EFFECTS_MAX + 2);
    expect(it.dropped).toBe(2);
  });
});
