/** Public face of the LevelDB store. */
export { plannedOps } from "./migrate.ts";
export { createLevelStore, type LevelStoreOptions } from "./level-store.ts";
