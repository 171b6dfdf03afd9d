/** Public face of the node: `createNode` starts one, the rest says what it is. */
export * from "./api.ts";
export { createNode } from "./create-node.ts";
