import { CoreRig } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import type { Effect } from "../effect.ts";

type Emit = Extract<Effect, { readonly type: "emit" }>;

function shown(effects: readonly Effect[]): readonly Emit[] {
  return effects.filter(
    (effect): effect is Emit => effect.type === "emit" && effect.event.type === "robot-state",
  );
}

/** Hands the state gossip among `effects` to another node. */
function gossip(effects: readonly Effect[], from: CoreRig, to: CoreRig): readonly Effect[] {
  return effects.flatMap((effect) =>
    effect.type === "publish" && effect.topic === "state"
      ? to.input({ type: "gossip", topic: "state", from: from.node, bytes: effect.bytes })
      : [],
  );
}

function change(rig: CoreRig, lap: number): readonly Effect[] {
  const command = { type: "patch-state", robot: "bot", patch: { lap } } as const;
  return rig.input({ type: "command", id: lap, command });
}

test("DU1 what another node wrote is shown before this node's own disk has it, what this node wrote is not", () => {
  const [writer, reader] = [new CoreRig("na"), new CoreRig("nb")];
  const header = writer.start();
  reader.start();
  const beat = { type: "beat", robot: "bot", kind: "beat", create: "heartbeat" } as const;
  const registered = writer.input({ type: "command", id: 1, command: beat });
  gossip([...header, ...registered, ...writer.settle()], writer, reader);
  reader.settle();

  const changed = change(writer, 7);
  const [commit] = changed.flatMap((effect) => (effect.type === "persist" ? effect.commit : []));
  expect(commit).toBeDefined();
  expect(shown(changed)).toMatchObject([{ event: { state: { lap: 7 } }, after: commit }]);

  const heard = gossip(changed, writer, reader);
  expect(heard.some(({ type }) => type === "persist")).toBe(true);
  expect(shown(heard)).toMatchObject([{ event: { state: { lap: 7 } } }]);
  expect(shown(heard)[0]?.after).toBeUndefined();

  const own = change(reader, 8);
  const [ownCommit] = own.flatMap((effect) => (effect.type === "persist" ? effect.commit : []));
  expect(shown(own)).toMatchObject([{ event: { state: { lap: 8 } }, after: ownCommit }]);
});
