import type { GossipSub, Message } from "@libp2p/gossipsub";
import { peerIdFromString } from "@libp2p/peer-id";
import { expect, test } from "vitest";
import type { GossipGate } from "./gossip-gate.ts";
import { dropUnheard, settleHeard } from "./unheard-frames.ts";

const NODE = "12D3KooWHzQZBWHMAT1p4Yt8nRyTztYHWfeRKfWuPPVA5uekqmjg";
const FRAME = { subscriptions: [{ topic: "state" }], messages: [{}], control: { ihave: [] } };
const MESSAGE: Message = { type: "unsigned", topic: "state", data: new Uint8Array([7]) };

/** A router that writes down what it takes in, and a gate that hears so much of everybody. */
function routerThatHears(heard: ReturnType<GossipGate["heardOf"]>) {
  const taken: unknown[] = [];
  const router = {
    handleReceivedRpc: (_from: unknown, frame: unknown) => {
      taken.push(frame);
      return Promise.resolve();
    },
    sendIDontWants: (...said: unknown[]) => void taken.push(said),
    score: { rejectMessage: (...said: unknown[]) => void taken.push(said) },
    msgIdFn: ({ data }: Message) => data,
    msgIdToStrFn: (id: Uint8Array) => `id ${id[0]}`,
    seenCache: {
      entries: new Map([
        ["id 6", 1],
        ["id 7", 1],
      ]),
    },
  };
  dropUnheard(router as unknown as GossipSub, { heardOf: () => heard } as unknown as GossipGate);
  return { router, taken };
}

test.each([
  ["everything", [FRAME]],
  ["subscriptions", [{ subscriptions: FRAME.subscriptions, messages: [] }]],
  ["nothing", []],
] as const)(
  "AD11 of a frame that was read already the router takes in no more than is heard of its peer: %s",
  async (heard, expected) => {
    const { router, taken } = routerThatHears(heard);
    await router.handleReceivedRpc(peerIdFromString(NODE), FRAME);
    expect(taken).toEqual(expected);
  },
);

test("AD11 SG4 nobody is told that a message is not wanted twice that nobody has heard, and it is known no more", () => {
  const said = [new Uint8Array([7]), "state", NODE];
  const { router, taken } = routerThatHears("everything");
  router.sendIDontWants(...said);
  settleHeard(router as unknown as GossipSub, MESSAGE, false);
  expect([...router.seenCache.entries.keys()]).toEqual(["id 6"]);
  // A shorter one, of which nothing is to be told.
  settleHeard(router as unknown as GossipSub, MESSAGE, true);
  expect(taken).toEqual([]);
  router.sendIDontWants(...said);
  settleHeard(router as unknown as GossipSub, MESSAGE, true);
  settleHeard(router as unknown as GossipSub, MESSAGE, true);
  expect(taken).toEqual([said]);
});

test("SG4 what nobody has heard leaves no record by which it costs nobody anything when it is heard and false", () => {
  const { router, taken } = routerThatHears("everything");
  router.score.rejectMessage(NODE, "id 7", "state", "ignore");
  settleHeard(router as unknown as GossipSub, MESSAGE, false);
  router.score.rejectMessage(NODE, "id 7", "state", "ignore");
  router.score.rejectMessage(NODE, "id 6", "state", "reject");
  expect(taken).toEqual([
    [NODE, "id 7", "state", "ignore"],
    [NODE, "id 6", "state", "reject"],
  ]);
});
