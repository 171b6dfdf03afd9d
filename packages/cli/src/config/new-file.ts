/** Writes a file that must not be there yet: what somebody has written is never replaced, and what a full disk cut off never stays. */
import { PulsemeshError } from "@pulsemesh/core";
import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";

/**
 * Makes `path` with `text` in it, or nothing. Tests hand in a `write` that fails.
 * @throws PulsemeshError `option-invalid`
 */
export function writeNewFile(
  path: string,
  text: string,
  write: (file: number, text: string) => void = writeFileSync,
): void {
  let file: number | undefined;
  try {
    file = openSync(path, "wx", 0o644);
    write(file, text);
  } catch (cause) {
    if (file !== undefined) rmSync(path, { force: true });
    throw new PulsemeshError("option-invalid", `Cannot write '${path}': ${whyOf(cause)}.`, {
      cause,
    });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function whyOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const isThere = "code" in cause && cause.code === "EEXIST";
  return isThere
    ? "there is a file already, which is kept; remove it first, or name another"
    : cause.message;
}
