/**
 * Where addresses survive a restart (rule CH6): two callbacks, or a JSON file that is replaced atomically. It is a cache of
 * hints: a file that is missing or unreadable costs a slower start, never a failure.
 */
import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import type { NodeId } from "@pulsemesh/core";
import { BOOK_MEMBERS_MAX } from "./address-book.ts";
import { MEMBER_ADDRESSES_MAX, type SavedAddresses } from "./address-entry.ts";
import { BRIEF_MEMBERSHIP_MS, FORMER_MEMBERS_MAX } from "./former-members.ts";

/** Largest address file that is read, in bytes: more than a full book of the longest addresses, so that what was saved is read. */
export const ADDRESS_FILE_BYTES_MAX: number = 8 * 1024 * 1024;

export interface AddressStore {
  load(): Promise<SavedAddresses>;
  save(saved: SavedAddresses): Promise<void>;
}

const NOTHING: SavedAddresses = { addresses: [], briefMs: new Map() };

/**
 * Keeps addresses in the JSON file at `path`: `{"version":1,"addresses":["/ip4/…/p2p/…"],"brief_ms":{"<id>":600000}}`. Earlier releases read the addresses
 * alone, and write no `brief_ms`.
 */
export function fileAddressStore(path: string): AddressStore {
  return {
    async load() {
      try {
        const bytes = await readFile(path);
        return bytes.length > ADDRESS_FILE_BYTES_MAX
          ? NOTHING
          : readSaved(JSON.parse(bytes.toString("utf8")));
      } catch {
        // Missing, torn or foreign: the joins and the peers' hellos fill it again.
        return NOTHING;
      }
    },
    async save({ addresses, briefMs }) {
      const draft = `${path}.${randomBytes(6).toString("hex")}`;
      try {
        const json = { version: 1, addresses, brief_ms: Object.fromEntries(briefMs) };
        await writeFile(draft, `${JSON.stringify(json, undefined, 2)}\n`, { mode: 0o600 });
        await rename(draft, path);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
    },
  };
}

const NODES_SAVED = BOOK_MEMBERS_MAX + FORMER_MEMBERS_MAX;

function readSaved(json: unknown): SavedAddresses {
  if (typeof json !== "object" || json === null) return NOTHING;
  const addresses: unknown = Reflect.get(json, "addresses");
  const brief: unknown = Reflect.get(json, "brief_ms");
  if (!Array.isArray(addresses)) return NOTHING;
  const texts: unknown[] = addresses.slice(0, NODES_SAVED * MEMBER_ADDRESSES_MAX);
  return {
    addresses: texts.filter((text) => typeof text === "string"),
    briefMs: readBrief(brief),
  };
}

/** Whoever stands there counts as brief, whatever is said of him. */
function readBrief(json: unknown): ReadonlyMap<NodeId, number> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return new Map();
  const entries: [string, unknown][] = Object.entries(json).slice(0, NODES_SAVED);
  return new Map(entries.map(([node, ms]) => [node, isBriefMs(ms) ? ms : 0]));
}

function isBriefMs(ms: unknown): ms is number {
  return typeof ms === "number" && ms >= 0 && ms < BRIEF_MEMBERSHIP_MS;
}
