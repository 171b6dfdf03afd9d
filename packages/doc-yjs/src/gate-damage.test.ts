import type { GateCode } from "@pulsemesh/core";
import {
  ATTACKED,
  FOREIGN_CLIENT,
  NEXT_CLOCK,
  OWN_CLIENT,
  OWN_ROOT,
  any,
  attackedDocument,
  collected,
  content,
  firstItem,
  forgeUpdate,
  ownDelta,
  begin,
} from "@pulsemesh/testkit";
import type { AttackedDocument } from "@pulsemesh/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import * as Y from "yjs";
import { DELETE_RANGES_MAX } from "./limits.ts";
import { createYjsDocuments } from "./yjs-documents.ts";
import { yjsInside } from "./yjs-inside.test-support.ts";

let attacked: AttackedDocument;

beforeEach(() => {
  attacked = attackedDocument(yjsInside());
});

const VALUE = content.any(any.integer(7));

describe("delete sets", () => {
  const deleting = (
    client: number,
    ...ranges: readonly (readonly [number, number])[]
  ): Uint8Array => forgeUpdate([], [{ client, ranges }]);
  const forged: readonly (readonly [string, Uint8Array, GateCode])[] = [
    ["over another author", deleting(FOREIGN_CLIENT, [0, 1]), "foreign-delete"],
    [
      "over another author beside the own one",
      forgeUpdate(
        [],
        [
          { client: OWN_CLIENT, ranges: [[0, 1]] },
          { client: FOREIGN_CLIENT, ranges: [[0, 1]] },
        ],
      ),
      "foreign-delete",
    ],
    ["beyond the known clocks", deleting(OWN_CLIENT, [2, 2]), "pending"],
    ["of 2^52 beyond the known clocks", deleting(OWN_CLIENT, [0, 2 ** 52]), "pending"],
    ["of length 0", deleting(OWN_CLIENT, [0, 0]), "malformed"],
    ["out of order", deleting(OWN_CLIENT, [2, 1], [0, 1]), "malformed"],
    ["overlapping", deleting(OWN_CLIENT, [0, 2], [1, 1]), "malformed"],
    ["not merged", deleting(OWN_CLIENT, [0, 1], [1, 1]), "malformed"],
    ["without a range", deleting(OWN_CLIENT), "malformed"],
  ];
  test.each(forged)("CH3 a delete set %s is refused", (_, update, code) =>
    attacked.refused(update, code),
  );

  test("CH3 DELETE_RANGES_MAX: eight ranges pass, nine are too many", () => {
    const ranges = (count: number): (readonly [number, number])[] =>
      Array.from({ length: count }, (_, index) => [2 * index, 1] as const);
    attacked.taken(ownDelta(collected(20)));
    attacked.refused(deleting(OWN_CLIENT, ...ranges(DELETE_RANGES_MAX + 1)), "too-many-structs");
    attacked.taken(deleting(OWN_CLIENT, ...ranges(DELETE_RANGES_MAX)), ["arm", undefined]);
  });

  test("CH3 a delete set over own items deletes what is live in it, and says so once", () => {
    attacked.taken(deleting(OWN_CLIENT, [0, 3]), ["arm", undefined], ["belt", undefined]);
    attacked.taken(deleting(OWN_CLIENT, [0, 3]));
    expect(attacked.inside.documents.read(ATTACKED).size).toBe(0);
  });

  test("CH3 a value that the same delta deletes is deleted", () => {
    const update = forgeUpdate(
      [{ client: OWN_CLIENT, clock: NEXT_CLOCK, structs: [firstItem(OWN_ROOT, "cart", VALUE)] }],
      [{ client: OWN_CLIENT, ranges: [[0, 4]] }],
    );
    attacked.taken(update, ["cart", undefined], ["arm", undefined], ["belt", undefined]);
    expect(attacked.inside.documents.read(ATTACKED).size).toBe(0);
  });
});

describe("damage", () => {
  const honest = (): Uint8Array => {
    const author = createYjsDocuments();
    begin(author);
    return author.write(ATTACKED, [
      { robot: "arm", value: { status: "idle", at: 1.5, big: 2 ** 40, list: [true, null, -70] } },
      { robot: "cart", value: "é" },
      { robot: "belt", value: undefined },
    ]);
  };

  test("CH3 no truncation is taken", () => {
    const update = honest();
    for (let length = 0; length < update.length; length++)
      attacked.refused(update.slice(0, length));
    attacked.refused(Uint8Array.of(...update, 0), "malformed");
  });

  test("CH3 padded varints are refused wherever they stand", () => {
    const update = honest();
    let takenByYjs = 0;
    for (let at = 0; at < update.length; at++) {
      const byte = update[at] as number;
      if (byte >= 0x80) continue;
      const padded = Uint8Array.of(...update.slice(0, at), 0x80 | byte, 0, ...update.slice(at + 1));
      attacked.refused(padded);
      if (decodesAlike(padded, update)) takenByYjs++;
    }
    // Yjs itself reads padded varints as if nothing were wrong.
    expect(takenByYjs).toBeGreaterThan(10);
  });

  test("CH3 a flipped bit is refused and changes nothing, or is another honest delta and nothing waits", () => {
    const update = honest();
    for (let bit = 0; bit < update.length * 8; bit++) {
      const flipped = update.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const replica = yjsInside();
      replica.documents.adopt(ATTACKED, OWN_CLIENT, [base()]);
      const before = replica.canonical();
      const result = replica.documents.apply(ATTACKED, flipped);
      if (!result.ok) expect(replica.canonical()).toEqual(before);
      expect(replica.settled()).toBe(true);
    }
  });
});

/** The document under attack as a snapshot with the same clocks of `arm` and `belt`. */
function base(): Uint8Array {
  return forgeUpdate([
    {
      client: OWN_CLIENT,
      clock: 0,
      structs: [
        firstItem(OWN_ROOT, "zero", VALUE),
        firstItem(OWN_ROOT, "belt", content.any(any.integer(1))),
        firstItem(OWN_ROOT, "arm", content.any(any.text("busy"))),
      ],
    },
  ]);
}

function decodesAlike(a: Uint8Array, b: Uint8Array): boolean {
  try {
    return JSON.stringify(Y.decodeUpdate(a)) === JSON.stringify(Y.decodeUpdate(b));
  } catch {
    return false;
  }
}
