import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BOOK_MEMBERS_MAX, MEMBER_ADDRESSES_MAX } from "./address-book.ts";
import { FORMER_MEMBERS_MAX } from "./former-members.ts";
import { ADDRESS_LENGTH_MAX } from "./multiaddr-text.ts";
import { ADDRESS_FILE_BYTES_MAX, fileAddressStore } from "./address-store.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pulsemesh-addresses-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("CH6 fileAddressStore gives back what it saved, and leaves no draft behind", async () => {
  const store = fileAddressStore(join(folder, "addresses.json"));
  await store.save(["/a"]);
  await store.save(["/b", "/c"]);
  expect(await store.load()).toEqual(["/b", "/c"]);
  expect(await readdir(folder)).toEqual(["addresses.json"]);
});

test("CH6 fileAddressStore reads a missing, torn or foreign file as empty", async () => {
  const path = join(folder, "addresses.json");
  const store = fileAddressStore(path);
  expect(await store.load()).toEqual([]);
  for (const text of [
    "",
    '{"addresses":["/a"',
    "[]",
    "null",
    '{"addresses":5}',
    '{"addresses":[1,null]}',
  ]) {
    await writeFile(path, text);
    expect(await store.load()).toEqual([]);
  }
});

test("CH6 fileAddressStore keeps the old file when it cannot write the new one", async () => {
  const store = fileAddressStore(join(folder, "missing", "addresses.json"));
  await expect(store.save(["/a"])).rejects.toThrow("ENOENT");
  expect(await readdir(folder)).toEqual([]);
});

test("P6 fileAddressStore ignores a file above ADDRESS_FILE_BYTES_MAX", async () => {
  const path = join(folder, "addresses.json");
  const store = fileAddressStore(path);
  await store.save(["/a"]);
  const text = await readFile(path, "utf8");
  await writeFile(path, text.padEnd(ADDRESS_FILE_BYTES_MAX));
  expect(await store.load()).toEqual(["/a"]);
  await writeFile(path, text.padEnd(ADDRESS_FILE_BYTES_MAX + 1));
  expect(await store.load()).toEqual([]);
});

test("CH6 P6 a full book of addresses of ADDRESS_LENGTH_MAX is below ADDRESS_FILE_BYTES_MAX, so what was saved is read", async () => {
  const store = fileAddressStore(join(folder, "addresses.json"));
  const count = (BOOK_MEMBERS_MAX + FORMER_MEMBERS_MAX) * MEMBER_ADDRESSES_MAX;
  const full = Array.from({ length: count }, (_, at) => `/${at}`.padEnd(ADDRESS_LENGTH_MAX, "x"));
  await store.save(full);
  expect(await store.load()).toEqual(full);
});
