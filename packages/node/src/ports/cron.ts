/** Cron lines for core (rule VE7), by croner: five or six fields, a time zone, daylight saving as people expect it. */
import { Cron } from "croner";
import type { CronPort } from "@pulsemesh/core";

/** Longest line that is looked at. */
export const CRON_LINE_LENGTH_MAX: number = 256;
/** Parsed lines that are kept; the least recently used goes first. */
export const CACHED_LINES_MAX: number = 1_024;

export function createCron(): CronPort {
  const parsed = new Map<string, Cron>();
  return {
    nextDueWallMs(line, timeZone, afterWallMs) {
      if (line.length > CRON_LINE_LENGTH_MAX) return undefined;
      try {
        return cachedCron(parsed, line, timeZone).nextRun(new Date(afterWallMs))?.getTime();
      } catch {
        // croner throws on a bad line and on a zone that the system does not know.
        return undefined;
      }
    },
  };
}

function cachedCron(parsed: Map<string, Cron>, line: string, timeZone: string): Cron {
  const key = `${timeZone}\n${line}`;
  const cron = parsed.get(key) ?? new Cron(line, { timezone: timeZone, paused: true });
  parsed.delete(key);
  if (parsed.size >= CACHED_LINES_MAX) {
    const [oldest] = parsed.keys();
    if (oldest !== undefined) parsed.delete(oldest);
  }
  parsed.set(key, cron);
  return cron;
}
