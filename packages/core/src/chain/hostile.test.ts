import { createHash } from "node:crypto";
import * as dagCbor from "@ipld/dag-cbor";
import {
  createMemoryDocuments,
  fuzz,
  FUZZ_TIMEOUT_MS,
  type SeededRandom,
} from "@pulsemesh/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import { encodeEnvelope, sealEnvelope } from "../wire/envelope.ts";
import {
  decodeSync,
  encodeSync,
  HAVE_ITEMS_MAX,
  VECTOR_PAGE_MAX,
  WANT_ITEMS_MAX,
  type SyncMessage,
} from "../sync/messages.ts";
import { LACKS_MAX } from "../sync/sync.ts";
import { decodeEntry, encodeEntryBody, type Entry, type EntryPayload } from "./entry.ts";
import {
  AUTHOR_IDS_MAX,
  DELTA_BYTES_MAX,
  ENTRY_BYTES_MAX,
  EPOCH_MAX,
  HEADER_TEXT_LENGTH_MAX,
  SEQ_MAX,
  SNAPSHOT_PARTS_MAX,
} from "./limits.ts";
import { VirtualMesh, type VirtualNode } from "./virtual-mesh.test-support.ts";

/** A fuzzer that compares now and then names the inputs up to the one that changed something, give or take so many. */
const EVERY_RUNS_COMPARED = 500;

let net: VirtualMesh;
let node: VirtualNode;

beforeEach(() => {
  net = new VirtualMesh({
    sha256: (bytes) => createHash("sha256").update(bytes).digest(),
    documents: createMemoryDocuments,
  });
  node = net.add("a", 1);
});

/** Any entry that `author` may want to sign, however wrong. */
function seal(
  author: VirtualNode,
  over: Partial<Entry> & { readonly payload: EntryPayload },
): Uint8Array {
  const entry = {
    document: "reported" as const,
    epoch: 1,
    seq: 0,
    prevHash: undefined,
    hlc: 1,
    ...over,
  };
  return sealEnvelope(author.env, "entry", encodeEntryBody(author.env, entry));
}

function other(): VirtualMesh {
  return new VirtualMesh({
    sha256: (bytes) => createHash("sha256").update(bytes).digest(),
    documents: createMemoryDocuments,
  });
}

function header(over: Partial<EntryPayload> = {}): EntryPayload {
  return {
    kind: "header",
    name: "n",
    region: "r",
    agent: "t",
    prev: undefined,
    ...over,
  } as EntryPayload;
}

function gossip(bytes: Uint8Array): string {
  let result = "";
  net.input(node, (now) => {
    result = node.chains.onGossip("x", bytes, now);
  });
  return result;
}

function mutate(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const length = random.unit() < 0.2 ? Math.floor(random.unit() * copy.length) : copy.length;
  for (let i = 0; i < 1 + random.unit() * 4; i++)
    copy[Math.floor(random.unit() * length)] = Math.floor(random.unit() * 256);
  return copy.subarray(0, length);
}

/** Everything that must not have changed. */
function fingerprint(): string {
  const rows = [...node.rows]
    .map(([key, value]) => `${key}:${Buffer.from(value).toString("hex")}`)
    .toSorted();
  return JSON.stringify([
    rows,
    node.chains.records.documentHash(),
    node.chains.heads().map(({ seq }) => seq),
  ]);
}

describe("hostile entries", () => {
  test(
    "SG1 P6 fuzz: random and mutated entries change nothing and throw nothing",
    { timeout: FUZZ_TIMEOUT_MS },
    () => {
      const other = new VirtualMesh({
        sha256: (bytes) => createHash("sha256").update(bytes).digest(),
        documents: createMemoryDocuments,
      });
      other.add("b", 1);
      other.patch("b", "bot", { n: 1 });
      const seeds = [...(other.nodes.get("b")?.rows ?? [])]
        .filter(([key]) => key.startsWith("chain/"))
        .map(([, value]) => value);
      const before = fingerprint();
      fuzz("entries", (random, i) => {
        const seed = seeds[i % seeds.length] as Uint8Array;
        const bytes =
          i % 4 === 0
            ? Uint8Array.from({ length: Math.floor(random.unit() * 80) }, () =>
                Math.floor(random.unit() * 256),
              )
            : mutate(random, seed);
        if (seeds.some((known) => Buffer.compare(known, bytes) === 0)) return;
        expect(["ignore", "reject", "accept"]).toContain(gossip(bytes));
        if (i % EVERY_RUNS_COMPARED === 0) expect(fingerprint()).toBe(before);
      });
      expect(fingerprint()).toBe(before);
    },
  );

  test("SG1 a forged signature and a body of another author are rejected, unknown kinds ignored", () => {
    const b = other().add("b", 1);
    const good = decodeEntry(b.env, seal(b, { payload: header() }));
    if (!good.ok) throw new Error("sealed");
    const { envelope } = good;
    expect(gossip(encodeEnvelope(node.env, { ...envelope, author: "c" }))).toBe("reject");
    expect(gossip(encodeEnvelope(node.env, { ...envelope, signature: new Uint8Array(64) }))).toBe(
      "reject",
    );
    expect(
      gossip(dagCbor.encode({ a: "b", b: new Uint8Array(1), k: "future", s: new Uint8Array(64) })),
    ).toBe("ignore");
    expect(gossip(seal(b, { payload: header() }))).toBe("accept");
    expect(gossip(seal(b, { payload: header() }))).toBe("ignore");
  });

  test("SG2 SG4 entries of documents of a later version, and epochs that it opens, are ignored; those of no kind at all rejected", () => {
    const b = other().add("b", 1);
    const entry = (document: unknown, kind: unknown): Uint8Array =>
      sealEnvelope(b.env, "entry", dagCbor.encode([document, 1, 0, null, kind, 1, { x: 1 }]));
    expect(gossip(entry("policy", "header"))).toBe("ignore");
    expect(gossip(entry("reported", "cut"))).toBe("ignore");
    expect(node.eventsOf("rejected")).toMatchObject([
      { reason: "kind-unknown" },
      { reason: "kind-unknown" },
    ]);
    expect(gossip(entry(7, "header"))).toBe("reject");
    expect(gossip(entry("reported", null))).toBe("reject");
  });

  test("CH3 entries beyond ENTRY_BYTES_MAX, DELTA_BYTES_MAX, SNAPSHOT_PARTS_MAX, AUTHOR_IDS_MAX, HEADER_TEXT_LENGTH_MAX, EPOCH_MAX or SEQ_MAX are refused", () => {
    const b = other().add("b", 1);
    const code = (bytes: Uint8Array): string => {
      const result = decodeEntry(b.env, bytes);
      return result.ok ? "ok" : result.code;
    };
    const prevHash = "00".repeat(32);
    const delta = (bytes: number): EntryPayload => ({
      kind: "delta",
      update: new Uint8Array(bytes),
    });
    const hash = (i: number): string => i.toString(16).padStart(64, "0");
    const manifest = (parts: number, robots: number): EntryPayload => ({
      kind: "snapshot",
      robots,
      covers: [],
      parts: Array.from({ length: parts }, (_, i) => hash(i)),
    });
    expect(code(seal(b, { seq: 1, prevHash, payload: delta(DELTA_BYTES_MAX) }))).toBe("ok");
    expect(code(seal(b, { seq: 1, prevHash, payload: delta(DELTA_BYTES_MAX + 1) }))).toBe(
      "entry-malformed",
    );
    expect(code(seal(b, { seq: 1, prevHash, payload: delta(ENTRY_BYTES_MAX) }))).toBe(
      "entry-oversized",
    );
    expect(
      code(seal(b, { seq: 1, prevHash, payload: manifest(SNAPSHOT_PARTS_MAX, AUTHOR_IDS_MAX) })),
    ).toBe("ok");
    expect(code(seal(b, { seq: 1, prevHash, payload: manifest(SNAPSHOT_PARTS_MAX + 1, 1) }))).toBe(
      "entry-malformed",
    );
    expect(code(seal(b, { seq: 1, prevHash, payload: manifest(1, AUTHOR_IDS_MAX + 1) }))).toBe(
      "entry-malformed",
    );
    expect(
      code(seal(b, { payload: header({ name: "x".repeat(HEADER_TEXT_LENGTH_MAX + 1) }) })),
    ).toBe("entry-malformed");
    expect(code(seal(b, { epoch: EPOCH_MAX + 1, payload: header() }))).toBe("entry-malformed");
    expect(code(seal(b, { seq: SEQ_MAX + 1, prevHash, payload: delta(1) }))).toBe(
      "entry-malformed",
    );
    expect(code(seal(b, { seq: 1, prevHash, payload: header() }))).toBe("entry-malformed");
    expect(code(seal(b, { payload: delta(1) }))).toBe("entry-malformed");
  });

  test("CH3 a payload that the gate refuses is quarantined and audited, and the chain goes on", () => {
    const b = other().add("b", 1);
    const first = seal(b, { payload: header() });
    const bad = seal(b, {
      seq: 1,
      prevHash: hashOf(b, first),
      payload: { kind: "delta", update: Uint8Array.of(1, 2, 3) },
    });
    const next = seal(b, {
      seq: 2,
      prevHash: hashOf(b, bad),
      payload: { kind: "delta", update: Uint8Array.of(4) },
    });
    for (const bytes of [first, bad, next]) expect(gossip(bytes)).toBe("accept");
    expect(node.eventsOf("quarantined")).toHaveLength(2);
    expect(
      node.stored.filter(({ author, gate }) => author === "b" && gate !== undefined),
    ).toHaveLength(2);
    expect([...node.rows.keys()].filter((key) => key.startsWith("quarantine/"))).toHaveLength(2);
    const again = net.restart("a", 2);
    expect(
      [...again.rows.keys()].filter((key) => key.startsWith("chain/reported/b/")),
    ).toHaveLength(3);
  });

  test("CH1 an entry that names another predecessor, or none that is held, is not stored", () => {
    const b = other().add("b", 1);
    const first = seal(b, { payload: header() });
    const stray = seal(b, {
      seq: 1,
      prevHash: "ab".repeat(32),
      payload: { kind: "delta", update: Uint8Array.of(1) },
    });
    const later = seal(b, {
      seq: 5,
      prevHash: hashOf(b, first),
      payload: { kind: "delta", update: Uint8Array.of(1) },
    });
    for (const bytes of [first, stray, later]) expect(gossip(bytes)).toBe("accept");
    expect([...node.rows.keys()].filter((key) => key.startsWith("chain/reported/b/"))).toHaveLength(
      1,
    );
  });
});

describe("hostile sync", () => {
  const messages = (): readonly SyncMessage[] => [
    {
      type: "digest",
      digests: new Map([
        ["reported", new Uint8Array(32)],
        ["desired", new Uint8Array(32)],
      ]),
    },
    { type: "same" },
    {
      type: "vector",
      document: "reported",
      first: true,
      last: true,
      items: [
        {
          author: "z",
          place: { epoch: 1, seq: 5, hash: "00".repeat(32) },
          forkHash: undefined,
          opening: undefined,
        },
      ],
    },
    {
      type: "want",
      items: [
        { type: "part", hash: "11".repeat(32) },
        { type: "entries", document: "reported", author: "a", epoch: 1, fromSeq: 0 },
      ],
    },
    { type: "have", entries: [new Uint8Array(10)], parts: [new Uint8Array(5)], more: true },
  ];

  test(
    "CH6 P6 fuzz: random and mutated frames change nothing and throw nothing",
    { timeout: FUZZ_TIMEOUT_MS },
    () => {
      net.add("z", 1);
      net.link("a", "z");
      net.run();
      const seeds = messages().map((message) => encodeSync(node.env, message));
      const before = fingerprint();
      fuzz("frames", (random, i) => {
        const bytes =
          i % 4 === 0
            ? Uint8Array.from({ length: Math.floor(random.unit() * 80) }, () =>
                Math.floor(random.unit() * 256),
              )
            : mutate(random, seeds[i % seeds.length] as Uint8Array);
        net.input(node, (now) => node.chains.onSync("z", bytes, now));
        if (i % EVERY_RUNS_COMPARED === 0) expect(fingerprint()).toBe(before);
      });
      expect(fingerprint()).toBe(before);
    },
  );

  test("CH6 messages survive encoding, and pages beyond VECTOR_PAGE_MAX, WANT_ITEMS_MAX and HAVE_ITEMS_MAX do not", () => {
    for (const message of messages())
      expect(decodeSync(node.env, encodeSync(node.env, message))).toEqual(message);
    const item = {
      author: "z",
      place: { epoch: 1, seq: 5, hash: "00".repeat(32) },
      forkHash: undefined,
      opening: undefined,
    };
    const many = <T>(count: number, one: T): readonly T[] =>
      Array.from({ length: count }, () => one);
    const vector = { type: "vector", document: "reported", first: true, last: true } as const;
    expect(
      decodeSync(node.env, encodeSync(node.env, { ...vector, items: many(VECTOR_PAGE_MAX, item) })),
    ).toBeDefined();
    expect(
      decodeSync(
        node.env,
        encodeSync(node.env, { ...vector, items: many(VECTOR_PAGE_MAX + 1, item) }),
      ),
    ).toBeUndefined();
    const part = { type: "part", hash: "11".repeat(32) } as const;
    expect(
      decodeSync(
        node.env,
        encodeSync(node.env, { type: "want", items: many(WANT_ITEMS_MAX + 1, part) }),
      ),
    ).toBeUndefined();
    const have = { type: "have", parts: [], more: false } as const;
    expect(
      decodeSync(
        node.env,
        encodeSync(node.env, { ...have, entries: many(HAVE_ITEMS_MAX + 1, new Uint8Array(1)) }),
      ),
    ).toBeUndefined();
  });

  test("CH2 CH6 a snapshot whose parts the gate refuses is dropped, counted, and blocks nothing", () => {
    const q = other().add("q", 1);
    net.add("z", 1);
    net.link("a", "z");
    net.run();
    const asked: SyncMessage[] = [];
    net.drop = ({ to, bytes }) => {
      const message = to === "z" ? decodeSync(node.env, bytes) : undefined;
      if (message !== undefined) asked.push(message);
      return to === "z";
    };
    const say = (message: SyncMessage): void => {
      net.input(node, (now) => node.chains.onSync("z", encodeSync(node.env, message), now));
      net.run();
    };
    const part = Uint8Array.of(1, 2, 3);
    const hash = createHash("sha256").update(part).digest("hex");
    const first = seal(q, { payload: header() });
    const payload: EntryPayload = { kind: "snapshot", parts: [hash], robots: 1, covers: [] };
    const snapshot = seal(q, { seq: 1, prevHash: hashOf(q, first), payload });
    const place = { epoch: 1, seq: 1, hash: hashOf(q, snapshot) };
    const vector = { type: "vector", document: "reported", first: false, last: true } as const;
    for (let round = 0; round < 2; round++) {
      say({ ...vector, items: [{ author: "q", place, forkHash: undefined, opening: undefined }] });
      say({ type: "have", entries: [first, snapshot], parts: [], more: false });
      if (round === 0)
        expect(asked.at(-1)).toEqual({ type: "want", items: [{ type: "part", hash }] });
      if (round === 0) say({ type: "have", entries: [], parts: [part], more: false });
    }
    expect(node.eventsOf("rejected")).toContainEqual({
      type: "rejected",
      reason: "snapshot-bad",
      from: "z",
    });
    expect([...node.rows.keys()].filter((key) => key.startsWith("part/"))).toHaveLength(0);
    expect(node.eventsOf("synced").length).toBeGreaterThan(1);
  });

  test("CH6 heads name at most LACKS_MAX missing epochs at a time, and unsolicited answers are refused", () => {
    net.add("z", 1);
    net.link("a", "z");
    net.run();
    net.input(node, (now) => {
      for (let i = 0; i < LACKS_MAX + 100; i++) {
        node.chains.onHeads(
          `q${i}`,
          [{ document: "reported", epoch: 1, seq: 1, hash8: new Uint8Array(8) }],
          "z",
          now,
        );
      }
    });
    net.advance(5_000);
    const have = encodeSync(node.env, { type: "have", entries: [], parts: [], more: false });
    net.input(node, (now) => node.chains.onSync("z", have, now));
    expect(node.eventsOf("rejected")).toContainEqual({
      type: "rejected",
      reason: "sync-malformed",
      from: "z",
    });
  });
});

function hashOf(author: VirtualNode, bytes: Uint8Array): string {
  const decoded = decodeEntry(author.env, bytes);
  return decoded.ok ? decoded.entry.hash : "";
}
