/**
 * Writes every generated file of the repository; with `--check` it writes nothing and fails when one is stale.
 * A new generated file is one more entry in `generated`.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configJsonSchema, configReference } from "pulsemesh/config";
import { type Manifest, packageGraph } from "./tidy/package-graph.ts";
import { root } from "./tool.ts";

interface Generated {
  readonly path: string;
  readonly content: () => string;
}

const generated: readonly Generated[] = [
  { path: "docs/PACKAGE-GRAPH.md", content: () => packageGraph(readManifests()) },
  { path: "docs/config.md", content: configReference },
  {
    path: "packages/cli/schema/config.schema.json",
    content: () => `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`,
  },
];

const check = process.argv.includes("--check");
for (const { path, content } of generated) {
  const wanted = content();
  if (readOrEmpty(join(root, path)) === wanted) continue;
  if (check) {
    console.error(`${path} is stale: run 'node test/generate.ts' and commit it.`);
    process.exitCode = 1;
  } else {
    writeFileSync(join(root, path), wanted);
    console.error(`${path} written`);
  }
}

function readManifests(): Manifest[] {
  const folder = join(root, "packages");
  return readdirSync(folder).map(
    (name) => JSON.parse(readFileSync(join(folder, name, "package.json"), "utf8")) as Manifest,
  );
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
