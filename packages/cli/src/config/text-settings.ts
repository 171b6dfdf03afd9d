/** Settings that are checked as ever, but keep the text that was given: for showing them. */
import type { Setting } from "./setting.ts";

/** `settings` with texts instead of parsed values. */
export function textSettings(settings: readonly Setting[]): Setting[] {
  return settings.map((setting) => {
    const { parse } = setting;
    if (parse === undefined) return setting;
    return { ...setting, parse: (text, flag) => (parse(text, flag), text) };
  });
}
