import { type GrantClaims, GRANT_LENGTH_MAX, type RevocationClaims } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { encodeBase32 } from "../keys/base32.ts";
import { generateSeed, rawPublicKey } from "../keys/ed25519.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import { signToken } from "./sign-token.ts";

const seed = generateSeed();
const signer = encodeBase32(rawPublicKey(seed));
const fleet = encodeBase32(rawPublicKey(generateSeed()));
const node = nodeIdOf(rawPublicKey(generateSeed()));
const grant: GrantClaims = {
  kind: "grant",
  signer,
  node,
  roles: ["robot"],
  robots: ["*"],
  region: "eu",
  auditKey: signer,
  cosignKey: signer,
  notBeforeS: 1_800_000_000,
  expS: 1_800_086_400,
  issuedS: 1_800_000_000,
};

test("ME6 a grant of usual size has some 700 characters, and the same grant the same token", async () => {
  const token = await signToken(grant, seed, fleet);
  expect(token.length).toBeLessThan(900);
  // Ed25519 draws nothing: who signs twice makes one statement, not two.
  expect(await signToken(grant, seed, fleet)).toBe(token);
});

test("ME6 what no node would take is not signed", async () => {
  const refused = async (claims: object): Promise<unknown> =>
    signToken({ ...grant, ...claims }, seed, fleet).catch((error: unknown) => error);
  const malformed = { code: "statement-malformed" };
  expect(await refused({ signer: fleet })).toMatchObject({
    ...malformed,
    message: expect.stringContaining("another key"),
  });
  expect(await refused({ roles: [] })).toMatchObject(malformed);
  expect(await refused({ roles: ["observer", "robot"] })).toMatchObject(malformed);
  expect(await refused({ region: "" })).toMatchObject(malformed);
  expect(await refused({ robots: ["a*b"] })).toMatchObject(malformed);
  expect(await refused({ expS: grant.notBeforeS + 32 * 86_400 })).toMatchObject(malformed);
  expect(await refused({ expS: grant.notBeforeS })).toMatchObject(malformed);
});

test("ME6 P6 a grant of more than GRANT_LENGTH_MAX characters is not signed", async () => {
  const robots = Array.from({ length: 16 }, (_, at) => `${at}-${"x".repeat(120)}*`);
  await expect(signToken({ ...grant, robots }, seed, fleet)).rejects.toMatchObject({
    code: "statement-oversized",
    message: expect.stringContaining(`${GRANT_LENGTH_MAX}`),
  });
  const revocation: RevocationClaims = {
    kind: "revocation",
    signer,
    node,
    reason: "stolen",
    cuts: [],
    issuedS: 1,
  };
  await expect(signToken(revocation, seed, fleet)).resolves.toContain(".");
});
