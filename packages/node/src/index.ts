/** Public face of the node: `createNode` starts one, the rest says what it is. */
export * from "./api.ts";
export type { NodeDiagnosis, NodeSettings } from "./diagnosis.ts";
export { createNode } from "./create-node.ts";
export { createCron } from "./ports/cron.ts";
