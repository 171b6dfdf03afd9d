/** What earlier releases left behind (`test/golden`), put back on disk for a node of this release to open (rule UP4). */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../golden/", import.meta.url));

export interface GoldenStore {
  readonly release: string;
  /** Of the store. */
  readonly format: number;
  readonly node: string;
  readonly fleet: string;
  readonly documentHash: string;
  readonly robots: readonly {
    readonly robot: string;
    readonly state: object;
    readonly labels: object;
    readonly health: string;
  }[];
  readonly members: readonly { readonly node: string; readonly name: string }[];
  readonly audit: { readonly size: number; readonly head: string };
  /** Hex of the row. */
  readonly boot: string;
  /** Bytes in base64 by path. */
  readonly files: Readonly<Record<string, string>>;
}

/** The releases that left a store, in the order of their names. */
export function goldenReleases(): readonly string[] {
  return readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

export function goldenStore(release: string): GoldenStore {
  return JSON.parse(readFileSync(join(FOLDER, release, "store.json"), "utf8")) as GoldenStore;
}

/** Writes its files into `dir`, for the owner alone, as the release did. */
export function unpackGoldenStore({ files }: GoldenStore, dir: string): void {
  for (const [path, base64] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(dir, path), Buffer.from(base64, "base64"), { mode: 0o600 });
  }
}
