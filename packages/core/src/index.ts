/** Public face of core: types of the contract, configuration, and `createCore`. */
export * from "./ids.ts";
export * from "./json.ts";
export * from "./now.ts";
export * from "./ports.ts";
export * from "./input.ts";
export * from "./effect.ts";
export * from "./command.ts";
export * from "./event.ts";
export * from "./config.ts";
export * from "./core-api.ts";
export * from "./driver/store.ts";
export * from "./driver/transport.ts";
export * from "./view/status.ts";
export * from "./view/robot-view.ts";
export * from "./view/node-view.ts";
export * from "./roster/membership.ts";
export * from "./error.ts";
