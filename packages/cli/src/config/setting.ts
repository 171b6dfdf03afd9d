/**
 * A setting of `run`, described once: its flag, its environment variable and its place in the config file come from this entry, and so do the
 * checker of the file, its JSON Schema, `config init`, `config show` and docs/config.md.
 */
import type { Flag } from "../flags.ts";

export interface Setting extends Flag {
  /** Its place in the config file, such as `node.name`; null for what belongs to the command line alone. */
  readonly key: string | null;
  /** What holds when nobody says anything, as it would be written. */
  readonly default?: string | undefined;
  /** A value as it would be written, for the template; a list is given by one of its entries. */
  readonly example?: string | undefined;
  /** A file or folder: in the config file it is relative to that file. */
  readonly isPath?: boolean | undefined;
  /** The only words that it may be. */
  readonly words?: readonly string[] | undefined;
  /** In the config file it is a number without quotes. */
  readonly isWhole?: boolean | undefined;
  /** `reload` takes it over while the node runs. */
  readonly isLive?: boolean | undefined;
}

/** A setting that the config file knows. */
export interface FileSetting extends Setting {
  readonly key: string;
}

/** Those of `settings` that the config file knows, in order. */
export function fileSettings(settings: readonly Setting[]): FileSetting[] {
  return settings.filter((setting): setting is FileSetting => setting.key !== null);
}

/** Whether it is on or off: its flag takes no value. */
export function isSwitch({ flags }: Flag): boolean {
  return !flags.includes("<");
}

/** `--log-level` of `--log-level <level>`. */
export function longFlag({ flags }: Flag): string {
  return /--[a-z][a-z-]*/.exec(flags)?.[0] ?? flags;
}

/** The name under which commander hands it over: `logLevel` of `--log-level`. */
export function attributeOf(flag: Flag): string {
  return longFlag(flag)
    .slice(2)
    .replaceAll(/-([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}
