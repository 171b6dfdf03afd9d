/** Durations as people write them (`100ms`, `30s`, `5m`, `1h`, `2d`), and ages as people read them. */
import { PulsemeshError } from "@pulsemesh/core";

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** What a duration looks like, for errors and help texts. */
export const DURATION_RULE: string = "a whole number with a unit: 100ms, 30s, 5m, 1h or 2d";

/**
 * Reads a duration.
 * @param what - the flag or field it belongs to, for the error
 * @returns milliseconds
 * @throws PulsemeshError `option-invalid`, with the nearest valid spelling when a unit is missing
 */
export function parseDuration(text: string, what: string): number {
  const match = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text.trim());
  const unitMs = unitsMs[match?.[2] ?? ""];
  if (match?.[1] === undefined || unitMs === undefined) {
    const nearest = /^\s*\d{1,12}\s*$/.test(text) ? ` Did you mean ${text.trim()}s?` : "";
    throw new PulsemeshError(
      "option-invalid",
      `Cannot use ${what} '${text}' as it must be ${DURATION_RULE}.${nearest}`,
    );
  }
  return Number(match[1]) * unitMs;
}

/** The shortest exact spelling: what {@link parseDuration} reads back as the same number. */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  for (const unit of ["d", "h", "m", "s"] as const) {
    const unitMs = unitsMs[unit] ?? 1;
    if (whole > 0 && whole % unitMs === 0) return `${whole / unitMs}${unit}`;
  }
  return `${whole}ms`;
}

/** An age at a glance, two units at most: `0.4s`, `12s`, `3m 05s`, `2h 10m`, `5d 3h`. */
export function formatAge(ms: number | undefined | null): string {
  if (ms === undefined || ms === null) return "-";
  const seconds = Math.floor(Math.max(0, ms) / 1_000);
  if (ms < 10_000) return `${(Math.max(0, ms) / 1_000).toFixed(1)}s`;
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${String(seconds % 60).padStart(2, "0")}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${String(minutes % 60).padStart(2, "0")}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
