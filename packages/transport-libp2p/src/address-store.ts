/**
 * Where addresses survive a restart (rule CH6): two callbacks, or a JSON file that is replaced atomically. It is a cache of
 * hints: a file that is missing or unreadable costs a slower start, never a failure.
 */
import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { BOOK_MEMBERS_MAX, MEMBER_ADDRESSES_MAX } from "./address-book.ts";
import { FORMER_MEMBERS_MAX } from "./former-members.ts";

/** Largest address file that is read, in bytes: more than a full book of the longest addresses, so that what was saved is read. */
export const ADDRESS_FILE_BYTES_MAX: number = 8 * 1024 * 1024;

export interface AddressStore {
  /** Multiaddrs ending in `/p2p/<id>`; invalid ones are skipped by the caller. */
  load(): Promise<readonly string[]>;
  save(addresses: readonly string[]): Promise<void>;
}

/** Keeps addresses in the JSON file at `path`: `{"version":1,"addresses":["/ip4/…/p2p/…"]}`. */
export function fileAddressStore(path: string): AddressStore {
  return {
    async load() {
      try {
        const bytes = await readFile(path);
        return bytes.length > ADDRESS_FILE_BYTES_MAX
          ? []
          : readAddresses(JSON.parse(bytes.toString("utf8")));
      } catch {
        // Missing, torn or foreign: the joins and the peers' hellos fill it again.
        return [];
      }
    },
    async save(addresses) {
      const draft = `${path}.${randomBytes(6).toString("hex")}`;
      try {
        await writeFile(draft, `${JSON.stringify({ version: 1, addresses }, undefined, 2)}\n`, {
          mode: 0o600,
        });
        await rename(draft, path);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
    },
  };
}

function readAddresses(json: unknown): readonly string[] {
  if (
    typeof json !== "object" ||
    json === null ||
    !("addresses" in json) ||
    !Array.isArray(json.addresses)
  )
    return [];
  const nodesMax = BOOK_MEMBERS_MAX + FORMER_MEMBERS_MAX;
  const texts: unknown[] = json.addresses.slice(0, nodesMax * MEMBER_ADDRESSES_MAX);
  return texts.filter((text) => typeof text === "string");
}
