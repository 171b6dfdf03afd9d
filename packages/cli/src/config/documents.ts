/** What is generated from the settings and committed: the JSON Schema of the config file and its reference. */
export { configJsonSchema } from "./json-schema.ts";
export { configReference } from "./reference.ts";
