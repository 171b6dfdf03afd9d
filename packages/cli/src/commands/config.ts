/** `pulsemesh config init|check|show`: write a config file, look what is wrong with one, and see what holds and why. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { findingLines } from "../config/config-finding.ts";
import { effectiveSettings } from "../config/effective.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { printable, printableJson } from "../printable.ts";
import { tableLines } from "../table.ts";
import { type RunFlags, runFlags } from "./run-options.ts";
import { type RobotFlagList, robotFlags, robotsFromEnvironment } from "./run-robots.ts";
import { textSettings } from "../config/text-settings.ts";
import { writeNewFile } from "../config/new-file.ts";

/** Adds `config` to the program. */
export function addConfigCommand(program: Command, cli: Cli): void {
  const config = program
    .command("config")
    .description("the config file of run: write, check and show it");
  addInit(config, cli);
  addCheck(config, cli);
  addShow(config, cli);
}

function addInit(parent: Command, cli: Cli): void {
  const command = parent
    .command("init")
    .description("a commented config file with every setting, for --out or stdout");
  addFlags(command, [
    { flags: "--out <file>", text: "write it there; a file that exists is kept" },
  ]);
  setAction<{ readonly out?: string }>(cli, command, async ({ out }) => {
    const { configTemplate } = await import("../config/template.ts");
    const text = configTemplate(schemaUrl());
    if (out === undefined) {
      cli.terminal.out(text.trimEnd());
      return EXIT.ok;
    }
    writeNewFile(resolve(out), text);
    cli.terminal.say(`${resolve(out)} written. Next: pulsemesh config check ${out}`);
    return EXIT.ok;
  });
}

/** Where the schema lies, seen from the sources and from a bundle; undefined where it was not installed. */
function schemaUrl(): string | undefined {
  const places = ["../../schema/", "../schema/"].map((each) => `${each}config.schema.json`);
  return places.map((each) => new URL(each, import.meta.url)).find((url) => existsSync(url))?.href;
}

function addCheck(parent: Command, cli: Cli): void {
  const command = parent
    .command("check")
    .description("say everything that is wrong with config files; exit 0 if nothing is, else 2")
    .argument("<files...>", "the files");
  addFlags(command, [{ flags: "--json", text: "as JSON" }]);
  setAction<{ readonly json?: boolean }>(cli, command, async ({ json }, files) => {
    const { loadConfig } = await import("../config/load-config.ts");
    const { env } = cli.terminal;
    const results = [];
    for (const file of files) {
      const loaded = await loadConfig(file, { settings: runFlags, env });
      results.push({ file, findings: loaded.ok ? [] : loaded.findings });
    }
    const isGood = results.every(({ findings }) => findings.length === 0);
    if (json === true) {
      cli.terminal.out(printableJson({ ok: isGood, files: results.map(findingsJson) }));
    } else {
      for (const { file, findings } of results) {
        if (findings.length === 0) cli.terminal.out(`${printable(file)}: good`);
        for (const line of findingLines(file, findings)) cli.terminal.out(line);
      }
    }
    return isGood ? EXIT.ok : EXIT.usage;
  });
}

type CheckResult = Parameters<typeof findingLines>[1];

function findingsJson({
  file,
  findings,
}: {
  readonly file: string;
  readonly findings: CheckResult;
}): object {
  const places = findings.map(({ at, what, next }) => ({
    line: at?.line ?? null,
    column: at?.column ?? null,
    what,
    next,
  }));
  return { file, ok: findings.length === 0, findings: places };
}

function addShow(parent: Command, cli: Cli): void {
  const robots: RobotFlagList = [{ robot: undefined, labels: {} }];
  const command = parent
    .command("show")
    .description("what holds with these flags, variables and file, and where each comes from");
  addFlags(command, [...textSettings(runFlags), ...robotFlags(robots)]);
  setAction<RunFlags>(cli, command, async (flags) => {
    const sourceOf = (attribute: string): "cli" | "env" | undefined => {
      const source = command.getOptionValueSource(attribute);
      if (source === "cli") return "cli";
      return source === "env" ? "env" : undefined;
    };
    const given = new Set(Object.keys(robots[0]));
    robotsFromEnvironment(robots, cli.terminal.env);
    const { env } = cli.terminal;
    const rows = await effectiveSettings({ flags, robots, env }, sourceOf, given);
    if (flags.json === true) {
      cli.terminal.out(printableJson({ settings: rows }));
      return EXIT.ok;
    }
    const lines = tableLines(rows, [
      { title: "SETTING", text: ({ key }) => key },
      { title: "VALUE", text: ({ value }) => value },
      {
        title: "FROM",
        text: ({ source, place }) => `${source}${place === null ? "" : ` ${place}`}`,
      },
    ]);
    for (const line of lines) cli.terminal.out(line);
    return EXIT.ok;
  });
}
