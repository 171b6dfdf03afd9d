/**
 * Example robot: looks for secrets in a folder of sources, as a security bot would. Planted keys, private key blocks and tokens
 * make it `failing`, with file, line and rule in its state; never the secret itself.
 */
import { readFile, stat } from "node:fs/promises";
import type { MeshReporter, Report } from "./mesh-reporter.ts";
import { walkFolder } from "./walk-folder.ts";

export interface SecretFinding {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly rule: string;
}

/** Larger files are data, not sources, and are counted as skipped. */
export const scannedFileBytesMax = 1_048_576;
/** Findings that go into the state, which has room for 16 KiB; the count names them all. */
export const findingsShownMax = 50;

const rules: readonly { readonly rule: string; readonly pattern: RegExp }[] = [
  { rule: "aws-access-key", pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/ },
  { rule: "private-key", pattern: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/ },
  { rule: "github-token", pattern: /\bgh[opsur]_[A-Za-z0-9]{36,}\b/ },
  { rule: "slack-token", pattern: /\bxox[abeprs]-[A-Za-z0-9-]{10,}/ },
  {
    rule: "assigned-secret",
    pattern: /\b(?:api[_-]?key|secret|token|passw(?:or)?d)["']?\s*[:=]\s*["'][^"'\s$<{]{16,}["']/i,
  },
];

/** Scans a folder once. */
export async function scanForSecrets(folder: string): Promise<{
  readonly files: number;
  readonly skipped: number;
  readonly findings: SecretFinding[];
}> {
  const { entries } = await walkFolder(folder);
  const findings: SecretFinding[] = [];
  let files = 0;
  let skipped = 0;
  for (const { path, absolute, kind } of entries) {
    if (kind !== "file") continue;
    const text = await readSource(absolute);
    if (text === undefined) {
      skipped++;
      continue;
    }
    files++;
    findings.push(...secretsIn(text).map((finding) => ({ file: path, ...finding })));
  }
  return { files, skipped, findings };
}

/** The secrets in one text. */
export function secretsIn(text: string): Omit<SecretFinding, "file">[] {
  return text.split("\n").flatMap((line, i) => {
    const found = rules.find(({ pattern }) => pattern.test(line));
    return found === undefined ? [] : [{ line: i + 1, rule: found.rule }];
  });
}

/** One round of the robot: says that it scans, scans, and hands back what to report. */
export async function secretScannerRound(folder: string, mesh: MeshReporter): Promise<Report> {
  await mesh.patchState({ status: "scanning" });
  const { files, skipped, findings } = await scanForSecrets(folder);
  const state = {
    status: "idle",
    files,
    skipped,
    found: findings.length,
    findings: findings.slice(0, findingsShownMax),
  };
  const first = findings[0];
  if (first === undefined) return { health: "ok", summary: `${files} files are clean`, state };
  const summary = `${findings.length} secrets, the first in ${first.file}:${first.line} (${first.rule})`;
  return { health: "failing", summary, state };
}

/** Undefined for what is too large, binary, unreadable or gone. */
async function readSource(path: string): Promise<string | undefined> {
  try {
    if ((await stat(path)).size > scannedFileBytesMax) return undefined;
    const bytes = await readFile(path);
    return bytes.includes(0) ? undefined : bytes.toString("utf8");
  } catch {
    return undefined;
  }
}
