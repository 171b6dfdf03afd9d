import { sign } from "node:crypto";
import { dagCborCodec } from "@pulsemesh/core";
import { damage, fuzz, FUZZ_TIMEOUT_MS } from "@pulsemesh/testkit";
import { assert, expect, test } from "vitest";
import { encodeBase32 } from "../keys/base32.ts";
import { privateKeyFromSeed } from "../keys/ed25519.ts";
import { makeMember, requestOf, START_S } from "./enrolment.test-support.ts";
import {
  type MemberKeys,
  readRequest,
  REQUEST_LENGTH_MAX,
  REQUEST_TEXT_LENGTH_MAX,
  writeRequest,
} from "./grant-request.ts";
import { readPasted, writePasted } from "./pasted-text.ts";

const PREFIX = "pulsemesh-request:";
const malformed: unknown = expect.objectContaining({ code: "request-malformed" });
const member = makeMember();
const fleet = encodeBase32(makeMember().node.publicKey);

/** A request with other contents, signed with these keys whatever it says. */
function forge(changed: object, keys: MemberKeys = member, domain = "pulsemesh/1/request"): string {
  const { b } = readPasted(PREFIX, requestOf(member), REQUEST_LENGTH_MAX) ?? {};
  const body = dagCborCodec.encode({
    ...(dagCborCodec.decode(b as Uint8Array) as object),
    ...changed,
  });
  const bytes = Buffer.concat([dagCborCodec.encode([domain, ""]), body]);
  const s = [keys.node, keys.audit, keys.cosign].map(
    ({ seed }) => new Uint8Array(sign(null, bytes, privateKeyFromSeed(seed))),
  );
  return writePasted(PREFIX, { b: body, s });
}

test("ME7 a request says who asks, and is signed with each of its three keys", () => {
  expect(readRequest(requestOf(member))).toEqual({
    fleet: undefined,
    node: member.id,
    auditKey: encodeBase32(member.audit.publicKey),
    cosignKey: encodeBase32(member.cosign.publicKey),
    name: "eu-1",
    region: "eu",
    atS: START_S,
  });
  expect(readRequest(`  ${requestOf(member, fleet)}\n`).fleet).toBe(fleet);
  expect(readRequest(forge({ name: "ünï" })).name).toBe("ünï");
});

test("ME7 P4 whoever lacks one of the keys cannot ask in their name", () => {
  const thief = makeMember();
  expect(() => readRequest(forge({}, { ...member, node: thief.node }))).toThrow(malformed);
  expect(() => readRequest(forge({}, { ...member, audit: thief.audit }))).toThrow(malformed);
  expect(() => readRequest(forge({}, { ...member, cosign: thief.cosign }))).toThrow(malformed);
  // What the keys signed for another purpose, or without the fleet that is named, is no request.
  expect(() => readRequest(forge({}, member, "pulsemesh/1/pulse"))).toThrow(malformed);
  expect(() => readRequest(forge({ fleet }))).toThrow(malformed);
  const { b, s } = readPasted(PREFIX, requestOf(member), REQUEST_LENGTH_MAX) as {
    readonly b: Uint8Array;
    readonly s: readonly Uint8Array[];
  };
  for (const signatures of [[], s.slice(0, 2), [...s, s[0]], [s[1], s[0], s[2]], [1, 2, 3], "sss"])
    expect(() => readRequest(writePasted(PREFIX, { b, s: signatures }))).toThrow(malformed);
});

test("ME7 what has another form is no request", () => {
  const bad = [
    { v: 2 },
    { fleet: "nobody" },
    { node: "12D3" },
    { audit: member.id },
    { cosign: null },
    { name: "" },
    { name: "two\nlines" },
    { name: "\u001b[2J" },
    { region: 7 },
    { at: -1 },
    { at: "now" },
  ];
  for (const changed of bad) expect(() => readRequest(forge(changed))).toThrow(malformed);
  const text = requestOf(member);
  for (const cut of ["", PREFIX, text.slice(0, -1), `${text}A`, `${text}=`, text.slice(1), "x y"])
    expect(() => readRequest(cut)).toThrow(malformed);
});

test("ME7 P6 REQUEST_LENGTH_MAX and REQUEST_TEXT_LENGTH_MAX bound a request", () => {
  const long = "é".repeat(REQUEST_TEXT_LENGTH_MAX);
  const asked = { fleet, name: long, region: long, atS: START_S };
  const text = writeRequest(asked, member);
  expect(readRequest(text).name).toBe(long);
  expect(text.length).toBeLessThan(REQUEST_LENGTH_MAX);
  expect(() => writeRequest({ ...asked, region: `${long}x` }, member)).toThrow(malformed);
  expect(() => readRequest(forge({ more: "x".repeat(REQUEST_LENGTH_MAX) }))).toThrow(malformed);
});

test(
  "ME7 P4 fuzz: a changed request is none, and reading it throws nothing else",
  () => {
    const text = requestOf(member, fleet);
    const other = Buffer.from(requestOf(makeMember()));
    fuzz("requests", (random) => {
      const changed = damage(random, Buffer.from(text), [Buffer.from(text), other]);
      const word = Buffer.from(changed).toString();
      if (word.trim() === text || word === other.toString()) return;
      let read: unknown;
      try {
        read = readRequest(word);
      } catch (error) {
        assert((error as { readonly code?: unknown }).code === "request-malformed", String(error));
      }
      assert(read === undefined, `took ${word}`);
    });
  },
  FUZZ_TIMEOUT_MS,
);
