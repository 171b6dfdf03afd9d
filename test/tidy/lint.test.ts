/** Runs oxlint with the repository's own configuration on bad samples: a ban that stopped working would go unnoticed. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, runScript, toolPath } from "../tool.ts";

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

const head = 'import { expect, test } from "vitest";\n';

/** Each sample alone in a file: [path, source, rule that must fire; undefined when none may]. */
const samples: readonly (readonly [string, string, string | undefined])[] = [
  [
    "packages/core/src/clock.ts",
    "export const now = (): number => Date.now();",
    "no-restricted-globals",
  ],
  [
    "packages/core/src/new-date.ts",
    "export const now: object = new Date();",
    "no-restricted-globals",
  ],
  [
    "packages/core/src/global-date.ts",
    "export const now: object = new globalThis.Date();",
    "no-restricted-globals",
  ],
  [
    "packages/core/src/dice.ts",
    "export const dice = (): number => Math.random();",
    "no-restricted-properties",
  ],
  [
    "packages/core/src/timer.ts",
    "export const later = (f: () => void): unknown => setTimeout(f, 1);",
    "no-restricted-globals",
  ],
  [
    "packages/core/src/perf.ts",
    "export const now = (): number => performance.now();",
    "no-restricted-globals",
  ],
  [
    "packages/core/src/node.ts",
    'export { readFile } from "node:fs/promises";',
    "no-restricted-imports",
  ],
  [
    "packages/core/src/node-type.ts",
    'import type { Stats } from "node:fs";\nexport type S = Stats;',
    "no-restricted-imports",
  ],
  ["packages/core/src/yjs.ts", 'export * from "yjs";', "no-restricted-imports"],
  ["packages/core/src/up.ts", 'export * from "@pulsemesh/node";', "no-restricted-imports"],
  ["packages/core/src/wait.ts", "export async function wait(): Promise<void> {}", "no-async-await"],
  ["packages/core/src/promised.ts", "export type P = Promise<void>;", "no-restricted-types"],
  [
    "packages/core/src/resolve.ts",
    "export const p: unknown = Promise.resolve();",
    "no-restricted-globals",
  ],
  [
    "packages/core/src/fine.ts",
    'import { encode } from "@ipld/dag-cbor";\nimport type { S } from "./node-type.ts";\nexport const f = (s: S): Uint8Array => encode(s);',
    undefined,
  ],
  [
    "packages/core/src/driver/port.ts",
    "export interface Port {\n  stop(): Promise<void>;\n}",
    undefined,
  ],
  [
    "packages/core/src/fine.test.ts",
    `${head}test("a", async () => {\n  expect(await Promise.resolve(1)).toBe(1);\n});`,
    undefined,
  ],
  ["packages/doc-yjs/src/level.ts", 'export * from "level";', "no-restricted-imports"],
  ["packages/doc-yjs/src/fine.ts", 'export * from "yjs";', undefined],
  [
    "packages/doc-yjs/src/protocols.ts",
    'export * from "y-protocols/sync";',
    "no-restricted-imports",
  ],
  ["packages/node/src/pino.ts", 'export * from "pino";', "no-restricted-imports"],
  ["packages/store-level/src/libp2p.ts", 'export * from "@libp2p/tcp";', "no-restricted-imports"],
  [
    "packages/transport-libp2p/src/fine.ts",
    'export * from "@libp2p/tcp";\nexport * from "@multiformats/multiaddr";',
    undefined,
  ],
  [
    "packages/transport-libp2p/src/store.ts",
    'export * from "@pulsemesh/store-level";',
    "no-restricted-imports",
  ],
  ["packages/node/src/gateway.ts", 'export * from "@pulsemesh/gateway";', "no-restricted-imports"],
  ["packages/node/src/yjs.ts", 'export * from "yjs";', "no-restricted-imports"],
  ["packages/gateway/src/libp2p.ts", 'export * from "libp2p";', "no-restricted-imports"],
  ["packages/client/src/node.ts", 'export * from "node:http";', "no-restricted-imports"],
  ["packages/cli/src/fastify.ts", 'export * from "fastify";', "no-restricted-imports"],
  ["packages/sim/src/node.ts", 'export * from "@pulsemesh/node";', "no-restricted-imports"],
  [
    "packages/sim/src/dice.ts",
    "export const dice = (): number => Math.random();",
    "no-restricted-properties",
  ],
  [
    "packages/node/src/deep.ts",
    'export * from "../../core/src/index.ts";',
    "no-restricted-imports",
  ],
  ["packages/node/src/any.ts", "export const a: any = 1;", "no-explicit-any"],
  ["packages/node/src/default.ts", "const a = 1;\nexport default a;", "no-default-export"],
  [
    "packages/node/src/long.ts",
    Array.from({ length: 401 }, (_, i) => `export const a${i} = 1;`).join("\n"),
    "max-lines",
  ],
  ["packages/node/src/commented.ts", `${"// why\n\n".repeat(300)}export const a = 1;`, undefined],
  [
    "packages/node/src/tall.ts",
    `export function f(): void {\n${'  console.log("x");\n'.repeat(60)}}`,
    "max-lines-per-function",
  ],
  [
    "packages/node/src/tall.test.ts",
    `${head}test("a", () => {\n${"  expect(1).toBe(1);\n".repeat(80)}});`,
    undefined,
  ],
  [
    "packages/node/src/mock.test.ts",
    'import { vi } from "vitest";\nvi.mock("./a.ts");',
    "no-restricted-vi-methods",
  ],
  [
    "packages/node/src/floating.ts",
    'import { readFile } from "node:fs/promises";\nexport function f(): void {\n  readFile("x");\n}',
    "no-floating-promises",
  ],
  [
    "packages/node/src/switch.ts",
    'export function f(x: "a" | "b"): number {\n  switch (x) {\n    case "a":\n      return 1;\n  }\n  return 2;\n}',
    "switch-exhaustiveness-check",
  ],
];

let folder = "";
let diagnostics: readonly Diagnostic[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pulsemesh-lint-"));
  cpSync(join(root, ".oxlintrc.json"), join(folder, ".oxlintrc.json"));
  cpSync(join(root, "tsconfig.base.json"), join(folder, "tsconfig.json"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const [path, text] of samples) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${text}\n`);
  }
  const { stdout, stderr } = runScript(
    toolPath("oxlint"),
    ["--type-aware", "-f", "json", "."],
    folder,
  );
  if (!stdout.startsWith("{")) throw new Error(`oxlint printed no report: ${stdout}${stderr}`);
  diagnostics = (JSON.parse(stdout) as { diagnostics: readonly Diagnostic[] }).diagnostics;
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("oxlint", () => {
  for (const [path, , rule] of samples) {
    test(rule === undefined ? `accepts ${path}` : `rejects ${path} by ${rule}`, () => {
      const fired = diagnostics.filter(({ filename }) => filename === path).map(({ code }) => code);
      if (rule === undefined) expect(fired).toEqual([]);
      else expect(fired.join(" ")).toContain(`(${rule})`);
    });
  }
});
