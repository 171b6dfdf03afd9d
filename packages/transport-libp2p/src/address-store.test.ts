import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SavedAddresses } from "./address-entry.ts";
import { BOOK_MEMBERS_MAX } from "./address-book.ts";
import { MEMBER_ADDRESSES_MAX } from "./address-entry.ts";
import { FORMER_MEMBERS_MAX } from "./former-members.ts";
import { ADDRESS_LENGTH_MAX } from "./multiaddr-text.ts";
import { ADDRESS_FILE_BYTES_MAX, fileAddressStore } from "./address-store.ts";

/** Of a node's id, in characters. */
const ID_LENGTH = 52;

const saved = (...addresses: readonly string[]): SavedAddresses => ({
  addresses,
  briefMs: new Map(),
});

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pulsemesh-addresses-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("CH6 fileAddressStore gives back what it saved, and leaves no draft behind", async () => {
  const store = fileAddressStore(join(folder, "addresses.json"));
  await store.save(saved("/a"));
  const next = { addresses: ["/b", "/c"], briefMs: new Map([["b", 600_000]]) };
  await store.save(next);
  expect(await store.load()).toEqual(next);
  expect(await readdir(folder)).toEqual(["addresses.json"]);
});

test("CH6 fileAddressStore reads a missing, torn or foreign file as empty", async () => {
  const path = join(folder, "addresses.json");
  const store = fileAddressStore(path);
  expect(await store.load()).toEqual(saved());
  for (const text of [
    "",
    '{"addresses":["/a"',
    "[]",
    "null",
    '{"addresses":5}',
    '{"addresses":[1,null]}',
  ]) {
    await writeFile(path, text);
    expect(await store.load()).toEqual(saved());
  }
});

test("CH6 fileAddressStore keeps the old file when it cannot write the new one", async () => {
  const store = fileAddressStore(join(folder, "missing", "addresses.json"));
  await expect(store.save(saved("/a"))).rejects.toThrow("ENOENT");
  expect(await readdir(folder)).toEqual([]);
});

test("CH6 fileAddressStore reads files of earlier releases, which read its own, and whoever may be brief as brief", async () => {
  const path = join(folder, "addresses.json");
  const store = fileAddressStore(path);
  await writeFile(path, '{"version":1,"addresses":["/a","/b"]}');
  expect(await store.load()).toEqual(saved("/a", "/b"));
  await store.save({ addresses: ["/c"], briefMs: new Map([["c", 0]]) });
  expect(JSON.parse(await readFile(path, "utf8"))).toEqual({
    version: 1,
    addresses: ["/c"],
    brief_ms: { c: 0 },
  });
  for (const brief of ["[5]", "null", '"c"', "7"]) {
    await writeFile(path, `{"version":1,"addresses":["/c"],"brief_ms":${brief}}`);
    expect(await store.load()).toEqual(saved("/c"));
  }
  const values = '{"c":"x","d":-1,"e":3600000,"f":null,"g":1200000,"__proto__":5}';
  await writeFile(path, `{"version":1,"addresses":["/c"],"brief_ms":${values}}`);
  const { briefMs } = await store.load();
  expect(Object.fromEntries(briefMs)).toMatchObject({ c: 0, d: 0, e: 0, f: 0, g: 1_200_000 });
});

test("P6 fileAddressStore ignores a file above ADDRESS_FILE_BYTES_MAX", async () => {
  const path = join(folder, "addresses.json");
  const store = fileAddressStore(path);
  await store.save(saved("/a"));
  const text = await readFile(path, "utf8");
  await writeFile(path, text.padEnd(ADDRESS_FILE_BYTES_MAX));
  expect(await store.load()).toEqual(saved("/a"));
  await writeFile(path, text.padEnd(ADDRESS_FILE_BYTES_MAX + 1));
  expect(await store.load()).toEqual(saved());
});

test("CH6 P6 a full book of addresses of ADDRESS_LENGTH_MAX is below ADDRESS_FILE_BYTES_MAX, so what was saved is read", async () => {
  const store = fileAddressStore(join(folder, "addresses.json"));
  const count = (BOOK_MEMBERS_MAX + FORMER_MEMBERS_MAX) * MEMBER_ADDRESSES_MAX;
  const full = Array.from({ length: count }, (_, at) => `/${at}`.padEnd(ADDRESS_LENGTH_MAX, "x"));
  const ids = Array.from({ length: BOOK_MEMBERS_MAX + FORMER_MEMBERS_MAX }, (_, at) => `id ${at}`);
  const book = {
    addresses: full,
    briefMs: new Map(ids.map((id) => [id.padEnd(ID_LENGTH, "x"), 3_000_000])),
  };
  await store.save(book);
  expect(await store.load()).toEqual(book);
});
