/** What an issuer does not do: issue while it runs twice, and go as the last one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { IssuingRig } from "../../../../test/support/issuing-rig.ts";
import { encodeBase32 } from "../keys/base32.ts";
import { generateSeed } from "../keys/ed25519.ts";
import { codeOf } from "../keys/code-of.test-support.ts";
import { keyFromSeed } from "../keys/key-file.ts";
import { makeMember, requestOf } from "./enrolment.test-support.ts";
import { GRANT_LIFE_MS } from "./issuer.ts";
import { UPKEEP_EVERY_MS } from "./issuing.ts";
import { signToken } from "./sign-token.ts";

const HOUR_MS = 3_600_000;
const TERMS = { roles: ["robot"], robots: ["zap-*"] } as const;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-issuing-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("ME7, BK1 an issuer that runs twice issues nothing and says why; the invites of before are void, as the other may have taken them", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  const invite = await issuing.invite({ ...TERMS, ttlMs: HOUR_MS });
  const [held, late] = [makeMember(), makeMember()];
  await issuing.grant(requestOf(held), TERMS);
  const ended = { charter: rig.charter, end: rig.endOf(held.id) };
  rig.statuses.set(held.id, "up");
  rig.isTwin = true;
  expect(await codeOf(issuing.invite({ ...TERMS, ttlMs: HOUR_MS }))).toBe("twin");
  expect(await codeOf(issuing.grant(requestOf(late), TERMS))).toBe("twin");
  expect(await codeOf(issuing.revoke(held.id, ""))).toBe("twin");
  // Also before anybody has told it: the use would be spent.
  expect(await rig.ask(late, invite)).toMatchObject({ ok: false, code: "twin" });
  expect(issuing.invites[0]?.usedBy).toEqual([]);
  await issuing.doubled();
  expect(issuing.invites).toEqual([]);
  expect(await rig.ask(late, invite)).toMatchObject({ ok: false, code: "twin" });
  // Neither charter nor renewal, which the other would sign as well.
  await rig.pass(GRANT_LIFE_MS - HOUR_MS);
  issuing.refused(held.id, "grant-expired");
  await issuing.idle();
  expect({ charter: rig.charter, end: rig.endOf(held.id) }).toEqual(ended);
  expect(rig.remembered).toHaveLength(1);
  rig.isTwin = false;
  await rig.pass(UPKEEP_EVERY_MS);
  expect(rig.charter).toBe(2);
  expect(rig.answer).toBeUndefined();
});

test("ME7, BK1 a twin that nobody has told of is found by the next look", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  const invite = await issuing.invite({ ...TERMS, ttlMs: HOUR_MS });
  rig.isTwin = true;
  await rig.pass(UPKEEP_EVERY_MS);
  expect(issuing.invites).toEqual([]);
  // Nor does it count when the other has gone.
  rig.isTwin = false;
  await issuing.invite({ ...TERMS, ttlMs: HOUR_MS });
  expect(await rig.ask(makeMember(), invite)).toMatchObject({ code: "invite-unknown" });
});

/** The root names a second issuer. */
async function nameAnother(rig: IssuingRig): Promise<void> {
  const { fleet, rootKey, view } = rig;
  const { root } = view;
  const [own] = root?.issuers ?? [];
  if (root === undefined || own === undefined) throw new Error("The root names an issuer.");
  const other = { ...own, key: encodeBase32(keyFromSeed(generateSeed()).publicKey) };
  const token = await signToken(
    {
      kind: "root",
      signer: fleet,
      number: 2,
      previous: root.id,
      nextRootHash: "a".repeat(64),
      charterKey: own.key,
      issuers: [own, other],
      voids: [],
      issuedS: Math.floor(rig.core.wallMs / 1_000),
    },
    rootKey.seed,
    fleet,
  );
  expect(await rig.submit(token)).toMatchObject({ ok: true });
}

test("ME7 the only issuer of others neither leaves nor is revoked, and says who has to issue first", async () => {
  const rig = new IssuingRig(dir);
  const issuing = await rig.start();
  const key = encodeBase32(rig.issuerKey.publicKey);
  const last: unknown = expect.objectContaining({
    code: "issuer-last",
    message: expect.stringContaining(
      `pulsemesh key rotate issuer --root DIR --data ITS-FOLDER --replaces ${key}`,
    ),
  });
  // Nobody else is there who would miss it.
  expect(() => issuing.checkLeaving()).not.toThrow();
  await expect(issuing.revoke(rig.self.id, "")).rejects.toMatchObject({ code: "option-invalid" });
  const member = makeMember();
  await issuing.grant(requestOf(member), TERMS);
  expect(() => issuing.checkLeaving()).toThrow(last);
  await expect(issuing.revoke(rig.self.id, "")).rejects.toEqual(last);
  await nameAnother(rig);
  expect(() => issuing.checkLeaving()).not.toThrow();
  await expect(issuing.revoke(rig.self.id, "")).rejects.toMatchObject({
    code: "option-invalid",
    message: expect.stringContaining("another issuer"),
  });
});
