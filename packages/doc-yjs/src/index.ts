/** Public face of doc-yjs: the documents port on Yjs, and the limits that are part of the wire. */
export * from "./limits.ts";
export { createYjsDocuments } from "./yjs-documents.ts";
export type { Integrate } from "./generation.ts";
