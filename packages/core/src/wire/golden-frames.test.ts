/**
 * Every kind of frame that this node puts on the wire: a sample of it, how it is read, and how it is written again from what was read.
 * Signed with real keys that are in this file, so that what a release has written verifies for ever (rule UP4).
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { createTestPorts } from "@pulsemesh/testkit";
import { openHello, sealHello } from "../boot/hello-codec.ts";
import { decodeEntry, encodeEntryBody, type Entry } from "../chain/entry.ts";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import {
  decodeObservation,
  type Evidence,
  type Observation,
  type ObservationKind,
  sealObservation,
} from "../liveness/observation-codec.ts";
import { Outbox } from "../outbox.ts";
import {
  decodeEvidence,
  decodePulseAttachment,
  decodePulseHeader,
  sealPulse,
} from "../pulse/pulse-codec.ts";
import { decodeSync, encodeSync, type SyncMessage } from "../sync/messages.ts";
import { decodeEnvelope, encodeEnvelope, sealEnvelope, verifyEnvelope } from "./envelope.ts";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const BYTES_MAX = 64 * 1024;
const FLEET = "45ygknyirgolyj4mrgzcfo33p6d3wnzp5dnehv35cl64m53jwlhq";
const SEED_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
/** Worth nothing: the seeds are 32 times 1 and 32 times 2. */
const KEYS = new Map<NodeId, KeyObject>(
  [1, 2].map((byte) => {
    const der = Buffer.concat([SEED_PREFIX, Buffer.alloc(32, byte)]);
    return [
      `golden-${byte}`,
      createPrivateKey({ key: der, format: "der", type: "pkcs8" }),
    ] as const;
  }),
);

function envOf(self: NodeId): Env {
  const own = KEYS.get(self) as KeyObject;
  const signature = {
    sign: (bytes: Uint8Array) => new Uint8Array(sign(null, bytes, own)),
    verify(node: NodeId, bytes: Uint8Array, by: Uint8Array) {
      const key = KEYS.get(node);
      return key !== undefined && verify(null, bytes, createPublicKey(key), by);
    },
  };
  const identity = { fleet: FLEET, self, name: self, region: "eu", agent: "pulsemesh/golden" };
  const ports = { ...createTestPorts(self), signature };
  return { identity, config: coreConfig(), ports, out: new Outbox() };
}

const author = envOf("golden-1");
const reader = envOf("golden-2");
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index);
const hash = (byte: number): string => Buffer.alloc(32, byte).toString("hex");

/** One kind of frame: a sample, and the way there and back. */
interface FrameKind {
  readonly sample: () => Uint8Array;
  /** Throws where it does not read or verify. */
  readonly read: (frame: Uint8Array) => unknown;
  readonly write: (value: never) => Uint8Array;
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a golden frame does not read");
  return value;
}

function opened(frame: Uint8Array) {
  const result = decodeEnvelope(reader, frame, BYTES_MAX);
  if (!result.ok) throw new Error(result.code);
  if (!verifyEnvelope(reader, result.envelope)) throw new Error("the signature does not verify");
  return result.envelope;
}

interface PulseValue {
  readonly header: Parameters<typeof sealPulse>[1];
  readonly attachment: Parameters<typeof sealPulse>[2];
}

function samplePulse(env: Env, seq: number): Uint8Array {
  const header = {
    boot: 217_500_199,
    seq,
    upMs: 12_345,
    wallMs: 1_795_000_000_000,
    intervalMs: 1_000,
    lagMs: 3,
    doubt: false,
    pausedForMs: 60_000,
    goodbye: false,
  };
  return sealPulse(env, header, {
    agent: "pulsemesh/0.1.0",
    heard: [{ shortId: "aBcDeFgHiJkL", boot: 217_500_200, seq: 42, fresh: true }],
    heads: [{ document: "reported", epoch: 217_500_199, seq: 3, hash8: bytes(8) }],
    auditSize: 12,
    auditHash: bytes(32),
    missing: ["aBcDeFgHiJkL"],
    beats: [{ r: "scanner", n: 5, c: 6, t: 1_000, a: 250, k: "exit", h: "failing", e: 30_000 }],
  });
}

function readPulse(frame: Uint8Array): unknown {
  const envelope = opened(frame);
  const header = decodePulseHeader(reader, envelope);
  const attachment = decodePulseAttachment(reader, must(envelope.attachment));
  if (!header.ok || !attachment.ok) throw new Error("a golden pulse does not read");
  return { header: header.value, attachment: attachment.value };
}

/** A signed header alone, as observations and hellos carry it. */
function evidenceOf(env: Env, seq: number): Evidence {
  const { attachment: _left, ...envelope } = opened(samplePulse(env, seq));
  const header = decodePulseHeader(reader, { ...envelope, attachment: undefined });
  if (!header.ok) throw new Error(header.code);
  return { envelope: { ...envelope, attachment: undefined }, header: header.value };
}

function readEvidence(frame: Uint8Array): Evidence {
  const result = decodeEvidence(reader, frame);
  if (!result.ok || !verifyEnvelope(reader, result.value.envelope)) throw new Error("no evidence");
  return result.value;
}

function sampleObservation(): Uint8Array {
  const kinds: readonly ObservationKind[] = ["accuse", "object", "up", "unknown", "ack"];
  const statements = kinds.map((kind, index) => ({
    kind,
    subject: "golden-2",
    name: { boot: 217_500_199, seq: 9 },
    evidence: index === 0 ? evidenceOf(reader, 9) : undefined,
  }));
  return sealObservation(author, { boot: 217_500_199, seq: 4, upMs: 9_000, statements });
}

type EntryValue = Pick<Entry, "document" | "epoch" | "seq" | "prevHash" | "hlc" | "payload">;

function entryKind(seq: number, payload: Entry["payload"]): FrameKind {
  const write = (entry: EntryValue): Uint8Array =>
    sealEnvelope(author, "entry", encodeEntryBody(author, entry));
  const prevHash = seq === 0 ? undefined : hash(7);
  const value = { document: "reported", epoch: 217_500_199, seq, prevHash, hlc: 890_000, payload };
  return {
    sample: () => write(value as EntryValue),
    read(frame) {
      opened(frame);
      const result = decodeEntry(reader, frame);
      if (!result.ok) throw new Error(result.code);
      const { bytes: _bytes, ...entry } = result.entry;
      return entry;
    },
    write,
  };
}

function syncKind(message: SyncMessage): FrameKind {
  return {
    sample: () => encodeSync(author, message),
    read: (frame) => must(decodeSync(reader, frame)),
    write: (value: SyncMessage) => encodeSync(author, value),
  };
}

const PLACE = { epoch: 217_500_199, seq: 12, hash: hash(3) };

/** By the name of their file. */
const FRAME_KINDS: Readonly<Record<string, FrameKind>> = {
  envelope: {
    sample: () => sealEnvelope(author, "audit-head", bytes(20), bytes(5)),
    read: opened,
    write: (value: ReturnType<typeof opened>) => encodeEnvelope(author, value),
  },
  pulse: {
    sample: () => samplePulse(author, 42),
    read: readPulse,
    write: ({ header, attachment }: PulseValue) => sealPulse(author, header, attachment),
  },
  "pulse-header": {
    sample: () => encodeEnvelope(author, evidenceOf(author, 42).envelope),
    read: readEvidence,
    write: (value: Evidence) => encodeEnvelope(author, value.envelope),
  },
  observation: {
    sample: sampleObservation,
    read: (frame) => must(decodeObservation(reader, opened(frame).body)),
    write: (value: Observation) => sealObservation(author, value),
  },
  hello: {
    sample: () => sealHello(author, evidenceOf(reader, 8)),
    read(frame) {
      const result = openHello(reader, frame, "golden-1");
      if (!result.ok) throw new Error(result.code);
      return must(result.newestOfMine);
    },
    write: (value: Evidence) => sealHello(author, value),
  },
  "entry-header": entryKind(0, {
    kind: "header",
    name: "alpha",
    region: "eu",
    agent: "pulsemesh/0.1.0",
    prev: { ...PLACE, epoch: PLACE.epoch - 1 },
  }),
  "entry-delta": entryKind(13, { kind: "delta", update: bytes(40) }),
  "entry-snapshot": entryKind(14, {
    kind: "snapshot",
    parts: [hash(1), hash(2)],
    robots: 2,
    covers: [{ ...PLACE, epoch: PLACE.epoch - 1 }],
  }),
  "sync-digest": syncKind({
    type: "digest",
    digests: new Map([
      ["desired", bytes(32)],
      ["reported", bytes(32)],
    ]),
  }),
  "sync-same": syncKind({ type: "same" }),
  "sync-vector": syncKind({
    type: "vector",
    document: "reported",
    items: [
      { author: "golden-1", place: PLACE, forkHash: hash(4), opening: { ...PLACE, seq: 2 } },
      { author: "golden-2", place: PLACE, forkHash: undefined, opening: undefined },
    ],
    first: true,
    last: false,
  }),
  "sync-want": syncKind({
    type: "want",
    items: [
      { type: "entries", document: "reported", author: "golden-1", epoch: 7, fromSeq: 3 },
      { type: "part", hash: hash(5) },
    ],
  }),
  "sync-have": syncKind({ type: "have", entries: [bytes(9)], parts: [bytes(4)], more: true }),
};

const GOLDEN = fileURLToPath(new URL("../../../../test/golden/", import.meta.url));
/** Set to the number of a release that has no frames yet, it writes them. */
const making = process.env["PULSEMESH_GOLDEN"];

interface GoldenFrame {
  readonly hex: string;
  /** What it says, for people and for the test; bytes as `{hex}`. */
  readonly decoded: unknown;
}

function folderOf(release: string): string {
  return join(GOLDEN, release, "frames");
}

/** Values as JSON can say them. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString("hex") };
  if (value instanceof Map) return [...value].map(plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const said = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(said.map(([key, each]) => [key, plain(each)]));
}

function make(release: string): void {
  for (const [name, { read, sample }] of Object.entries(FRAME_KINDS)) {
    const path = join(folderOf(release), `${name}.json`);
    if (existsSync(path)) continue;
    mkdirSync(folderOf(release), { recursive: true });
    const frame = sample();
    const golden: GoldenFrame = {
      hex: Buffer.from(frame).toString("hex"),
      decoded: plain(read(frame)),
    };
    writeFileSync(path, `${JSON.stringify(golden, null, 2)}\n`);
  }
}

if (making !== undefined) make(making);
const releases = readdirSync(GOLDEN, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

describe.each(releases)("frames of release %s", (release) => {
  test.each(Object.entries(FRAME_KINDS))(
    "UP4 SG1 SG2 %s is read as it was meant, verifies, and is written as the same bytes again",
    (name: string, kind: FrameKind) => {
      const path = join(folderOf(release), `${name}.json`);
      // Kinds that are younger than the release have no frame of it.
      if (!existsSync(path) && release !== releases.at(-1)) return;
      const { hex, decoded } = JSON.parse(readFileSync(path, "utf8")) as GoldenFrame;
      const value = kind.read(Buffer.from(hex, "hex"));
      expect(plain(value)).toMatchObject(decoded as object);
      expect(Buffer.from(kind.write(value as never)).toString("hex")).toBe(hex);
    },
  );

  test("UP4 there is a reader for each of its frames", () => {
    const names = readdirSync(folderOf(release)).map((file) => file.replace(".json", ""));
    const known = [...Object.keys(FRAME_KINDS), "transport-hello"];
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
  });
});
