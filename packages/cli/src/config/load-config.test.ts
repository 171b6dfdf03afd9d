import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runFlags } from "../commands/run-options.ts";
import { CONFIG_FINDINGS_MAX, findingLines } from "./config-finding.ts";
import { loadConfig } from "./load-config.ts";
import { CONFIG_BYTES_MAX } from "./read-config-file.ts";
import { CONFIG_ALIASES_MAX } from "./walk-config.ts";

const corpus = fileURLToPath(new URL("../../../../test/support/bad-configs/", import.meta.url));
const expected = JSON.parse(readFileSync(`${corpus}expected.json`, "utf8")) as Readonly<
  Record<string, readonly { readonly at: string; readonly says: readonly string[] }[]>
>;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-config-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

type Env = Readonly<Record<string, string>>;

async function linesOf(path: string, env: Env = {}): Promise<string[]> {
  const loaded = await loadConfig(path, { settings: runFlags, env });
  return loaded.ok ? [] : findingLines("f", loaded.findings);
}

async function faultsIn(text: string | Uint8Array, env: Env = {}): Promise<string[]> {
  const path = join(dir, "config.yaml");
  writeFileSync(path, text);
  return await linesOf(path, env);
}

async function valuesIn(text: string, env: Env = {}): Promise<Record<string, unknown>> {
  const path = join(dir, "config.yaml");
  writeFileSync(path, text);
  const loaded = await loadConfig(path, { settings: runFlags, env });
  if (!loaded.ok) throw new Error(findingLines("f", loaded.findings).join("\n"));
  return Object.fromEntries([...loaded.config.values].map(([key, { value }]) => [key, value]));
}

describe("CFG2 a bad file is refused with line, column, what is wrong and what to do", () => {
  test.each(Object.entries(expected))("CFG2 %s", async (name, faults) => {
    const lines = await linesOf(corpus + name);
    for (const { at, says } of faults) {
      const line = lines.find((each) => each.startsWith(`f:${at}: `)) ?? lines.join("\n");
      for (const words of [`f:${at}: `, ...says]) expect(line).toContain(words);
      expect(line).toMatch(/[.?] Next: .+\.$/);
    }
  });
});

test("CFG2 a missing file, a folder and a file that may not be read are said as such", async () => {
  expect(await linesOf(join(dir, "none.yaml"))).toEqual([
    "f: There is no such file. Next: pulsemesh config init --out FILE   writes one.",
  ]);
  expect(await linesOf(dir)).toEqual([expect.stringContaining("f: It is a folder.")]);
  expect(await linesOf("/dev/zero")).toEqual([expect.stringContaining("no regular file")]);
});

test("CFG6 a file that every user of the machine may change is refused", async () => {
  const path = join(dir, "open.yaml");
  writeFileSync(path, "node:\n");
  chmodSync(path, 0o664);
  expect(await linesOf(path)).toEqual([]);
  chmodSync(path, 0o646);
  expect(await linesOf(path)).toEqual([expect.stringContaining("Next: close it with: chmod o-w")]);
});

test.each([
  ["empty", ""],
  ["of comments only", "# nothing yet\n"],
  ["with a byte order mark", "\uFEFFnode:\n"],
  ["with line feeds of Windows", "node:\r\n  name: alpha\r\n"],
  ["whose sections are empty", "node:\nhttp: {}\nrobots: []\ndefaults:\n"],
  ["that ends its document", "node:\n  name: alpha\n...\n"],
])("CFG3 a file %s is good", async (_what, text) => {
  expect(await faultsIn(text)).toEqual([]);
});

test("CFG3 a file of more than CONFIG_BYTES_MAX bytes is refused, one of as many is read", async () => {
  expect(await faultsIn("#".repeat(CONFIG_BYTES_MAX))).toEqual([]);
  expect(await faultsIn("#".repeat(CONFIG_BYTES_MAX + 1))).toEqual([
    expect.stringContaining(`${CONFIG_BYTES_MAX} are the most`),
  ]);
});

test("CFG3 more than CONFIG_ALIASES_MAX aliases are refused, as many are followed", async () => {
  const text = (count: number): string =>
    `defaults:\n  every: &e 30s\nmesh:\n  listen:\n    - &a /ip4/127.0.0.1/tcp/7421\n${"    - *a\n".repeat(count)}`;
  expect(await faultsIn(text(CONFIG_ALIASES_MAX))).toEqual([]);
  expect(await faultsIn(text(CONFIG_ALIASES_MAX + 5))).toEqual([
    expect.stringContaining(`more than ${CONFIG_ALIASES_MAX} aliases`),
  ]);
});

test("CFG2 what is said of a value is short, however long it is", async () => {
  const [line, ...more] = await faultsIn(`node: {name: ${"a ".repeat(100_000)}z}`);
  expect(line).toMatch(
    /^f:1:14: Cannot use node\.name 'a a .+….+ starting with a letter or digit\. Next: /,
  );
  expect([line?.length ?? 0, more]).toEqual([expect.toSatisfy((n: number) => n < 1_000), []]);
});

test("CFG6 a path with a line feed or a zero byte is none", async () => {
  for (const path of ["a\\nb", "a\\0b"]) {
    const lines = await faultsIn(`node: {data: "${path}"}`);
    expect(lines).toEqual([expect.stringContaining("node.data must be a path on one line.")]);
  }
});

test("CFG3 ten times the settings take not a hundred times as long to be held against each other", async () => {
  const msOf = async (count: number): Promise<number> => {
    const keys = Array.from({ length: count }, (_, i) => `k${i}: "1"`).join(", ");
    const before = process.cpuUsage();
    const lines = await faultsIn(`robots: [{id: a, labels: {${keys}, k7: "2"}}]`);
    expect(lines).toContainEqual(expect.stringContaining("This setting was given before."));
    return process.cpuUsage(before).user / 1_000;
  };
  await msOf(1_000);
  const few = await msOf(3_000);
  expect(await msOf(30_000)).toBeLessThan(few * 40);
});

test("CFG3 of more than CONFIG_FINDINGS_MAX faults the others are counted", async () => {
  const faults = Array.from({ length: CONFIG_FINDINGS_MAX + 7 }, (_, i) => `k${i}x: 1`).join("\n");
  const lines = await faultsIn(faults);
  expect(lines).toHaveLength(CONFIG_FINDINGS_MAX + 1);
  expect(lines.at(-1)).toBe("f: and 7 more.");
});

test("CFG3 deep nesting, merge keys, foreign tags and keys that are no text are faults, not failures", async () => {
  const deep = await faultsIn("[".repeat(200_000));
  expect([deep.length > 0, deep.filter((line) => !line.startsWith("f:1:"))]).toEqual([true, []]);
  const flat = await faultsIn(`node: ${"{a: ".repeat(5_000)}${"}".repeat(5_000)}`);
  expect(flat[0]).toContain("f:1:");
  expect((await faultsIn("node: &n\n  name: a\nhttp:\n  <<: *n\n"))[0]).toContain("not merged");
  expect((await faultsIn("node:\n  name: !secret x\n"))[0]).toContain("f:2:9: This tag (!)");
  expect((await faultsIn("? [a]\n: b\n"))[0]).toMatch(/^f:1:3: The name of a setting must be text/);
  expect((await faultsIn("__proto__: {a: b}\nconstructor: 1\n")).join()).toMatch(
    /__proto__.*constructor/,
  );
});

test("CFG3 what a file says cannot paint the terminal or forge a line", async () => {
  const [line] = await faultsIn('"evil\\e[2J\\nok": 1\n');
  expect(line).not.toMatch(/\p{Cc}/u);
});

test("CFG4 variables stand in values, with defaults, and $$ is a dollar", async () => {
  const env = { NAME: "alpha", EMPTY: "" };
  const text = `
node:
  name: \${NAME}-1
  region: \${NOPE:-eu}
mesh:
  mdns: \${MDNS:-yes}
robots:
  - id: r-\${EMPTY:-x}
    missed: \${MISSED:-4}
    labels: {price: "5$$", brace: "$\${NAME}"}
`;
  expect(await valuesIn(text, env)).toEqual({
    "node.name": "alpha-1",
    "node.region": "eu",
    "mesh.mdns": true,
    "robots.0.id": "r-x",
    "robots.0.missed": 4,
    "robots.0.labels.price": "5$",
    "robots.0.labels.brace": "${NAME}",
  });
});

test("CFG4 what a variable holds is one value: it brings no keys, lists or further variables", async () => {
  const env = { NAME: "a\n  region: evil", TAG: "[x, y]", LOOP: "${NAME}" };
  expect((await faultsIn("node:\n  name: ${NAME}\n", env))[0]).toContain(
    "f:2:9: Cannot use node.name",
  );
  const labels = await valuesIn("defaults:\n  labels: {a: '${TAG}', b: '${LOOP}'}\n", env);
  expect(labels).toEqual({ "defaults.labels.a": "[x, y]", "defaults.labels.b": "${NAME}" });
});

test("CFG4 an unset, an empty and a misspelt variable are faults at their place", async () => {
  const lines = await faultsIn("node:\n  name: ${A}\n  region: ${B C}\n  data: ${D\n", { A: "" });
  expect(lines).toEqual([
    expect.stringContaining("f:2:9: The environment variable A is not set, or empty."),
    expect.stringContaining("f:3:11: 'B C' is no name of a variable."),
    expect.stringContaining("f:4:9: This ${ has no closing brace"),
  ]);
});

test("CFG6 a bad value that came from a variable with a secret's name is not printed", async () => {
  const [line] = await faultsIn("node:\n  name: ${MY_TOKEN}\n", { MY_TOKEN: "s3cr3t!" });
  expect(line).toContain("'***'");
  expect(line).not.toContain("s3cr3t");
});

test("CFG6 paths are relative to the file, wherever pulsemesh is started", async () => {
  expect(await valuesIn("node:\n  data: ./data\nhttp:\n  token_file: /abs/token\n")).toEqual({
    "node.data": join(dir, "data"),
    "http.token_file": "/abs/token",
  });
});

test("CFG2 a file that its user may not read is said as such", async () => {
  const path = join(dir, "closed.yaml");
  writeFileSync(path, "node:\n");
  chmodSync(path, 0o000);
  const lines = await linesOf(path);
  // Root reads everything.
  if (process.getuid?.() !== 0) expect(lines[0]).toContain("may not read");
  else expect(lines).toEqual([]);
});

const good = `node: {name: alpha, region: eu}
http:
  listen: 127.0.0.1:0
mesh:
  listen: [/ip4/0.0.0.0/tcp/0]
  mdns: \${X:-yes}
defaults: {every: 30s, missed: 3, labels: &l {a: b}}
robots:
  - id: a
    every: 30s
  - {id: b, floating: true, labels: *l}
`;
const pieces =
  `{ } [ ] : - &a *a ! | > # % @ ? , \${ $ ~ .nan 0x1 << __proto__: robots node !!map !!binary`.split(
    " ",
  );

test("CFG3 whatever is typed into a good file, it is good or has faults with their places", async () => {
  expect(await faultsIn(good)).toEqual([]);
  const piece = fc.constantFrom(...pieces, "\n", "\t", "  ", '"', "'", "---\n", "\0", "\uD800");
  const edit = fc.tuple(fc.nat(good.length), piece, fc.nat(6));
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 5 }), async (edits) => {
      let text = good;
      for (const [at, inserted, removed] of edits) {
        text = text.slice(0, at) + inserted + text.slice(at + removed);
      }
      for (const line of await faultsIn(text)) expect(line).toMatch(/^f:\d+:\d+: .+ Next: .+\.$/);
    }),
    { numRuns: 300 },
  );
});
