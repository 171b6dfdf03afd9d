/** Public face of the LevelDB store. */
export { makeMissing } from "./data-directory.ts";
export { readFormatNote } from "./format-file.ts";
export { plannedOps } from "./migrate.ts";
export { createLevelStore, type LevelStoreOptions } from "./level-store.ts";
export { syncAround } from "./sync-directory.ts";
