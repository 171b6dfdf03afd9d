import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { notingTerminal } from "../command-line.test-support.ts";
import { runCommandLine } from "../command-line.ts";
import { configJsonSchema } from "../config/json-schema.ts";
import { configTemplate } from "../config/template.ts";

let dir: string;
let out: string[];
let err: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-config-"));
  [out, err] = [[], []];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function cli(args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const terminal = notingTerminal({ out, err }, { HOME: "/home/me", ...env });
  const lines = (text: string): void => void out.push(...text.split("\n"));
  return await runCommandLine(["config", ...args], { ...terminal, out: lines });
}

function file(text: string): string {
  const path = join(dir, "c.yaml");
  writeFileSync(path, text);
  return path;
}

test("CFG7 config init prints a file that is good as it is, and keeps one that exists", async () => {
  const path = join(dir, "new.yaml");
  expect(await cli(["init", "--out", path])).toBe(0);
  expect(readFileSync(path, "utf8")).toMatch(
    /^# yaml-language-server: \$schema=file:\/\/\/.*schema\.json\n/,
  );
  expect(await cli(["check", path])).toBe(0);
  expect(out).toEqual([`${path}: good`]);
  expect(await cli(["init", "--out", path])).toBe(2);
  expect(err.join("\n")).toContain("which is kept");
  expect(await cli(["init"])).toBe(0);
});

test("CFG7 every setting of the template is good when it is switched on", async () => {
  const text = configTemplate("x").replaceAll(/^(\s*)#(?=[^ !])/gm, "$1");
  expect(await cli(["check", file(text)])).toBe(0);
  expect(Object.keys(parse(text) as object)).toEqual(
    Object.keys(configJsonSchema()["properties"] as object),
  );
  expect((parse(text) as { robots: object[] }).robots).toHaveLength(2);
});

test("CFG7 the schema knows each setting with its words, numbers and lists, and nothing else", () => {
  const { properties: all } = configJsonSchema() as unknown as {
    properties: Record<
      string,
      { additionalProperties: boolean; properties: Record<string, object> }
    >;
  };
  expect(all["node"]).toMatchObject({ additionalProperties: false, type: ["object", "null"] });
  expect(all["log"]?.properties["level"]).toMatchObject({
    anyOf: [{ enum: ["debug", "info", "warn", "error"] }, { type: "string" }],
    default: "info",
  });
  expect(all["mesh"]?.properties["listen"]).toMatchObject({ items: { type: "string" } });
  expect(all["defaults"]?.properties["missed"]).toMatchObject({ anyOf: [{ type: "integer" }, {}] });
  expect(all["robots"]).toMatchObject({ maxItems: 10_000, items: { required: ["id"] } });
});

test("CFG2 config check says all faults of all files, and exits 2; --json has them as data", async () => {
  const bad = file("nod: 1\nlog: {level: loud}\n");
  expect(await cli(["check", bad, join(dir, "none.yaml")])).toBe(2);
  expect(out).toEqual([
    expect.stringContaining(`${bad}:1:1: There is no setting 'nod'. Did you mean node?`),
    expect.stringContaining(`${bad}:2:14: `),
    expect.stringContaining("none.yaml: There is no such file."),
  ]);
  out = [];
  expect(await cli(["check", "--json", bad])).toBe(2);
  expect(JSON.parse(out[0] ?? "")).toMatchObject({
    ok: false,
    files: [
      {
        file: bad,
        findings: [
          { line: 1, column: 1 },
          { line: 2, column: 14 },
        ],
      },
    ],
  });
});

test("CFG1 config show names for each setting who said it: flag, environment, file with its line, or default", async () => {
  const path = file("node:\n  name: filed\n  region: filed\n  profile: wan\nlog: {level: warn}\n");
  const env = { PULSEMESH_REGION: "env", PULSEMESH_NAME: "env", PULSEMESH_CONFIG: path };
  expect(await cli(["show", "--json", "--name", "flag"], env)).toBe(0);
  const { settings } = JSON.parse(out[0] ?? "") as { settings: { key: string }[] };
  const row = (key: string): object | undefined => settings.find((each) => each.key === key);
  expect(row("node.name")).toMatchObject({ value: "flag", source: "flag", place: "--name" });
  expect(row("node.region")).toMatchObject({
    value: "env",
    source: "environment",
    place: "PULSEMESH_REGION",
  });
  expect(row("node.profile")).toMatchObject({ value: "wan", source: "file", place: `${path}:4` });
  expect(row("http.listen")).toMatchObject({
    value: "127.0.0.1:7420",
    source: "default",
    place: null,
  });
  expect(row("node.data")).toMatchObject({
    value: "/home/me/.local/state/pulsemesh",
    source: "default",
  });
});

test("CFG6 config show masks what came from a variable with a secret's name", async () => {
  const path = file("node:\n  name: ${API_KEY}\n  region: ${PLAIN}\n");
  expect(await cli(["show", "--config", path], { API_KEY: "s3cr3t", PLAIN: "eu" })).toBe(0);
  expect(out.join("\n")).toMatch(/node\.name +\*\*\* +file/);
  expect(out.join("\n")).toMatch(/node\.region +eu +file/);
  expect(out.join("\n")).not.toContain("s3cr3t");
});

test("CFG6 config show masks invites, whoever names them", async () => {
  const address = "/ip4/192.0.2.7/tcp/7421/p2p/12D3KooWExample";
  const path = file(`mesh:\n  join: ["pulsemesh:s3cr3t", "${address}"]\n`);
  for (const [args, env] of [
    [["--config", path], {}],
    [["--join", "pulsemesh:s3cr3t", "--join", address], {}],
    [[], { PULSEMESH_JOIN: `pulsemesh:s3cr3t ${address}` }],
  ] as const) {
    out.length = 0;
    expect(await cli(["show", "--json", ...args], env)).toBe(0);
    const text = out.join("\n");
    expect(text).not.toContain("s3cr3t");
    expect(text).toContain("pulsemesh:***");
    expect(text).toContain(address);
  }
});

test("CFG6 config show masks labels and schedules from such variables too", async () => {
  const path = file(
    [
      "defaults: {every: '${A_KEY}', labels: {all: '${A_TOKEN}', open: '${A_TOKEN}'}}",
      "robots:",
      "  - {id: a, labels: {own: '${A_SECRET}', open: yes it is}}",
      "  - {id: b, cron: '${A_CREDENTIAL}'}",
      "",
    ].join("\n"),
  );
  const env = { A_KEY: "77s", A_TOKEN: "s3cr3t", A_SECRET: "t0ps3cr3t", A_CREDENTIAL: "1 2 3 4 *" };
  expect(await cli(["show", "--config", path], env)).toBe(0);
  const text = out.join("\n");
  expect(text).toMatch(/defaults\.every +\*\*\* /);
  expect(text).toMatch(/robot a +every \*\*\*, .+ labels all=\*\*\* open=yes it is own=\*\*\* /);
  expect(text).toMatch(/robot b +cron \*\*\* /);
  for (const secret of Object.values(env)) expect(text).not.toContain(secret);
});

test("CFG5 config show has the words for all robots, and each robot with its schedule and place", async () => {
  const path = file(
    "defaults: {every: 30s}\nrobots:\n  - id: a\n  - {id: b, cron: '0 3 * * *', labels: {k: v}}\n",
  );
  await cli(["show", "--config", path, "--robot", "b", "--grace", "5m"], {
    PULSEMESH_STARTUP: "2m",
  });
  const text = out.map((line) => line.replaceAll(/ {2,}/g, " | "));
  expect(text).toContain(`defaults.every | 30s | file ${path}:1`);
  expect(text).toContain("defaults.startup | 2m | environment PULSEMESH_STARTUP");
  expect(text).toContain(`robot a | every 30s, grace 0ms, missed 3, startup 2m | file ${path}:3`);
  expect(text).toContain(
    `robot b | cron 0 3 * * * (UTC), grace 5m, startup 2m, labels k=v | flag ${path}:4 and --robot`,
  );
});
