import type { GateCode } from "@pulsemesh/core";
import {
  ARM_NEWEST,
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
  nextItem,
  ownDelta,
  skip,
  text,
  varUint,
} from "@pulsemesh/testkit";
import type { AttackedDocument, Bytes } from "@pulsemesh/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import * as Y from "yjs";
import { DELTA_BYTES_MAX, DELTA_STRUCTS_MAX } from "./limits.ts";
import { yjsInside } from "./yjs-inside.test-support.ts";

let attacked: AttackedDocument;

beforeEach(() => {
  attacked = attackedDocument(yjsInside());
});

const VALUE = content.any(any.integer(7));

describe("references to others", () => {
  const forged: readonly (readonly [string, Uint8Array, GateCode])[] = [
    [
      "a forged foreign origin with an empty delete set",
      ownDelta(nextItem({ origin: [FOREIGN_CLIENT, 0] }, VALUE)),
      "foreign-origin",
    ],
    [
      "a forged foreign origin at the very clock of an own newest item",
      ownDelta(nextItem({ origin: [FOREIGN_CLIENT, ARM_NEWEST[1]] }, VALUE)),
      "foreign-origin",
    ],
    [
      "an own origin beside a foreign right origin",
      ownDelta(nextItem({ origin: ARM_NEWEST, rightOrigin: [FOREIGN_CLIENT, 0] }, VALUE)),
      "foreign-origin",
    ],
    [
      "a foreign right origin alone",
      ownDelta(nextItem({ rightOrigin: [FOREIGN_CLIENT, 0] }, VALUE)),
      "foreign-origin",
    ],
    [
      "an own right origin",
      ownDelta(nextItem({ rightOrigin: ARM_NEWEST }, VALUE)),
      "foreign-origin",
    ],
    [
      "an origin that does not exist yet",
      ownDelta(nextItem({ origin: [OWN_CLIENT, NEXT_CLOCK] }, VALUE)),
      "foreign-origin",
    ],
    [
      "an origin that is not the robot's newest item",
      ownDelta(nextItem({ origin: [OWN_CLIENT, 0] }, VALUE)),
      "foreign-origin",
    ],
    [
      "a second first item of a robot",
      ownDelta(firstItem(OWN_ROOT, "arm", VALUE)),
      "foreign-origin",
    ],
    [
      "a foreign parent id",
      ownDelta(firstItem([FOREIGN_CLIENT, 0], "arm", VALUE)),
      "foreign-parent",
    ],
    ["an own parent id", ownDelta(firstItem(ARM_NEWEST, "arm", VALUE)), "foreign-parent"],
    ["another author's root", ownDelta(firstItem("uthorTwo", "cart", VALUE)), "foreign-parent"],
    ["no root name", ownDelta(firstItem("", "cart", VALUE)), "foreign-parent"],
    [
      "a parent that is neither name nor id",
      ownDelta([0x28, 2, ...text(OWN_ROOT), ...text("cart"), ...VALUE.bytes]),
      "malformed",
    ],
  ];
  test.each(forged)("CH3 %s is refused", (_, update, code) => attacked.refused(update, code));
});

describe("clients and clocks", () => {
  const item = firstItem(OWN_ROOT, "cart", VALUE);
  const forged: readonly (readonly [string, Uint8Array, GateCode])[] = [
    [
      "a foreign client's struct",
      forgeUpdate([{ client: FOREIGN_CLIENT, clock: NEXT_CLOCK, structs: [item] }]),
      "foreign-client",
    ],
    [
      "a foreign client beside the own one",
      forgeUpdate([
        { client: OWN_CLIENT, clock: NEXT_CLOCK, structs: [item] },
        { client: FOREIGN_CLIENT, clock: 0, structs: [item] },
      ]),
      "foreign-client",
    ],
    ["a claimed clientID", claimedByYjs(), "foreign-client"],
    [
      "a clock ahead by 2^53-1 in 14 bytes",
      forgeUpdate([{ client: OWN_CLIENT, clock: 2 ** 53 - 1, structs: [[]] }]),
      "clock-gap",
    ],
    [
      "a clock beyond the safe integers",
      Uint8Array.from([1, 1, ...varUint(OWN_CLIENT), ...varUint(2 ** 53)]),
      "malformed",
    ],
    [
      "a clock gap of one",
      forgeUpdate([{ client: OWN_CLIENT, clock: NEXT_CLOCK + 1, structs: [item] }]),
      "clock-gap",
    ],
    [
      "a clock used before",
      forgeUpdate([{ client: OWN_CLIENT, clock: NEXT_CLOCK - 1, structs: [item] }]),
      "clock-gap",
    ],
    [
      "no struct of the client it names",
      forgeUpdate([{ client: OWN_CLIENT, clock: NEXT_CLOCK, structs: [] }]),
      "malformed",
    ],
    [
      "fewer structs than claimed",
      forgeUpdate([{ client: OWN_CLIENT, clock: NEXT_CLOCK, structs: [item], claimed: 2 }]),
      "malformed",
    ],
    [
      "more structs than claimed",
      forgeUpdate([{ client: OWN_CLIENT, clock: NEXT_CLOCK, structs: [item, item], claimed: 1 }]),
      "foreign-delete",
    ],
    [
      "2^50 claimed structs",
      forgeUpdate([{ client: OWN_CLIENT, clock: NEXT_CLOCK, structs: [item], claimed: 2 ** 50 }]),
      "too-many-structs",
    ],
    ["a skip", ownDelta(skip(1)), "bad-content"],
    ["a collected run of 2^52", ownDelta(collected(2 ** 52)), "too-many-structs"],
    ["a collected run of nothing", ownDelta(collected(0)), "malformed"],
    ["a collected run with flags", ownDelta([0x20, 1]), "malformed"],
    [
      "a deleted run of 2^52",
      ownDelta(firstItem(OWN_ROOT, "cart", content.deleted(2 ** 52))),
      "too-many-structs",
    ],
    [
      "a deleted run of nothing",
      ownDelta(firstItem(OWN_ROOT, "cart", content.deleted(0))),
      "malformed",
    ],
  ];
  test.each(forged)("CH3 %s is refused", (_, update, code) => attacked.refused(update, code));

  test("CH3 DELTA_STRUCTS_MAX: eight structs pass, nine are refused", () => {
    const items = (count: number): Bytes[] =>
      Array.from({ length: count }, (_, index) => firstItem(OWN_ROOT, `r${index}`, VALUE));
    attacked.refused(ownDelta(...items(DELTA_STRUCTS_MAX + 1)), "too-many-structs");
    expect(
      attacked.inside.documents.apply(ATTACKED, ownDelta(...items(DELTA_STRUCTS_MAX))).ok,
    ).toBe(true);
  });

  test("CH3 a pending bomb of 100,000 one-struct clients is refused by its size, its first 24 KiB by their clients", () => {
    const bomb = forgeUpdate(
      Array.from({ length: 100_000 }, (_, index) => ({
        client: 2 ** 32 + index,
        clock: 1,
        structs: [collected(1)],
      })),
    );
    expect(bomb.length).toBeGreaterThan(684_000);
    attacked.refused(bomb, "too-large");
    attacked.refused(bomb.slice(0, DELTA_BYTES_MAX), "foreign-client");
  });

  test("CH3 a pending bomb that drips one struct at a time leaves nothing behind", () => {
    const { canonical, documents } = attacked.inside;
    const before = canonical();
    for (let index = 0; index < 2_000; index++) {
      const client = index % 2 === 0 ? OWN_CLIENT : 2 ** 32 + 1_000 + index;
      expect(
        documents.apply(
          ATTACKED,
          forgeUpdate([{ client, clock: 10 + index, structs: [collected(1)] }]),
        ).ok,
      ).toBe(false);
    }
    expect(canonical()).toEqual(before);
  });

  test("CH3 a V2 run-length bomb is no V1 update", () => {
    const bomb = v2Bomb(200_000);
    expect(bomb.length).toBeLessThan(40);
    expect(Y.decodeUpdateV2(bomb).structs.length).toBe(200_000);
    attacked.refused(bomb);
    attacked.refused(v2Bomb(30_000_000));
    const honest = new Y.Doc();
    honest.clientID = OWN_CLIENT;
    honest.getMap(OWN_ROOT).set("cart", 1);
    attacked.refused(Y.encodeStateAsUpdateV2(honest));
  });

  test("CH3 collected and deleted runs of the author itself pass", () => {
    attacked.taken(
      ownDelta(
        collected(3),
        nextItem({ origin: ARM_NEWEST }, content.deleted(2)),
        firstItem(OWN_ROOT, "cart", VALUE),
      ),
      ["arm", undefined],
      ["cart", 7],
    );
    const { documents } = attacked.inside;
    expect([...documents.read(ATTACKED)]).toEqual([
      ["belt", 1],
      ["cart", 7],
    ]);
    documents.write(ATTACKED, [{ robot: "arm", value: "back" }]);
    expect(documents.read(ATTACKED).get("arm")).toBe("back");
  });
});

/** A stock Yjs client that continues the author's document under an id of its own choosing. */
function claimedByYjs(): Uint8Array {
  const attacker = new Y.Doc();
  attacker.clientID = 2 ** 53 - 1;
  attacker.getMap(OWN_ROOT).set("arm", "forged");
  return Y.encodeStateAsUpdate(attacker);
}

/** A V2 update in which run lengths make `count` collected structs out of a handful of bytes. */
function v2Bomb(count: number): Uint8Array {
  const column = (...bytes: Bytes): Bytes => [...varUint(bytes.length), ...bytes];
  // UintOptRle: a negative value (sign bit of a varint) announces a repetition, minus two.
  const repeated = [0x40 | 1, ...varUint(count - 2)];
  return Uint8Array.from([
    0,
    ...column(),
    ...column(5),
    ...column(),
    ...column(),
    ...column(0),
    ...column(...column(0), 0),
    ...column(),
    ...column(),
    ...column(...repeated),
    ...varUint(1),
    ...varUint(count),
    0,
    0,
  ]);
}
