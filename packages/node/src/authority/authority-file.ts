/**
 * Statements in a file, one token after the other (rule ME6): `authority.json` of a data directory, which a node takes over at its start, and
 * `root-statements.json` beside the root's keys, which the root needs to sign the next one.
 */
import {
  AUTHORITY_PREFIX,
  dagCborCodec,
  PulsemeshError,
  STATEMENT_LENGTH_MAX,
  type Store,
} from "@pulsemesh/core";
import { readFileIfAny } from "../keys/private-file.ts";

/** Statements in one file; more come by sync. */
export const FILE_STATEMENTS_MAX: number = 256;

/** What such a file holds. */
export function writeStatements(statements: readonly string[]): string {
  return `${JSON.stringify({ statements })}\n`;
}

/**
 * The tokens in a file, undefined where there is none. Nothing is said of whether they count.
 * @throws PulsemeshError `data-dir-unusable` when it is damaged
 */
export function readStatements(path: string): readonly string[] | undefined {
  const text = readFileIfAny(path);
  if (text === undefined) return undefined;
  const statements = parseStatements(text);
  if (statements !== undefined) return statements;
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot read the statements in ${path}: it is damaged. Nothing was changed; restore the file from a copy.`,
  );
}

/** The tokens that a node has stored while it ran (rule ME1); what cannot be read is left out, as core does. */
export async function readStoredStatements(store: Pick<Store, "scan">): Promise<readonly string[]> {
  const tokens: string[] = [];
  const range = { gte: AUTHORITY_PREFIX, lt: `${AUTHORITY_PREFIX.slice(0, -1)}0` };
  for await (const { value } of store.scan(range)) {
    const token = textIn(value);
    if (token !== undefined) tokens.push(token);
  }
  return tokens;
}

function textIn(value: Uint8Array): string | undefined {
  try {
    const token = dagCborCodec.decode(value);
    return typeof token === "string" ? token : undefined;
  } catch {
    return undefined;
  }
}

/** The tokens in the text of such a file; undefined where it is damaged. */
export function parseStatements(text: string): readonly string[] | undefined {
  try {
    const json = JSON.parse(text) as { readonly statements?: unknown } | null;
    const tokens: unknown = json?.statements;
    if (!Array.isArray(tokens) || tokens.length > FILE_STATEMENTS_MAX) return undefined;
    return tokens.every(isToken) ? tokens : undefined;
  } catch {
    return undefined;
  }
}

function isToken(value: unknown): value is string {
  return typeof value === "string" && value.length <= STATEMENT_LENGTH_MAX;
}
