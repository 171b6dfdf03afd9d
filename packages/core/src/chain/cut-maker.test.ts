import { createTestPorts } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import type { Cut } from "../authority/claims.ts";
import { coreConfig } from "../config.ts";
import { Outbox } from "../outbox.ts";
import type { DocumentsPort } from "../ports.ts";
import { EMPTY_RECORD } from "../state/record.ts";
import { ChainIndex } from "./chain-index.ts";
import { CutMaker, MADE_PARTS_BYTES_MAX } from "./cut-maker.ts";

/** A cutter of authors each of whose robots fills a part of `partBytes`. */
function makerOf(partBytes: number): {
  readonly maker: CutMaker;
  readonly cut: (author: string, robots: number) => readonly Cut[] | undefined;
} {
  const test = createTestPorts("a");
  let written = 0;
  const part = (): Uint8Array => new Uint8Array(partBytes).fill(++written, 0, 1);
  const documents = {
    draft: () => ({ take: () => ({ ok: true, changes: [] }), install: () => undefined }),
    snapshotPart: () => ({ bytes: part(), count: 1 }),
  } as Partial<DocumentsPort> as DocumentsPort;
  // Of so many bytes the first one is all that differs.
  const hash = { sha256: (bytes: Uint8Array) => test.hash.sha256(bytes.subarray(0, 64)) };
  const identity = { fleet: "f", self: "a", name: "a", region: "r", agent: "t" };
  const ports = { ...test, documents, hash };
  const env = { ports, identity, config: coreConfig({}), out: new Outbox() };
  const index = new ChainIndex(env);
  let robots = 0;
  const maker = new CutMaker(env, {
    index,
    shownBy: (_, author) =>
      Array.from({ length: robots }, (__, i) => ({
        robot: `r${i}`,
        sources: [{ author, epoch: 1, record: EMPTY_RECORD }],
      })),
    begin: () => undefined,
  });
  const cut = (author: string, count: number): readonly Cut[] | undefined => {
    robots = count;
    const head = { epoch: 1, seq: 0, hash: "00" };
    index.add({ document: "reported", author, epoch: 1, head } as never);
    let cuts: readonly Cut[] | undefined;
    maker.make(author, (made) => (cuts = made));
    return cuts;
  };
  return { maker, cut };
}

test("ME1 P6 of parts that wait for a revocation MADE_PARTS_BYTES_MAX are kept, those of the author that is cut last", () => {
  const { maker, cut } = makerOf(MADE_PARTS_BYTES_MAX / 4);
  const first = cut("x", 2)?.[0]?.parts ?? [];
  const second = cut("y", 2)?.[0]?.parts ?? [];
  expect([...first, ...second].map((hash) => maker.part(hash) !== undefined)).toEqual(
    Array.from({ length: 4 }, () => true),
  );
  const third = cut("z", 3)?.[0]?.parts ?? [];
  expect([...first, ...second].some((hash) => maker.part(hash) !== undefined)).toBe(false);
  expect(third.every((hash) => maker.part(hash) !== undefined)).toBe(true);
  // More than that is more than one revocation can stand for, and what is kept stays.
  expect(cut("w", 5)).toBeUndefined();
  expect(third.every((hash) => maker.part(hash) !== undefined)).toBe(true);
});
