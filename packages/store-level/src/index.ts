/** Public face of the LevelDB store. */
export { createLevelStore, type LevelStoreOptions } from "./level-store.ts";
