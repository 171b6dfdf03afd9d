/** Public face of the test kit: contract suites per port, simulated implementations, generators. */
export * from "./attacked-document.ts";
export * from "./compare-utf8.ts";
export * from "./core-rig.ts";
export * from "./documents-contract.ts";
export * from "./forged-update.ts";
export * from "./fuzz.ts";
export * from "./memory-documents.ts";
export * from "./recording-transport.ts";
export * from "./simulated-disk.ts";
export * from "./simulated-store.ts";
export * from "./store-contract.ts";
export * from "./transport-contract.ts";
export * from "./seeded-random.ts";
export * from "./test-ports.ts";
export * from "./virtual-clock.ts";
export * from "./member-address.ts";
