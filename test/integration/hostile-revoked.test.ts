/** A member whose key was revoked, on real nodes: what it writes afterwards, dated as it likes, and an accomplice that hands it on. */
import { createYjsDocuments } from "@pulsemesh/doc-yjs";
import { expect, test } from "vitest";
import { LyingAuthor } from "../../packages/core/src/chain/lying-author.test-support.ts";
import { decodeSync, encodeSync } from "../../packages/core/src/sync/messages.ts";
import {
  auditedAt,
  HostileFleet,
  PulseWatch,
  refusedAndAudited,
  refusedAt,
  UNTOUCHED,
} from "../support/hostile-fleet.ts";
import { infiltrateAll, runLawless } from "../support/hostile-peer.ts";
import { until } from "../support/until.ts";

/** Below every boot of its own: as if it had been written long ago. */
const EARLIER_EPOCH = 7;
const ROBOT = "zap-1";
const patch = (task: string) => ({ type: "patch-state", robot: ROBOT, patch: { task } }) as const;

test("ME1 P4 what a revoked node writes afterwards, backdated or not, is taken by no real node from whoever hands it on, is counted and audited, and a newcomer is shown the same", async () => {
  await using fleet = await HostileFleet.of(1);
  const { issuer, honest } = fleet;
  const member = await fleet.member("evil");
  const evil = await runLawless(fleet, member);
  await evil.driver.command({ type: "beat", robot: ROBOT, kind: "beat", create: "heartbeat" });
  await evil.driver.command(patch("before"));
  for (const at of honest)
    await until("it shows it", () => at.robot(ROBOT)?.state["task"] === "before");
  const friend = await fleet.member("accomplice");
  const accomplice = await infiltrateAll(fleet, friend);
  await issuer.issuer?.revoke(member.id, "stolen");
  const hasStanding = (): boolean =>
    honest.every((at) => at.authorityView().revocations.length === 1);
  await until("all know of it", hasStanding);
  const watch = new PulseWatch(honest);
  const hash = issuer.fleetView().documentHash;
  const saidBefore = evil.said.length;
  await evil.driver.command(patch("after"));
  await until("it wrote", () => evil.said.slice(saidBefore).some(({ topic }) => topic === "state"));
  const after = evil.said.slice(saidBefore).filter(({ topic }) => topic === "state");
  const author = new LyingAuthor(member.env, createYjsDocuments);
  const header = author.header(EARLIER_EPOCH);
  const backdated = [header, author.delta(header.place, "long ago", ROBOT)];
  for (const { bytes } of [...after, ...backdated]) accomplice.transport.publish("state", bytes);
  await refusedAndAudited(honest, "author-revoked", { from: friend.id });
  for (const at of honest)
    await until("all is counted", () => refusedAt(at, "author-revoked") >= after.length + 2);
  // It offers them by sync as well; nobody asks.
  const of = { author: member.id, forkHash: undefined, opening: undefined };
  const items = backdated.map(({ place }) => ({ ...of, place }));
  const offer = { type: "vector", document: "reported", items, first: true, last: true } as const;
  const answers = accomplice.messages.length;
  for (const { id } of honest)
    await accomplice.transport.send(id, "sync", encodeSync(friend.env, offer));
  const said = (): ReturnType<typeof decodeSync>[] =>
    accomplice.messages.slice(answers).map(({ bytes }) => decodeSync(friend.env, bytes));
  const vectors = (): number => said().filter((message) => message?.type === "vector").length;
  await until("both have compared", () => vectors() >= honest.length);
  // Its own connections are refused, each time.
  for (const at of honest)
    await until(
      "it is not let in",
      () => refusedAt(at, "revoked") + refusedAt(at, "peer-denied") > 0,
    );
  const newcomer = await fleet.honestNode("newcomer");
  await until("it shows the same", () => newcomer.fleetView().documentHash === hash);
  const wanted = said().flatMap((message) => (message?.type === "want" ? message.items : []));
  expect(wanted.filter((item) => item.type === "entries" && item.author === member.id)).toEqual([]);
  for (const at of fleet.honest) {
    expect(at.fleetView().documentHash).toBe(hash);
    const entries = (await auditedAt(at, "entry")) as readonly { author: string; epoch: number }[];
    expect(
      entries.some(({ author: by, epoch }) => by === member.id && epoch === EARLIER_EPOCH),
    ).toBe(false);
    expect(at.fleetView().nodes.map(({ node }) => node)).not.toContain(member.id);
  }
  expect(newcomer.robot(ROBOT)?.state).toEqual({ task: "before" });
  expect(await watch.end()).toEqual(UNTOUCHED);
}, 60_000);
