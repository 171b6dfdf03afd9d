import { damage, fuzz, FUZZ_TIMEOUT_MS } from "@pulsemesh/testkit";
import { assert, expect, test } from "vitest";
import { encodeBase32 } from "../keys/base32.ts";
import { makeMember, START_S } from "./enrolment.test-support.ts";
import {
  type Invite,
  INVITE_ADDRESSES_MAX,
  INVITE_LENGTH_MAX,
  readInvite,
  SECRET_BYTES,
  secretHash,
  writeInvite,
} from "./invite.ts";
import { writePasted } from "./pasted-text.ts";

const { id: issuer, node } = makeMember();
const malformed: unknown = expect.objectContaining({ code: "invite-malformed" });
const invite: Invite = {
  fleet: encodeBase32(node.publicKey),
  issuer,
  addresses: [`/ip4/192.0.2.7/tcp/7421/p2p/${issuer}`],
  secret: Uint8Array.from({ length: SECRET_BYTES }, (_, at) => at),
  expS: START_S,
  isPrivate: false,
};

test("ME7 an invite is one word, which says everything that a joiner needs", () => {
  const text = writeInvite(invite);
  expect(text).toMatch(/^pulsemesh:[\w-]+$/);
  expect(text.length).toBeLessThan(400);
  expect(readInvite(`\t${text}\r\n`)).toEqual(invite);
  expect(secretHash(invite.secret)).toMatch(/^[0-9a-f]{64}$/);
});

test("ME7, AD12 that its fleet is a private network stands in it; the others are as they always were", () => {
  const { expS: exp, isPrivate: _none, ...rest } = invite;
  const word = writePasted("pulsemesh:", { v: 1, exp, ...rest });
  expect(writeInvite(invite)).toBe(word);
  const flagged = { ...invite, isPrivate: true };
  expect(readInvite(writeInvite(flagged))).toEqual(flagged);
  expect(writeInvite(flagged)).not.toBe(word);
});

test("ME7 what has another form is no invite", () => {
  const { expS: exp, isPrivate: _none, ...rest } = invite;
  const word = (changed: object): string =>
    writePasted("pulsemesh:", { v: 1, exp, ...rest, ...changed });
  expect(readInvite(word({}))).toEqual(invite);
  const bad = [
    { v: 2 },
    { fleet: issuer },
    { issuer: "a b" },
    { addresses: "none" },
    { addresses: ["192.0.2.7"] },
    { addresses: ["/dns4/a b"] },
    { addresses: [`/${"a".repeat(320)}`] },
    { secret: "text" },
    { secret: invite.secret.subarray(1) },
    { exp: 1.5 },
    { exp: null },
    { private: false },
    { private: 1 },
  ];
  for (const changed of bad) expect(() => readInvite(word(changed))).toThrow(malformed);
  for (const text of ["", "pulsemesh:", "pulsemesh:é", word({}).toUpperCase(), word({}).slice(10)])
    expect(() => readInvite(text)).toThrow(malformed);
});

test("ME7 P6 INVITE_ADDRESSES_MAX addresses fit into INVITE_LENGTH_MAX characters", () => {
  const long = `/${"a".repeat(319)}`;
  const full = { ...invite, addresses: Array.from({ length: INVITE_ADDRESSES_MAX }, () => long) };
  expect(readInvite(writeInvite(full))).toEqual(full);
  expect(() => writeInvite({ ...full, addresses: [...full.addresses, long] })).toThrow(malformed);
  const short = Array.from({ length: INVITE_ADDRESSES_MAX + 1 }, () => "/ip4/192.0.2.7");
  expect(() => writeInvite({ ...invite, addresses: short })).toThrow(malformed);
  const more = { v: 1, ...invite, exp: START_S, more: "x".repeat(INVITE_LENGTH_MAX) };
  expect(() => readInvite(writePasted("pulsemesh:", more))).toThrow(malformed);
  expect(() => readInvite(" ".repeat(10_000_000))).toThrow(malformed);
});

test(
  "ME7 fuzz: a changed invite is read as another one or not at all, and nothing else is thrown",
  () => {
    const bytes = Buffer.from(writeInvite(invite));
    fuzz("invites", (random) => {
      const word = Buffer.from(damage(random, bytes)).toString();
      try {
        const read = readInvite(word);
        assert(writeInvite(read) === word.trim(), `two spellings of ${word}`);
      } catch (error) {
        assert((error as { readonly code?: unknown }).code === "invite-malformed", String(error));
      }
    });
  },
  FUZZ_TIMEOUT_MS,
);
