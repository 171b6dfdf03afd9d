/** A member that contradicts itself and writes what no document takes, on real nodes: forks, and updates that lie about whose they are. */
import { createYjsDocuments } from "@pulsemesh/doc-yjs";
import { any, content, firstItem, forgeUpdate, nextItem, varUint } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { generationClientId } from "../../packages/core/src/chain/client-id.ts";
import { type Lie, LyingAuthor } from "../../packages/core/src/chain/lying-author.test-support.ts";
import {
  auditedAt,
  countAt,
  HostileFleet,
  type Member,
  PulseWatch,
  refusedAt,
  UNTOUCHED,
} from "../support/hostile-fleet.ts";
import { infiltrateAll } from "../support/hostile-peer.ts";
import { until } from "../support/until.ts";

const EPOCH = 7;

test("CH5 P4 two entries at one place are proof on real nodes: both are kept, all show the same one and say so, and nothing that follows either is taken", async () => {
  await using fleet = await HostileFleet.of(2);
  const { honest, issuer } = fleet;
  await issuer.command({ type: "beat", robot: "r", kind: "beat", create: "heartbeat" });
  const member = await fleet.member("evil");
  const peer = await infiltrateAll(fleet, member);
  const watch = new PulseWatch(honest);
  const author = new LyingAuthor(member.env, createYjsDocuments);
  const header = author.header(EPOCH);
  const [one, other] = [author.delta(header.place, "one"), author.delta(header.place, "other")];
  const say = ({ bytes }: Lie): void => peer.transport.publish("state", bytes);
  for (const lie of [header, one, other]) say(lie);
  for (const at of honest)
    await until("it knows of the fork", () => countAt(at, "events_total", "forked") === 1);
  const kept = one.place.hash < other.place.hash ? "one" : "other";
  for (const at of honest)
    await until("it shows the smaller one", () => at.robot("r")?.state["v"] === kept);
  for (const branch of [one, other]) say(author.delta(branch.place, "more"));
  const later = author.header(EPOCH + 1);
  say(later);
  // What it says after that is taken: so what was said before has come.
  const isThere = async (at: (typeof honest)[number]): Promise<boolean> =>
    (await auditedAt(at, "entry")).some((data) => (data as Place).epoch === EPOCH + 1);
  for (const at of honest) {
    await until("the later epoch is there", () => isThere(at));
    const entries = (await auditedAt(at, "entry")) as readonly Place[];
    const ofIt = entries.filter(({ author: by, epoch }) => by === member.id && epoch === EPOCH);
    expect(ofIt.map(({ seq }) => seq)).toEqual([0, 1]);
    const place = { document: "reported", author: member.id, epoch: EPOCH, seq: 1 };
    expect(await auditedAt(at, "forked")).toEqual([place]);
  }
  expect(honest.map((at) => at.robot("r")?.state)).toEqual(honest.map(() => ({ v: kept })));
  expect(await watch.end()).toEqual(UNTOUCHED);
}, 60_000);

interface Place {
  readonly author: string;
  readonly epoch: number;
  readonly seq: number;
  readonly gate: string | null;
}

/** Updates that the gate refuses, and what it says; `other` is somebody else's generation. */
function bombs(member: Member, victim: string): readonly (readonly [string, Uint8Array])[] {
  const generation = { document: "reported", author: member.id, epoch: EPOCH } as const;
  const own = generationClientId(member.env, generation, 0);
  const other = generationClientId(member.env, { ...generation, author: victim }, 0);
  const item = firstItem(member.id.slice(-8), "zap-1", content.any(any.integer(7)));
  const one = { client: own, clock: 0, structs: [item] };
  const many = Array.from({ length: 600 }, (_, i) => ({ ...one, client: own + 1 + i }));
  const honestly = forgeUpdate([one]);
  const claimed = Uint8Array.of(
    1,
    1,
    ...varUint(own, 1),
    ...honestly.subarray(2 + varUint(own).length),
  );
  return [
    ["foreign-client", forgeUpdate([{ ...one, client: other }])],
    ["foreign-client", forgeUpdate(many)],
    [
      "foreign-parent",
      forgeUpdate([
        { ...one, structs: [firstItem(victim.slice(-8), "zap-1", content.any(any.integer(7)))] },
      ]),
    ],
    [
      "foreign-origin",
      forgeUpdate([
        { ...one, structs: [nextItem({ origin: [other, 0] }, content.any(any.integer(7)))] },
      ]),
    ],
    ["foreign-delete", forgeUpdate([], [{ client: other, ranges: [[0, 1]] }])],
    ["clock-gap", forgeUpdate([{ ...one, clock: 5 }])],
    ["malformed", claimed],
    // Of format V2: run lengths of what is not there.
    ["malformed", Uint8Array.of(0, 0, 6, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, 0)],
  ];
}

test("CH3 P4 updates with a claimed clientID, forged parents and origins, foreign deletes, pending structs, padded varints or format V2 change nothing on real nodes, are counted, and audited by what the gate says", async () => {
  await using fleet = await HostileFleet.of(1);
  const { honest, issuer } = fleet;
  await issuer.command({ type: "beat", robot: "bank-1", kind: "beat", create: "heartbeat" });
  const member = await fleet.member("evil");
  const peer = await infiltrateAll(fleet, member);
  const watch = new PulseWatch(honest);
  const author = new LyingAuthor(member.env, createYjsDocuments);
  const lies = [author.header(EPOCH)];
  const expected = bombs(member, issuer.id);
  for (const [, update] of expected) lies.push(author.deltaOf((lies.at(-1) as Lie).place, update));
  await until("both show the same", () => new Set(hashes()).size === 1);
  const before = hashes();
  for (const { bytes } of lies) peer.transport.publish("state", bytes);
  for (const at of honest) {
    const gates = async (): Promise<readonly (string | null)[]> =>
      ((await auditedAt(at, "entry")) as readonly Place[])
        .filter((entry) => entry.author === member.id)
        .map(({ gate }) => gate);
    await until("all came", async () => (await gates()).length === lies.length);
    expect(await gates()).toEqual([null, ...expected.map(([code]) => code)]);
    expect(refusedAt(at, "gate")).toBe(expected.length);
  }
  expect(hashes()).toEqual(before);
  expect(await watch.end()).toEqual(UNTOUCHED);

  function hashes(): readonly string[] {
    return honest.map((at) => at.fleetView().documentHash);
  }
}, 60_000);
