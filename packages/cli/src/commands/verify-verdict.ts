/** `pulsemesh verify-verdict FILE`: whether a bundle proves its verdict, without any node. */
import {
  BUNDLE_LENGTH_MAX,
  isKeyId,
  PulsemeshError,
  type VerdictCheck,
  verifyVerdict,
} from "@pulsemesh/core";
import type { Command } from "commander";
import { closeSync, openSync, readSync } from "node:fs";
import { type Cli, setAction } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { addFlags } from "../flags.ts";
import { printable, printableJson } from "../printable.ts";

interface VerifyFlags {
  readonly fleet?: string | undefined;
  readonly json?: true | undefined;
}

const fromStdin = "-";
/** A file that is longer is no bundle, whatever it holds. */
const bytesMost = BUNDLE_LENGTH_MAX + 1;

/** Adds `verify-verdict` to the program. */
export function addVerifyVerdictCommand(program: Command, cli: Cli): void {
  const command = program
    .command("verify-verdict")
    .description("check a bundle of `explain --bundle`; asks no node")
    .argument("<file>", "the bundle, or - for stdin");
  addFlags(command, [
    {
      flags: "--fleet <id>",
      text: "the fleet that it must be of (default the one that it names)",
      parse: parseFleet,
    },
    { flags: "--json", text: "as JSON" },
  ]);
  command.addHelpText(
    "after",
    `
true (exit 0): members of the fleet signed it, as many as a verdict takes. false (1): something in it does not hold. unknown (3): nothing is wrong
with it, but it says too little. That nobody objected in time is the word of the node that made the bundle; another node can make its own.`,
  );
  setAction<VerifyFlags>(cli, command, async ({ fleet, json }, [file = ""]) => {
    const bytes = file === fromStdin ? await stdinBytes(cli) : fileBytes(file);
    // The command line is loaded without the node, as most commands need none of it.
    const { createVerifierPorts } = await import("@pulsemesh/node");
    const result = verifyVerdict(createVerifierPorts(), textOf(bytes, file), { fleet });
    if (!result.ok)
      throw new PulsemeshError(
        result.code,
        `Cannot read ${named(file)} as a bundle: at ${result.place} ${result.detail}.`,
      );
    const { check } = result;
    if (json === true) cli.terminal.out(printableJson(checkJson(check, fleet !== undefined)));
    else for (const line of checkLines(check)) cli.terminal.out(printable(line));
    if (fleet === undefined)
      cli.terminal.say(
        `The fleet is the one that the bundle names. Next: compare it with yours, or pin it with --fleet.`,
      );
    return { true: EXIT.ok, false: EXIT.no, unknown: EXIT.unknown }[check.result];
  });
}

function parseFleet(text: string, flag: string): string {
  const isId: boolean = isKeyId(text);
  if (isId) return text;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use ${flag} '${text}' as a fleet's id has 52 characters, a to z and 2 to 7: pulsemesh peers prints it.`,
  );
}

function named(file: string): string {
  return file === fromStdin ? "stdin" : file;
}

/** @throws PulsemeshError `bundle-invalid` */
function fileBytes(file: string): Uint8Array {
  try {
    const handle = openSync(file, "r");
    try {
      const bytes = new Uint8Array(bytesMost);
      let length = 0;
      for (;;) {
        const read = readSync(handle, bytes, length, bytesMost - length, null);
        length += read;
        if (read === 0 || length === bytesMost) return bytes.subarray(0, length);
      }
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PulsemeshError("bundle-invalid", `Cannot read ${file}: ${why}.`, { cause });
  }
}

async function stdinBytes({ terminal }: Cli): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of terminal.stdin()) {
    // Whoever writes it is read to the end, and what is too long is said to be.
    if (length < bytesMost) parts.push(part);
    length += part.length;
  }
  return Buffer.concat(parts);
}

function textOf(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new PulsemeshError(
      "bundle-invalid",
      `Cannot read ${named(file)} as a bundle: it is no text in UTF-8.`,
      { cause },
    );
  }
}

function timeText(wallMs: number): string {
  const date = new Date(wallMs);
  return Number.isNaN(date.getTime()) ? String(wallMs) : date.toISOString();
}

/** Lines for people: the answer first, then what it rests on. */
function checkLines(check: VerdictCheck): string[] {
  const { accusers, bundle, findings, needed, result } = check;
  const { subject, pulse, ended } = bundle;
  const answer = {
    true: "held the node for down, as its witnesses signed",
    false: "cannot be shown by this to have held the node for down",
    unknown: "may have held the node for down; this is not enough to tell",
  }[result];
  const who = accusers.map(({ name, node, region, standing }) => {
    const where = region === undefined ? "" : `, ${region}`;
    return `${name === "" ? node : name}${where}${standing === "counts" ? "" : ` (${standing})`}`;
  });
  const counting = accusers.filter(({ standing }) => standing === "counts").length;
  const last = check.lastPulseWallMs;
  const lines: [string, string][] = [
    ["node", `${subject.name}  ${subject.id}`],
    ["fleet", bundle.fleet],
    ["at", `${timeText(bundle.at)}, by the clock of ${bundle.name}`],
    [
      "last pulse",
      last === undefined
        ? "none was ever heard"
        : `${pulse.join("/")}, ${timeText(last)} by its own clock`,
    ],
    [
      "accusers",
      `${counting} count of ${needed} that it takes among ${bundle.members} members: ${who.join("; ")}`,
    ],
    ...(ended === null
      ? []
      : ([["ended", `${timeText(ended.at)}, ${ended.how}`]] as [string, string][])),
    [
      "made by",
      `${bundle.name}  ${bundle.by}  ${timeText(bundle.made)}; that nobody objected in time is its word`,
    ],
    ...findings.map(
      ({ code, place, detail }) => [result, `${code} at ${place}: ${detail}`] as [string, string],
    ),
  ];
  return [
    `${result}: the fleet ${answer}.`,
    ...lines.map(([title, text]) => `  ${title.padEnd(10)} ${text}`),
  ];
}

function checkJson(check: VerdictCheck, isPinned: boolean): unknown {
  const { bundle } = check;
  const { fleet, subject, reason, pulse, at, ended, members, by, name, made } = bundle;
  return {
    result: check.result,
    fleet,
    pinned: isPinned,
    subject,
    reason,
    pulse: { boot: pulse[0], seq: pulse[1] },
    last_pulse_at: check.lastPulseWallMs === undefined ? null : timeText(check.lastPulseWallMs),
    at: timeText(at),
    ended: ended === null ? null : { at: timeText(ended.at), how: ended.how },
    members,
    needed: check.needed,
    accusers: check.accusers.map(({ node, name: accuser, region, standing }) => ({
      id: node,
      name: accuser,
      region: region ?? null,
      standing,
    })),
    made_by: { id: by, name, at: timeText(made) },
    findings: check.findings,
  };
}
