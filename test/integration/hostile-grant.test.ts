/** Callers with grants that are none, or none any more, and statements that nobody entitled made, at real nodes. */
import { createHmac } from "node:crypto";
import { createYjsDocuments } from "@pulsemesh/doc-yjs";
import { TOKEN_TYPES } from "@pulsemesh/core";
import { signToken } from "@pulsemesh/node";
import { expect, test } from "vitest";
import { CLOCK_LEEWAY_MS } from "../../packages/core/src/authority/grant-set.ts";
import { LyingAuthor } from "../../packages/core/src/chain/lying-author.test-support.ts";
import { encodeBase32 } from "../../packages/node/src/keys/base32.ts";
import { rawPublicKey } from "../../packages/node/src/keys/ed25519.ts";
import { tokenPort } from "../../packages/node/src/ports/tokens.ts";
import {
  HostileFleet,
  type Member,
  PulseWatch,
  refusedAndAudited,
  refusedAt,
  UNTOUCHED,
} from "../support/hostile-fleet.ts";
import { infiltrate, infiltrateAll } from "../support/hostile-peer.ts";
import { OTHER_FLEET } from "../support/libp2p-harness.ts";
import { until } from "../support/until.ts";

const DAY_S = 86_400;
const nowS = (): number => Math.floor(Date.now() / 1_000);
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** The same claims under an algorithm that proves nothing. */
function unsigned(token: string, alg: "none" | "HS256"): string {
  const [header = "", payload] = token.split(".");
  const { kid } = JSON.parse(Buffer.from(header, "base64url").toString()) as { kid: string };
  const text = `${encode({ alg, typ: TOKEN_TYPES.grant, kid })}.${payload}`;
  const mac = createHmac("sha256", kid).update(text).digest("base64url");
  return `${text}.${alg === "none" ? "" : mac}`;
}

/** A grant that its bearer has signed itself. */
async function ownGrant(fleet: HostileFleet, { id, seed }: Member): Promise<string> {
  const signer = encodeBase32(rawPublicKey(seed));
  const times = { issuedS: nowS(), notBeforeS: nowS(), expS: nowS() + DAY_S };
  const keys = { signer, auditKey: signer, cosignKey: signer };
  const terms = { kind: "grant", node: id, roles: ["robot"], robots: ["*"], region: "eu" } as const;
  return await signToken({ ...terms, ...keys, ...times }, seed, fleet.issuer.fleet);
}

test("ME1 ME3 who presents no grant, another's, another fleet's, his own, an early, a long expired one, or one of alg none or HS256 is let in by no real node, and counted by reason", async () => {
  await using fleet = await HostileFleet.of(1);
  const { honest } = fleet;
  const overheard = await fleet.member("robbed");
  const expected: readonly (readonly [string, (member: Member) => Promise<string | undefined>])[] =
    [
      ["grant-none", () => Promise.resolve(undefined)],
      ["grant-foreign", () => Promise.resolve(overheard.grant)],
      ["grant-malformed", ({ id }) => fleet.grant(id, {}, OTHER_FLEET)],
      ["grant-malformed", async ({ id }) => unsigned(await fleet.grant(id), "none")],
      ["grant-malformed", async ({ id }) => unsigned(await fleet.grant(id), "HS256")],
      ["grant-unknown", (member) => ownGrant(fleet, member)],
      [
        "grant-early",
        ({ id }) => fleet.grant(id, { notBeforeS: nowS() + DAY_S, expS: nowS() + 2 * DAY_S }),
      ],
      // So long ago that no issuer renews it.
      [
        "grant-expired",
        ({ id }) =>
          fleet.grant(id, {
            issuedS: nowS() - 200 * DAY_S,
            notBeforeS: nowS() - 200 * DAY_S,
            expS: nowS() - 190 * DAY_S,
          }),
      ],
    ];
  await until("all know the grant", () =>
    honest.every((at) => at.authorityView().grants.some(({ node }) => node === overheard.id)),
  );
  const watch = new PulseWatch(honest);
  for (const [index, [reason, grantOf]] of expected.entries()) {
    const before = honest.map((at) => refusedAt(at, reason));
    const member = await fleet.stranger(`stranger-${index}`);
    const peer = await infiltrate(fleet, member, await grantOf(member));
    for (const [i, at] of honest.entries())
      await until(`${reason} is counted`, () => refusedAt(at, reason) > (before[i] ?? 0));
    expect([index, peer.ups.size, peer.heard.length]).toEqual([index, 0, 0]);
    await peer.transport.stop();
  }
  expect(honest.map((at) => at.fleetView().roster)).toEqual([2, 2]);
  expect(await watch.end()).toEqual(UNTOUCHED);
}, 60_000);

test("ME3 AD11 a grant that ends by the clock ends a live connection at every real node, its bearer is told nothing more and let in no more, and leaves the roster", async () => {
  await using fleet = await HostileFleet.of(2);
  const { issuer } = fleet;
  const others = fleet.honest.slice(1);
  const member = await fleet.stranger("guest");
  const endMs = Date.now() + 6_000;
  const grant = await fleet.grant(member.id, {
    expS: Math.floor((endMs - CLOCK_LEEWAY_MS) / 1_000),
  });
  const peer = await infiltrateAll(fleet, member, grant);
  const { bytes } = new LyingAuthor(member.env, createYjsDocuments).header(7);
  peer.transport.publish("state", bytes);
  await until("it counts", () => others.every((at) => at.fleetView().roster === 4));
  // An issuer that lives would renew it.
  await issuer.stop();
  const watch = new PulseWatch(others);
  await until("it is out", () => others.every(({ id }) => !peer.ups.has(id)));
  expect(Date.now()).toBeGreaterThan(endMs - 1_500);
  const heard = peer.heard.length;
  for (const at of others) {
    await until("it is not let in again", () => refusedAt(at, "grant-expired") > 1);
    expect(at.fleetView().roster).toBe(3);
  }
  expect(await watch.end()).toEqual(UNTOUCHED);
  expect([peer.ups.size, peer.heard.length]).toEqual([0, heard]);
}, 60_000);

test("ME1 ME2 statements that a member signed itself, of alg none or HS256, and an outdated charter change nothing at real nodes; what is forged is counted and audited", async () => {
  await using fleet = await HostileFleet.of(1);
  const { honest, issuer } = fleet;
  const member = await fleet.member("evil");
  const victim = await fleet.member("victim");
  const { transport } = await infiltrateAll(fleet, member);
  const outdated = member.statements.filter(
    (token) => tokenPort.read(token)?.type === TOKEN_TYPES.charter,
  );
  expect(outdated).toHaveLength(1);
  await issuer.issuer?.revoke(victim.id, "lost");
  const charters = (): readonly unknown[] => honest.map((at) => at.authorityView().charter);
  const numbers = (): readonly (number | undefined)[] =>
    honest.map((at) => at.authorityView().charter?.number);
  await until("there is a newer one", () =>
    numbers().every((it) => it === numbers()[0] && (it ?? 0) > 1),
  );
  const before = charters();
  const watch = new PulseWatch(honest);
  const say = (token: string): void =>
    transport.publish("authority", member.env.ports.codec.encode(token));
  const good = await fleet.grant(member.id, { roles: ["operator"] });
  for (const token of outdated) say(token);
  say(unsigned(good, "none"));
  say(unsigned(good, "HS256"));
  say(await ownGrant(fleet, member));
  for (const reason of ["statement-malformed", "signer-unknown"])
    await refusedAndAudited(honest, reason, { from: member.id, what: "statement" });
  for (const at of honest)
    await until("both are counted", () => refusedAt(at, "statement-malformed") === 2);
  expect(charters()).toEqual(before);
  for (const at of honest) {
    const { grants, revocations } = at.authorityView();
    expect(grants.find(({ node }) => node === member.id)?.roles).toEqual(["robot"]);
    expect(revocations.map(({ node }) => node)).toEqual([victim.id]);
  }
  expect(await watch.end()).toEqual(UNTOUCHED);
}, 60_000);
