import { GRANT_LENGTH_MAX } from "@pulsemesh/core";
import { memberAddressBytes } from "@pulsemesh/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  AGENT_BYTES_MAX,
  agreeVersion,
  decodeHello,
  encodeHello,
  HELLO_BYTES_MAX,
  HELLO_FIELDS_MAX,
  KNOWN_ADDRESSES_MAX,
  OWN_ADDRESSES_MAX,
  PROOF_BYTES_MAX,
  REFUSED_BYTES_MAX,
} from "./hello-codec.ts";
import type { Hello } from "./hello-codec.ts";
import { readAddress } from "./multiaddr-text.ts";
import { writeVarint } from "./varint.ts";

const FUZZ_INPUTS = Number(process.env["PULSEMESH_FUZZ_RUNS"] ?? 20_000);
const FUZZ_SEED = Number(process.env["PULSEMESH_FUZZ_SEED"] ?? 20_260_801);

const HELLO: Hello = {
  versionMin: 1,
  versionMax: 3,
  agent: "pulsemesh/0.1.0",
  instance: "0123456789abcdef",
  addresses: [addressOf(1), addressOf(2)],
  known: [addressOf(3), addressOf(4), addressOf(5)],
  heard: [addressOf(6)],
  grant: "eyJhbGciOiJFZDI1NTE5In0.eyJub2RlIjoiMTJEMyJ9.c2lnbmF0dXJl",
};

function addressOf(index: number): string {
  return readAddress(memberAddressBytes(index))?.text ?? "";
}

function field(number: number, wire: number, ...rest: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([writeVarint((number << 3) | wire), ...rest]);
}

function bytesField(number: number, bytes: Uint8Array): Uint8Array {
  return field(number, 2, writeVarint(bytes.length), bytes);
}

test("SG2 decodeHello reads what encodeHello wrote", () => {
  expect(decodeHello(encodeHello(HELLO))).toEqual(HELLO);
  const least: Hello = {
    versionMin: 1,
    versionMax: 1,
    agent: "",
    instance: "00".repeat(8),
    addresses: [],
    known: [],
    heard: [],
  };
  expect(decodeHello(encodeHello(least))).toEqual(least);
});

test("ME3 a hello without a grant, of whoever has none or does not know of grants, is read as one", () => {
  const { grant, ...older } = HELLO;
  expect(grant).toBeDefined();
  const encoded = encodeHello(older);
  expect(decodeHello(encoded)).toEqual(older);
  expect(encodeHello({ ...HELLO, grant: undefined })).toEqual(encoded);
});

test("P6 ME3 a grant of GRANT_LENGTH_MAX goes before addresses of others, a longer one is not sent, and decodeHello refuses it", () => {
  const long = Array.from({ length: 64 }, (_, index) =>
    addressOf(index).replace("/ip4/127.0.0.1", `/dns4/${"a".repeat(60)}.example`),
  );
  const full: Hello = { ...HELLO, addresses: long, known: long, heard: long };
  const grant = "g".repeat(GRANT_LENGTH_MAX);
  const encoded = encodeHello({ ...full, grant });
  expect(encoded.length).toBeLessThanOrEqual(HELLO_BYTES_MAX);
  const decoded = decodeHello(encoded);
  expect(decoded?.grant).toBe(grant);
  expect(decoded?.addresses).toHaveLength(OWN_ADDRESSES_MAX);
  expect(decodeHello(encodeHello({ ...HELLO, grant: `${grant}g` }))?.grant).toBeUndefined();
  const { grant: _, ...without } = HELLO;
  const grantField = (bytes: Uint8Array): Uint8Array =>
    Buffer.concat([encodeHello(without), bytesField(8, bytes)]);
  expect(decodeHello(grantField(Buffer.from(grant)))?.grant).toBe(grant);
  expect(decodeHello(grantField(Buffer.from(`${grant}g`)))).toBeUndefined();
  expect(decodeHello(grantField(Uint8Array.of(0xff)))).toBeUndefined();
  expect(decodeHello(grantField(Uint8Array.of(0x1b)))).toBeUndefined();
});

test("P6 AD11 a reason of REFUSED_BYTES_MAX is read, a longer one cut when sent and refused when received", () => {
  const refused = "r".repeat(REFUSED_BYTES_MAX);
  expect(decodeHello(encodeHello({ ...HELLO, refused: `${refused}r` }))?.refused).toBe(refused);
  const said = (text: string): Uint8Array =>
    Buffer.concat([encodeHello(HELLO), bytesField(9, Buffer.from(text))]);
  expect(decodeHello(said(refused))?.refused).toBe(refused);
  expect(decodeHello(said(`${refused}r`))).toBeUndefined();
  expect(decodeHello(said("\u001b[2J"))).toBeUndefined();
});

test("P6 AD11 a proof of PROOF_BYTES_MAX is read where there is room for it, a longer one is not sent and refused when received", () => {
  const proof = "p".repeat(PROOF_BYTES_MAX);
  expect(decodeHello(encodeHello({ ...HELLO, proof }))?.proof).toBe(proof);
  expect(decodeHello(encodeHello({ ...HELLO, proof: `${proof}p` }))?.proof).toBeUndefined();
  const long = Array.from({ length: 8 }, (_, index) =>
    addressOf(index).replace("/ip4/127.0.0.1", `/dns4/${"a".repeat(180)}.example`),
  );
  const grant = "g".repeat(GRANT_LENGTH_MAX);
  const full = encodeHello({ ...HELLO, addresses: long, grant, proof, refused: "revoked" });
  expect(decodeHello(full)).toMatchObject({ grant, refused: "revoked" });
  expect(decodeHello(full)?.proof).toBeUndefined();
  const said = (text: string): Uint8Array =>
    Buffer.concat([encodeHello({ ...HELLO, known: [] }), bytesField(10, Buffer.from(text))]);
  expect(decodeHello(said(`${proof}p`))).toBeUndefined();
});

test("SG2 decodeHello skips fields that it does not know, and addresses of kinds that it does not know", () => {
  const later = Buffer.concat([
    encodeHello(HELLO),
    field(12, 0, writeVarint(5)),
    bytesField(11, Uint8Array.of(1, 2)),
    bytesField(5, Uint8Array.of(255, 255, 3)),
  ]);
  expect(decodeHello(later)).toEqual(HELLO);
});

test.each([
  { title: "SG2 decodeHello refuses an empty hello", bytes: new Uint8Array(0) },
  {
    title: "SG2 decodeHello refuses a hello without versions",
    bytes: Buffer.concat([bytesField(3, Buffer.from("x")), bytesField(4, new Uint8Array(8))]),
  },
  { title: "SG2 decodeHello refuses version 0", bytes: encodeHello({ ...HELLO, versionMin: 0 }) },
  {
    title: "SG2 decodeHello refuses a range that runs backwards",
    bytes: encodeHello({ ...HELLO, versionMin: 4 }),
  },
  {
    title: "P6 decodeHello refuses versions beyond VERSION_MAX",
    bytes: encodeHello({ ...HELLO, versionMax: 65_536 }),
  },
  {
    title: "SG2 decodeHello refuses an instance of the wrong length",
    bytes: encodeHello({ ...HELLO, instance: "0011" }),
  },
  {
    title: "SG2 decodeHello refuses an agent with control characters",
    bytes: encodeHello({ ...HELLO, agent: "\u001b[2J" }),
  },
  {
    title: "SG2 decodeHello refuses an agent that is not UTF-8",
    bytes: Buffer.concat([encodeHello(HELLO), bytesField(3, Uint8Array.of(0xff))]),
  },
  {
    title: "SG2 decodeHello refuses a field that runs past the end",
    bytes: Buffer.concat([encodeHello(HELLO), field(7, 2, writeVarint(9))]),
  },
  {
    title: "SG2 decodeHello refuses other wire types",
    bytes: Buffer.concat([encodeHello(HELLO), field(7, 5, new Uint8Array(4))]),
  },
])("$title", ({ bytes }) => {
  expect(decodeHello(bytes)).toBeUndefined();
});

test("P6 encodeHello keeps to OWN_ADDRESSES_MAX, KNOWN_ADDRESSES_MAX and AGENT_BYTES_MAX, decodeHello refuses more", () => {
  const many = Array.from({ length: 100 }, (_, index) => addressOf(index));
  const encoded = encodeHello({
    ...HELLO,
    agent: "ä".repeat(500),
    addresses: many,
    known: many,
    heard: many,
  });
  const decoded = decodeHello(encoded);
  expect(decoded?.addresses).toHaveLength(OWN_ADDRESSES_MAX);
  expect(decoded?.known).toHaveLength(KNOWN_ADDRESSES_MAX);
  expect(decoded?.heard.length).toBeLessThan(KNOWN_ADDRESSES_MAX);
  expect(decoded?.agent).toBe("ä".repeat(AGENT_BYTES_MAX / 2));
  const one = readAddress(addressOf(0))?.bytes ?? new Uint8Array(0);
  expect(decodeHello(Buffer.concat([encoded, bytesField(5, one)]))).toBeUndefined();
  expect(decodeHello(Buffer.concat([encoded, bytesField(6, one)]))).toBeUndefined();
  expect(
    decodeHello(
      Buffer.concat([encodeHello(HELLO), bytesField(3, Buffer.alloc(AGENT_BYTES_MAX + 1, "a"))]),
    ),
  ).toBeUndefined();
});

test("P6 encodeHello stays within HELLO_BYTES_MAX, decodeHello refuses more", () => {
  const long = Array.from({ length: 64 }, (_, index) =>
    addressOf(index).replace("/ip4/127.0.0.1", `/dns4/${"a".repeat(60)}.example`),
  );
  const encoded = encodeHello({ ...HELLO, known: long, heard: long });
  expect(encoded.length).toBeLessThanOrEqual(HELLO_BYTES_MAX);
  expect(decodeHello(encoded)?.known.length).toBeGreaterThan(20);
  const padding = (bytes: number): Uint8Array =>
    Buffer.concat([encodeHello(HELLO), bytesField(100, new Uint8Array(bytes))]);
  const room = HELLO_BYTES_MAX - padding(1_000).length + 1_000;
  expect(decodeHello(padding(room))).toEqual(HELLO);
  expect(decodeHello(padding(room + 1))).toBeUndefined();
});

test("P6 decodeHello refuses more than HELLO_FIELDS_MAX fields", () => {
  const fields = (count: number): Uint8Array =>
    Buffer.concat([
      encodeHello({ ...HELLO, addresses: [], known: [], heard: [], grant: undefined }),
      ...Array.from({ length: count - 4 }, () => field(9, 0, writeVarint(0))),
    ]);
  expect(decodeHello(fields(HELLO_FIELDS_MAX))).toBeDefined();
  expect(decodeHello(fields(HELLO_FIELDS_MAX + 1))).toBeUndefined();
});

test(`P6 fuzz: decodeHello neither throws nor exceeds its limits on ${FUZZ_INPUTS} hostile inputs`, () => {
  const valid = encodeHello(HELLO);
  const mutated = fc
    .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
    .map((changes) => {
      const bytes = Uint8Array.from(valid);
      for (const [index, value] of changes) bytes[index] = value;
      return bytes;
    });
  const cut = fc.nat(valid.length).map((length) => valid.subarray(0, length));
  const spliced = fc
    .tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(valid.length))
    .map(([bytes, at]) => Buffer.concat([valid.subarray(0, at), bytes, valid.subarray(at)]));
  const granted = fc.uint8Array({ maxLength: 2 * GRANT_LENGTH_MAX, size: "max" }).map((bytes) =>
    Buffer.concat([
      valid,
      bytesField(
        8,
        bytes.map((byte) => byte & 0x7f),
      ),
    ]),
  );
  const input = fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated, cut, spliced, granted);
  fc.assert(
    fc.property(input, (bytes) => {
      const hello = decodeHello(bytes);
      if (hello === undefined) return;
      expect(hello.addresses.length).toBeLessThanOrEqual(OWN_ADDRESSES_MAX);
      expect(hello.known.length).toBeLessThanOrEqual(KNOWN_ADDRESSES_MAX);
      expect(hello.grant?.length ?? 0).toBeLessThanOrEqual(GRANT_LENGTH_MAX);
      expect(decodeHello(encodeHello(hello))).toEqual(hello);
    }),
    { numRuns: FUZZ_INPUTS, seed: FUZZ_SEED },
  );
});

test("SG2 agreeVersion takes the highest version in common", () => {
  const range = (
    versionMin: number,
    versionMax: number,
  ): { versionMin: number; versionMax: number } => ({ versionMin, versionMax });
  expect(agreeVersion(range(1, 1), range(1, 1))).toBe(1);
  expect(agreeVersion(range(1, 3), range(2, 5))).toBe(3);
  expect(agreeVersion(range(2, 5), range(1, 3))).toBe(3);
  expect(agreeVersion(range(1, 1), range(2, 3))).toBeUndefined();
  expect(agreeVersion(range(2, 3), range(1, 1))).toBeUndefined();
});
