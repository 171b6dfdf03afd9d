import type { GossipSub, Message } from "@libp2p/gossipsub";
import { TopicValidatorResult } from "@libp2p/gossipsub";
import { peerIdFromString } from "@libp2p/peer-id";
import { GOSSIP_BYTES_MAX } from "@pulsemesh/core";
import type { Topic, TransportHandler, Validation } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { FleetGossip } from "./fleet-gossip.ts";
import { topicName, TOPICS } from "./protocol-ids.ts";

const NODE = "12D3KooWHzQZBWHMAT1p4Yt8nRyTztYHWfeRKfWuPPVA5uekqmjg";
const FLEET = "f";
const { Accept, Ignore, Reject } = TopicValidatorResult;

type Validator = (peer: ReturnType<typeof peerIdFromString>, message: Message) => unknown;

/** A router that does nothing by itself, and what whoever parts is told. */
function rig(validate: (text: string) => Validation = () => "accept") {
  const seen = { told: [] as string[], sent: [] as string[], rejected: [] as string[], isUp: true };
  const validators = new Map<string, Validator>();
  const entries = new Map<string, number>();
  const router = {
    topicValidators: validators,
    addEventListener: () => undefined,
    subscribe: () => undefined,
    publish: (_name: string, bytes: Uint8Array) => {
      seen.sent.push(textOf(bytes));
      return Promise.resolve();
    },
    msgIdFn: ({ data }: Message) => data,
    msgIdToStrFn: textOf,
    seenCache: { entries },
  };
  const gossip = new FleetGossip(
    {
      pubsub: router as unknown as GossipSub,
      logger: { error: () => undefined, debug: () => undefined },
      peers: { isUp: () => seen.isUp },
      lastWords: { word: (bytes) => void seen.told.push(textOf(bytes)) },
    },
    FLEET,
  );
  gossip.subscribe({
    gossip: (_topic, _from, bytes) => validate(textOf(bytes)),
    rejected: (reason) => void seen.rejected.push(reason),
  } as Partial<TransportHandler> as TransportHandler);
  /** As the router does with each message that is new to it: it knows it from then on. */
  const hear = (topic: Topic, text: string): unknown => {
    entries.set(text, 1);
    const message: Message = { type: "unsigned", topic, data: Buffer.from(text) };
    return validators.get(topicName(FLEET, topic))?.(peerIdFromString(NODE), message);
  };
  return { gossip, hear, seen, entries };
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test("AD11 who parts is told what is said of authority here, and nothing else", () => {
  const { gossip, seen } = rig();
  for (const topic of TOPICS) gossip.publish(topic, Buffer.from(`own ${topic}`));
  gossip.publish("authority", new Uint8Array(GOSSIP_BYTES_MAX + 1));
  expect(seen.told).toEqual(["own authority"]);
  expect(seen.sent).toEqual(TOPICS.map((topic) => `own ${topic}`));
});

test("AD11 P6 who parts is told what is passed on of authority: of another topic nothing, and nothing that is not accepted", () => {
  const { hear, seen } = rig((text) => text as Validation);
  for (const topic of TOPICS)
    for (const text of ["accept", "ignore", "reject", "unheard"]) {
      hear(topic, text);
      expect([topic, text, seen.told.splice(0)]).toEqual([
        topic,
        text,
        topic === "authority" && text === "accept" ? ["accept"] : [],
      ]);
    }
  seen.isUp = false;
  hear("authority", "accept");
  expect(seen.told).toEqual([]);
});

test("SG4 what was not heard, for who has said it or when, is new to the router where somebody else says it, and nothing else is", () => {
  const { hear, seen, entries } = rig((text) => text as Validation);
  const results = ["accept", "ignore", "reject", "unheard"].map((text) => hear("state", text));
  expect(results).toEqual([Accept, Ignore, Reject, Ignore]);
  expect([...entries.keys()]).toEqual(["accept", "ignore", "reject"]);
  seen.isUp = false;
  expect(hear("state", "accept")).toBe(Ignore);
  expect([...entries.keys()]).toEqual(["ignore", "reject"]);
});

test("SG4 P6 a message that is too long, or has the handler throw, is rejected, and is no news where it comes again", () => {
  const { hear, seen, entries } = rig(() => {
    throw new Error("a bug");
  });
  const long = "x".repeat(GOSSIP_BYTES_MAX + 1);
  expect([hear("state", long), hear("state", "bomb")]).toEqual([Reject, Reject]);
  expect([seen.rejected, entries.size]).toEqual([["frame-oversized"], 2]);
});
