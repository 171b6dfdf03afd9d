import type { GateCode } from "@pulsemesh/core";
import {
  ARM_NEWEST,
  ATTACKED,
  BELT_NEWEST,
  OWN_CLIENT,
  OWN_ROOT,
  any,
  attackedDocument,
  content,
  firstItem,
  nextItem,
  ownDelta,
  varUint,
} from "@pulsemesh/testkit";
import type { AttackedDocument, Bytes, ForgedContent } from "@pulsemesh/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import * as Y from "yjs";
import { DELTA_BYTES_MAX, RECORD_BYTES_MAX, RECORD_DEPTH_MAX } from "./limits.ts";
import { yjsInside } from "./yjs-inside.test-support.ts";

let attacked: AttackedDocument;

beforeEach(() => {
  attacked = attackedDocument(yjsInside());
});

const VALUE = content.any(any.integer(7));

describe("contents", () => {
  const deep = (levels: number): Bytes =>
    Array.from({ length: levels }).reduce<Bytes>((inner) => any.array(inner), any.null);
  const forged: readonly (readonly [string, ForgedContent, GateCode])[] = [
    ["JSON text", content.json('{"a":1}'), "bad-content"],
    ["binary", content.binary([1, 2]), "bad-content"],
    ["a string", content.string("abc"), "bad-content"],
    ["an embed", content.embed("{}"), "bad-content"],
    ["a format", content.format("bold", "true"), "bad-content"],
    ...[0, 1, 2, 3, 4, 5, 6].map(
      (kind) => [`nested type ${kind}`, content.type(kind), "bad-content"] as const,
    ),
    ["a subdocument", content.subdocument("guid"), "bad-content"],
    ["content of no known kind", { kind: 11, bytes: [] }, "malformed"],
    ["no value", content.any(), "bad-content"],
    ["two values", content.any(any.null, any.null), "bad-content"],
    ["undefined", content.any(any.undefined), "bad-content"],
    ["undefined inside", content.any(any.object(["a", any.undefined])), "bad-content"],
    ["a bigint", content.any(any.bigint), "bad-content"],
    ["a byte string", content.any(any.array(any.binary)), "bad-content"],
    ["NaN", content.any(any.float32(0x7f, 0xc0, 0, 0)), "bad-content"],
    ["infinity", content.any(any.float64(0x7f, 0xf0, 0, 0, 0, 0, 0, 0)), "bad-content"],
    ["a tag that lib0 does not know", content.any([3]), "bad-content"],
    ["the key __proto__", content.any(any.object(["__proto__", any.object()])), "bad-content"],
    ["a key twice", content.any(any.object(["a", any.null], ["a", any.null])), "bad-content"],
    ["a list that claims 2^40 elements", content.any([117, ...varUint(2 ** 40)]), "malformed"],
    ["an object that claims 2^40 keys", content.any([118, ...varUint(2 ** 40)]), "malformed"],
    ["a text that claims 2^50 bytes", content.any([119, ...varUint(2 ** 50)]), "malformed"],
    ["a text that is no UTF-8", content.any([119, 2, 0xc3, 0x28]), "malformed"],
    ["a key that is no UTF-8", content.any([118, 1, 1, 0xff, 126]), "malformed"],
    ["a padded integer", content.any([125, 0x81, 0]), "malformed"],
    [
      "an integer beyond 2^53",
      content.any([125, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
      "malformed",
    ],
  ];
  test.each(forged)("CH3 %s is refused", (_, bad, code) => {
    attacked.refused(ownDelta(firstItem(OWN_ROOT, "cart", bad)), code);
    attacked.refused(ownDelta(nextItem({ origin: ARM_NEWEST }, bad)), code);
  });

  test.each(nestedByYjs())("CH3 %s, written by Yjs itself, is refused", (_, update) =>
    attacked.refused(update, "bad-content"),
  );

  test("CH3 RECORD_DEPTH_MAX: 36 levels pass, 37 are too deep, 20,000 as well", () => {
    const objects = Array.from({ length: RECORD_DEPTH_MAX + 1 }).reduce<Bytes>(
      (inner) => any.object(["k", inner]),
      any.null,
    );
    attacked.refused(ownDelta(nextItem({ origin: ARM_NEWEST }, content.any(objects))), "too-deep");
    attacked.refused(
      ownDelta(nextItem({ origin: ARM_NEWEST }, content.any(deep(RECORD_DEPTH_MAX + 1)))),
      "too-deep",
    );
    attacked.refused(
      ownDelta(
        nextItem(
          { origin: ARM_NEWEST },
          {
            kind: 8,
            bytes: [1, ...Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? 117 : 1))],
          },
        ),
      ),
      "too-deep",
    );
    expect(
      attacked.inside.documents.apply(
        ATTACKED,
        ownDelta(nextItem({ origin: ARM_NEWEST }, content.any(deep(RECORD_DEPTH_MAX)))),
      ).ok,
    ).toBe(true);
  });

  test("CH3 RECORD_BYTES_MAX: a value of exactly 22 KiB passes, one byte more is too large", () => {
    const sized = (bytes: number): Bytes => any.text("x".repeat(bytes - 4));
    attacked.refused(
      ownDelta(nextItem({ origin: ARM_NEWEST }, content.any(sized(RECORD_BYTES_MAX + 1)))),
      "too-large",
    );
    expect(sized(RECORD_BYTES_MAX).length).toBe(RECORD_BYTES_MAX);
    expect(
      attacked.inside.documents.apply(
        ATTACKED,
        ownDelta(nextItem({ origin: ARM_NEWEST }, content.any(sized(RECORD_BYTES_MAX)))),
      ).ok,
    ).toBe(true);
  });

  test("CH3 DELTA_BYTES_MAX: 24 KiB are read, one byte more is too large", () => {
    const half = any.text("x".repeat(12_240));
    const update = ownDelta(
      nextItem({ origin: ARM_NEWEST }, content.any(half)),
      nextItem({ origin: BELT_NEWEST }, content.any(half)),
    );
    const padded = Uint8Array.from([
      ...update,
      ...new Uint8Array(DELTA_BYTES_MAX + 1 - update.length),
    ]);
    attacked.refused(padded, "too-large");
    attacked.refused(padded.slice(0, -1), "malformed");
    expect(attacked.inside.documents.apply(ATTACKED, update).ok).toBe(true);
  });
});

describe("keys", () => {
  test.each(["", ".", "-a", "a b", "a/b", "__proto__", "é", "x".repeat(129), "a\n"])(
    "CH3 the key %j is refused",
    (key) => attacked.refused(ownDelta(firstItem(OWN_ROOT, key, VALUE)), "bad-key"),
  );

  test("CH3 an item of a list has no key and is refused", () => {
    attacked.refused(ownDelta(firstItem(OWN_ROOT, undefined, VALUE)), "bad-key");
    attacked.refused(
      ownDelta([0x88, ...varUint(OWN_CLIENT), ...varUint(2), ...VALUE.bytes]),
      "bad-key",
    );
  });

  test("CH3 keys that mean something to JavaScript are robots like any other", () => {
    attacked.taken(
      ownDelta(firstItem(OWN_ROOT, "constructor", VALUE), firstItem(OWN_ROOT, "toString", VALUE)),
      ["constructor", 7],
      ["toString", 7],
    );
    attacked.taken(attacked.inside.documents.write(ATTACKED, []));
  });
});

/** What Yjs writes for everything that is not one JSON value, under the author's own client id and clock. */
function nestedByYjs(): readonly (readonly [string, Uint8Array])[] {
  const values: readonly (readonly [string, unknown])[] = [
    ["a map", new Y.Map([["a", 1]])],
    ["a list", new Y.Array()],
    ["a text", new Y.Text("abc")],
    ["an XML element", new Y.XmlElement("p")],
    ["a subdocument", new Y.Doc()],
    ["a byte string", new Uint8Array(3)],
    ["a bigint", 5n],
    ["undefined", undefined],
  ];
  return values.map(([name, value]) => {
    const writer = new Y.Doc();
    writer.clientID = OWN_CLIENT;
    const updates: Uint8Array[] = [];
    const root = writer.getMap(OWN_ROOT);
    for (const key of ["a", "b", "c"]) root.set(key, 1);
    writer.on("update", (update: Uint8Array) => updates.push(update));
    root.set("cart", value);
    return [name, updates[0] as Uint8Array] as const;
  });
}
