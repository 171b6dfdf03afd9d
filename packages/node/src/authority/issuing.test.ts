import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RootClaims } from "@pulsemesh/core";
import { CoreRig, createTestPorts } from "@pulsemesh/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeBase32 } from "../keys/base32.ts";
import { generateSeed } from "../keys/ed25519.ts";
import { keyFromSeed } from "../keys/key-file.ts";
import { tokenPort } from "../ports/tokens.ts";
import { decodeAnswer, encodeQuestion } from "./enrolment-frames.ts";
import { makeMember, requestOf } from "./enrolment.test-support.ts";
import { createIssuer, GRANT_LIFE_MS } from "./issuer.ts";
import { CATCH_UP_MS_MAX, OPEN_GRANT_LIFE_MS, UPKEEP_EVERY_MS } from "./issuing.ts";
import { IssuingRig } from "../../../../test/support/issuing-rig.ts";
import { signToken } from "./sign-token.ts";

const HOUR_MS = 3_600_000;
const TERMS = { roles: ["robot"], robots: ["zap-*"] } as const;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-issuing-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("ME7 strangers are answered only while an invite is open, and whoever shows it is a member", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  expect(rig.answer).toBeUndefined();
  const invite = await issuing.invite({ ...TERMS, ttlMs: HOUR_MS });
  const member = makeMember();
  const answer = await rig.ask(member, invite);
  expect(answer).toMatchObject({ ok: true });
  expect(rig.grants.get(member.id)).toBe("granted");
  expect(answer.ok && answer.statements.length).toBe(3);
  expect(await rig.ask(makeMember(), invite)).toMatchObject({ ok: false, code: "invite-used" });
  await rig.pass(HOUR_MS);
  expect(rig.answer).toBeUndefined();
});

test("ME7 what the issuer answers is enough for a node that knows nothing else", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  const member = makeMember();
  const answer = await rig.ask(member, await issuing.invite({ ...TERMS, ttlMs: HOUR_MS }));
  if (!answer.ok) throw new Error(answer.code);
  const ports = { ...createTestPorts("new"), tokens: tokenPort };
  const fleet = encodeBase32(rig.rootKey.publicKey);
  const node = new CoreRig(member.id, {
    fleet,
    ports,
    config: { statements: answer.statements },
    wallMs: rig.core.wallMs,
  });
  expect(node.start().filter(({ type }) => type === "present")).toHaveLength(1);
  expect(node.core.authority(node.now).charter?.number).toBe(1);
});

test("ME7 without an invite nobody is enrolled, unless the node takes everybody, for a day", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  await issuing.invite({ ...TERMS, ttlMs: HOUR_MS });
  expect(await rig.ask(makeMember(), undefined)).toMatchObject({ code: "invite-unknown" });
  expect(rig.turnedAway).toEqual(["invite-unknown"]);
  const open = new IssuingRig(dir);
  await open.start(true);
  const member = makeMember();
  expect(await open.ask(member, undefined)).toMatchObject({ ok: true });
  expect(open.endOf(member.id)).toBe(open.core.wallMs + OPEN_GRANT_LIFE_MS);
});

test("ME7 what is no question is answered with why, and grants nothing", async () => {
  const rig = new IssuingRig(dir);
  await rig.start(true);
  const bytes = await rig.answer?.("12D3KooWx", Uint8Array.of(1, 2, 3));
  expect(decodeAnswer(bytes ?? new Uint8Array())).toMatchObject({ code: "request-malformed" });
  const other = makeMember();
  const stolen = encodeQuestion({ invite: undefined, request: requestOf(makeMember()) });
  const refused = await rig.answer?.(other.id, stolen);
  expect(decodeAnswer(refused ?? new Uint8Array())).toMatchObject({ code: "request-malformed" });
  expect(rig.turnedAway).toEqual(["request-malformed", "request-malformed"]);
  expect(rig.grants.size).toBe(0);
});

test("ME2 the holder of the charter key signs one at the start, every six hours, and after each revocation; nobody else does", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  expect(rig.charter).toBe(1);
  await rig.pass(UPKEEP_EVERY_MS);
  expect(rig.charter).toBe(1);
  await rig.pass(6 * HOUR_MS);
  expect(rig.charter).toBe(2);
  const member = makeMember();
  await issuing.grant(requestOf(member), TERMS);
  await issuing.revoke(member.id, "stolen");
  expect(rig.charter).toBe(3);
  expect(rig.grants.get(member.id)).toBe("revoked");
  const other = new IssuingRig(dir);
  await other.start(false, encodeBase32(keyFromSeed(generateSeed()).publicKey));
  expect(other.charter).toBeUndefined();
});

test("ME2, ME3 a charter that was signed by a clock ahead is followed by one of now, unless it is this clock that is behind most", async () => {
  const rig = new IssuingRig(dir);
  rig.lateMs = 365 * 86_400_000;
  await rig.start();
  expect(rig.view).toMatchObject({ charter: { number: 1 }, isStale: false });
  rig.known = rig.remembered;
  rig.lateMs = 2 * 86_400_000;
  rig.isBehind = true;
  await rig.start();
  await rig.pass(CATCH_UP_MS_MAX);
  expect(rig.view).toMatchObject({ charter: { number: 1 }, isStale: true });
  rig.isBehind = false;
  await rig.pass(UPKEEP_EVERY_MS);
  expect(rig.view).toMatchObject({ charter: { number: 2 }, isStale: false });
  await rig.pass(UPKEEP_EVERY_MS);
  expect(rig.charter).toBe(2);
});

test("ME2 whoever starts with a charter signs nothing before it was compared with a peer, or for CATCH_UP_MS_MAX: its disk may be an old one", async () => {
  const rig = new IssuingRig(dir);
  const first = await rig.start();
  const member = makeMember();
  const token = (await first.grant(requestOf(member), TERMS)).at(-1) ?? "";
  rig.known = [...rig.remembered, token];
  rig.lateMs = GRANT_LIFE_MS - HOUR_MS;
  rig.statuses.set(member.id, "up");
  for (const isMet of [false, true]) {
    const issuing = await rig.start();
    const held = rig.endOf(member.id);
    await rig.pass(CATCH_UP_MS_MAX - 10_000);
    issuing.refused(member.id, "grant-expired");
    await issuing.idle();
    expect([rig.charter, rig.endOf(member.id), rig.remembered.length]).toEqual([1, held, 1]);
    // A new invite is a person's business, and needs no charter.
    await issuing.invite({ ...TERMS, ttlMs: HOUR_MS });
    expect(rig.answer).toBeDefined();
    if (isMet) rig.compare(member.id);
    await rig.pass(isMet ? 100 : 10_000);
    expect(rig.charter).toBe(2);
    expect(rig.endOf(member.id)).not.toBe(held);
    expect(rig.remembered.splice(1)).toHaveLength(1);
  }
});

test("ME3 grants of members that live are renewed at half of their life, of others not", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  const [alive, dead] = [makeMember(), makeMember()];
  await issuing.grant(requestOf(alive), TERMS);
  await issuing.grant(requestOf(dead), TERMS);
  rig.statuses.set(alive.id, "up");
  rig.statuses.set(dead.id, "down");
  const endMs = rig.endOf(dead.id);
  await rig.pass(GRANT_LIFE_MS / 2 - HOUR_MS);
  expect(rig.endOf(alive.id)).toBe(endMs);
  await rig.pass(HOUR_MS);
  expect(rig.endOf(alive.id)).toBeGreaterThan((endMs ?? 0) + GRANT_LIFE_MS / 2 - HOUR_MS);
  expect(rig.endOf(dead.id)).toBe(endMs);
});

test.each([true, false])(
  "ME3, ME7 a day that everybody was given is renewed only while everybody is given one: %s",
  async (isOpen) => {
    const rig = new IssuingRig(dir);
    const issuing = await rig.start(isOpen);
    const member = makeMember();
    const roles = ["robot", "gateway", "operator"] as const;
    const day = { roles, robots: ["*"], lifeMs: OPEN_GRANT_LIFE_MS };
    await issuing.grant(requestOf(member), day);
    rig.statuses.set(member.id, "up");
    const endMs = rig.endOf(member.id) ?? 0;
    await rig.pass(OPEN_GRANT_LIFE_MS / 2 + HOUR_MS);
    expect((rig.endOf(member.id) ?? 0) > endMs).toBe(isOpen);
    await rig.pass(OPEN_GRANT_LIFE_MS);
    issuing.refused(member.id, "grant-expired");
    await issuing.idle();
    expect((rig.endOf(member.id) ?? 0) > rig.core.wallMs).toBe(isOpen);
  },
);

test("ME3 a node whose grant has ended is granted it anew when it comes, once a minute at most", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  const member = makeMember();
  await issuing.grant(requestOf(member), TERMS);
  // Twice, as it takes a charter of now for the end to count.
  await rig.pass(GRANT_LIFE_MS + HOUR_MS);
  await rig.pass(UPKEEP_EVERY_MS);
  expect(rig.grants.get(member.id)).toBe("expired");
  issuing.refused(member.id, "grant-none");
  await rig.pass(0);
  expect(rig.grants.get(member.id)).toBe("expired");
  issuing.refused(member.id, "grant-expired");
  await rig.pass(0);
  expect(rig.grants.get(member.id)).toBe("granted");
  const endMs = rig.endOf(member.id);
  issuing.refused(member.id, "grant-expired");
  await rig.pass(0);
  expect(rig.endOf(member.id)).toBe(endMs);
});

test("ME7 a grant that was made for another time than the usual one ends then, whether its node lives or asks", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  const [member, guest] = [makeMember(), makeMember()];
  await issuing.grant(requestOf(member), TERMS);
  await issuing.grant(requestOf(guest), { ...TERMS, lifeMs: 2 * HOUR_MS });
  for (const { id } of [member, guest]) rig.statuses.set(id, "up");
  const endMs = rig.endOf(guest.id);
  await rig.pass(1.5 * HOUR_MS);
  expect(rig.endOf(guest.id)).toBe(endMs);
  await rig.pass(HOUR_MS);
  expect(rig.grants.get(guest.id)).toBe("expired");
  issuing.refused(guest.id, "grant-expired");
  await rig.pass(0);
  expect(rig.grants.get(guest.id)).toBe("expired");
  // The usual one goes on.
  const usualMs = rig.endOf(member.id);
  await rig.pass(GRANT_LIFE_MS / 2);
  expect(rig.endOf(member.id)).not.toBe(usualMs);
});

test("ME1 a node that this issuer has revoked is revoked once, whatever is said of it again", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  const member = makeMember();
  await issuing.grant(requestOf(member), TERMS);
  await issuing.revoke(member.id, "stolen");
  await rig.pass(1_000);
  await issuing.revoke(member.id, "again");
  expect(rig.view.revocations.map(({ reason }) => reason)).toEqual(["stolen"]);
});

test("ME1 a node that nothing is granted to is not revoked, nor is the issuer's own", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  await expect(issuing.revoke(makeMember().id, "x")).rejects.toMatchObject({
    code: "peer-unknown",
  });
  await expect(issuing.revoke(rig.self.id, "x")).rejects.toMatchObject({ code: "option-invalid" });
});

test("ME7 after its end an issuer answers nobody and signs nothing", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start(true);
  issuing.end();
  expect(rig.ring).toBeUndefined();
  issuing.refused(makeMember().id, "grant-expired");
  expect(rig.charter).toBe(1);
});

/** Root statement `number`, upon the one that the rig's node holds. */
async function nextRoot(
  rig: IssuingRig,
  number: number,
  claims: Pick<RootClaims, "issuers" | "charterKey">,
): Promise<void> {
  const { fleet } = rig;
  const previous = rig.view.root?.id;
  const said = {
    kind: "root",
    signer: fleet,
    number,
    previous,
    nextRootHash: "a".repeat(64),
  } as const;
  const issuedS = Math.floor(rig.core.wallMs / 1_000);
  const token = await signToken(
    { ...said, voids: [], issuedS, ...claims },
    rig.rootKey.seed,
    fleet,
  );
  expect(await rig.submit(token)).toMatchObject({ ok: true });
}

test("ME3 what an issuer granted that is named no more is renewed by who signs the charter, and what a named one granted is not", async () => {
  const rig = new IssuingRig(dir);
  await rig.start();
  const [own] = rig.view.root?.issuers ?? [];
  if (own === undefined) throw new Error("The root names an issuer.");
  const otherKey = keyFromSeed(generateSeed());
  const other = { ...own, key: encodeBase32(otherKey.publicKey) };
  await nextRoot(rig, 2, { issuers: [own, other], charterKey: own.key });
  const member = makeMember();
  rig.statuses.set(member.id, "up");
  const by = createIssuer({
    dir,
    fleet: rig.fleet,
    self: member.id,
    key: otherKey,
    bounds: other,
    members: { grantOf: () => undefined, isRevoked: () => false },
    now: () => rig.core.now,
  });
  await rig.submit(await by.grant(requestOf(member), TERMS));
  const end = rig.endOf(member.id);
  await rig.pass(GRANT_LIFE_MS / 2 + HOUR_MS);
  expect(rig.endOf(member.id)).toBe(end);
  await nextRoot(rig, 3, { issuers: [own], charterKey: own.key });
  await rig.pass(UPKEEP_EVERY_MS);
  expect(rig.endOf(member.id)).toBeGreaterThan(end ?? 0);
  expect(rig.view.grants.find(({ node }) => node === member.id)?.issuer).toBe(own.key);
});

test("ME2 an issuer that the root names no more signs nothing of its own accord, and takes no strangers", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  const [own] = rig.view.root?.issuers ?? [];
  if (own === undefined) throw new Error("The root names an issuer.");
  await issuing.invite({ ...TERMS, ttlMs: HOUR_MS });
  expect(rig.answer).toBeDefined();
  const { charter } = rig;
  const other = { ...own, key: encodeBase32(keyFromSeed(generateSeed()).publicKey) };
  await nextRoot(rig, 2, { issuers: [other], charterKey: own.key });
  await rig.pass(UPKEEP_EVERY_MS);
  expect(rig.answer).toBeUndefined();
  expect(rig.charter).toBe(charter);
});
