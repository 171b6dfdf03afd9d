import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type GrantClaims, type NodeId, PulsemeshError, ROLES } from "@pulsemesh/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RootRig } from "../../../../test/support/root-rig.ts";
import { encodeBase32 } from "../keys/base32.ts";
import { codeOf } from "../keys/code-of.test-support.ts";
import type { Ed25519Key } from "../keys/key-file.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import { readSecretKey } from "../keys/secret-file.ts";
import { writeStatements } from "./authority-file.ts";
import { writePrivateFile } from "../keys/private-file.ts";
import { type EnrolledNode, enrolNode, memberKeys } from "./enrol-node.ts";
import { decodeQuestion, encodeAnswer } from "./enrolment-frames.ts";
import { START_S } from "./enrolment.test-support.ts";
import { readInvite, writeInvite } from "./invite.ts";
import { createIssuer, type Issuer } from "./issuer.ts";
import { voidIssuer } from "./replace-issuer.ts";
import { signToken } from "./sign-token.ts";

const DAY_S = 86_400;
/** When the grants of these tests have ended. */
const LATER_S = START_S + 20 * DAY_S;

let rig: RootRig;
let dir: string;
let self: NodeId;
let issuerKey: Ed25519Key;
let issuer: Issuer;
let asked: number;
let nowS: number;
beforeEach(async () => {
  rig = await new RootRig().init();
  dir = join(rig.base, "member");
  mkdirSync(dir);
  issuerKey = await readSecretKey(join(rig.dir, "issuer.key"));
  asked = 0;
  nowS = START_S;
  issuer = createIssuer({
    dir: rig.dir,
    fleet: rig.made.fleet,
    self: rig.made.node,
    key: issuerKey,
    bounds: { expS: START_S + 300 * DAY_S, roles: ROLES, robots: ["*"] },
    members: { grantOf: () => undefined, isRevoked: () => false },
    now: () => ({ monoMs: 0, wallMs: nowS * 1_000 }),
  });
  await enrolled(invite());
  self = nodeIdOf(memberKeys(dir).node.publicKey);
});
afterEach(() => rig.remove());

const invite = (ttlMs = 3_600_000): string =>
  issuer.invite({ roles: ["robot"], robots: ["*"], addresses: ["/ip4/192.0.2.7/tcp/7421"], ttlMs });

/** Asks the issuer as over the network, unless `answers` is not to. */
async function enrolled(
  by: string,
  options: {
    readonly stored?: readonly string[];
    readonly answers?: boolean;
    readonly networkKey?: Uint8Array;
  } = {},
): Promise<EnrolledNode> {
  const { stored = [], answers = true, networkKey } = options;
  return enrolNode({
    dir,
    by,
    name: "m",
    region: "eu",
    nowS,
    stored,
    networkKey,
    async ask({ request }) {
      asked += 1;
      const question = decodeQuestion(request);
      if (!answers || question?.invite === undefined)
        throw new PulsemeshError("join-failed", "Nobody answered.");
      try {
        const peer = nodeIdOf(memberKeys(dir).node.publicKey);
        const grant = await issuer.redeem(question.invite, question.request, peer);
        return encodeAnswer({ ok: true, statements: [...rig.made.statements, grant] });
      } catch (error) {
        if (!(error instanceof PulsemeshError)) throw error;
        return encodeAnswer({ ok: false, code: error.code, detail: error.message });
      }
    },
  });
}

function grantOf(claims: Partial<GrantClaims>): Promise<string> {
  const key = encodeBase32(issuerKey.publicKey);
  const keys = { signer: key, auditKey: key, cosignKey: key };
  const terms = { node: self, roles: ["robot"], robots: ["*"], region: "eu" } as const;
  const times = { notBeforeS: LATER_S, expS: LATER_S + 14 * DAY_S, issuedS: LATER_S };
  const whole = { kind: "grant", ...terms, ...keys, ...times, ...claims } as const;
  return signToken(whole, issuerKey.seed, rig.made.fleet);
}

const file = (): string => readFileSync(join(dir, "authority.json"), "utf8");

test("ME7 a member asks nobody, whatever it is invited to", async () => {
  expect(asked).toBe(1);
  const again = await enrolled(invite());
  expect(again).toMatchObject({ isOld: true, node: self });
  expect(again.refusal).toBeUndefined();
  expect(asked).toBe(1);
});

test("ME7, ME3 whose grant has ended asks, and is a member again under its own keys", async () => {
  nowS = LATER_S;
  const again = await enrolled(invite());
  expect(again).toMatchObject({ isOld: false, node: self });
  expect(again.grant.expS).toBe(LATER_S + 14 * DAY_S);
  expect(file()).toBe(writeStatements(again.statements));
});

test("ME7 whose grant was renewed since, as its store says, asks nobody", async () => {
  nowS = LATER_S;
  const stored = [await grantOf({})];
  const again = await enrolled(invite(), { stored });
  expect(again.refusal).toBeUndefined();
  expect(again.isOld).toBe(true);
  expect(again.grant.expS).toBe(LATER_S + 14 * DAY_S);
  expect(asked).toBe(1);
});

test("ME7, ME2 whose issuer was made void, or that was revoked, asks: what it was granted counts nowhere", async () => {
  const key = encodeBase32(issuerKey.publicKey);
  const named = { kind: "revocation", signer: key, node: self, reason: "", cuts: [] } as const;
  const claims = { ...named, issuedS: START_S };
  const revoked = await signToken(claims, issuerKey.seed, rig.made.fleet);
  const { rootDir } = rig;
  await voidIssuer({ rootDir, dir: rig.dir, key, kept: [], nowS: START_S + 100 });
  const { statements } = JSON.parse(readFileSync(rig.path("root-statements.json"), "utf8")) as {
    readonly statements: readonly string[];
  };
  for (const stored of [[revoked], statements.toReversed()]) {
    const before = asked;
    expect(await enrolled(invite(), { stored })).toMatchObject({ isOld: false });
    expect(asked).toBe(before + 1);
  }
});

test("ME7, P8 whose grant has ended and whom nobody makes a member anew stays what it was, and is told why", async () => {
  const old = invite();
  nowS = LATER_S;
  const before = file();
  const away = await enrolled(invite(), { answers: false });
  expect(away).toMatchObject({ isOld: true, refusal: { code: "join-failed" } });
  const withdrawn = invite();
  for (const { id } of issuer.invites) issuer.withdraw(id);
  const refused = await enrolled(withdrawn);
  expect(refused).toMatchObject({ isOld: true, refusal: { code: "invite-unknown" } });
  expect(asked).toBe(3);
  // Of one that has ended by its own word nobody is asked: a start with it, years later, waits for nobody.
  expect(await enrolled(old)).toMatchObject({ isOld: true, refusal: { code: "invite-expired" } });
  expect(asked).toBe(3);
  expect(file()).toBe(before);
});

test("ME7, AD12 who lacks the key of a private network is told so at once by its invite, and a member starts with it all the same", async () => {
  const flagged = writeInvite({ ...readInvite(invite()), isPrivate: true });
  expect(await enrolled(flagged)).toMatchObject({ isOld: true });
  rmSync(dir, { recursive: true });
  mkdirSync(dir);
  expect(await codeOf(enrolled(flagged))).toBe("network-key-needed");
  expect(asked).toBe(1);
  const networkKey = new Uint8Array();
  expect(await enrolled(flagged, { networkKey })).toMatchObject({ isOld: false });
});

test("ME7 who never was a member gets the refusal itself", async () => {
  rmSync(dir, { recursive: true });
  mkdirSync(dir);
  expect(await codeOf(enrolled(invite(), { answers: false }))).toBe("join-failed");
  writePrivateFile(join(dir, "authority.json"), writeStatements([await grantOf({})]));
  // A grant alone, without the root statement by which it would count.
  expect(await codeOf(enrolled(invite()))).toBe("none");
});
