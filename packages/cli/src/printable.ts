/**
 * Text that strangers wrote (names, regions, labels, states, errors of a node) on its way to a terminal: nothing of it may move the
 * cursor, paint the screen, forge a line or turn the reading order around (rule CLI6).
 */

/** C0 and C1 controls, what formats without being seen (bidi marks, zero width, tags), and the line separators. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
/** The same without the line feeds that `JSON.stringify` indents with; in strings it escapes them itself. */
const unseenInJson = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** One line of text in which everything unseen is written out, such as `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(unseen, escaped);
}

/** `value` as JSON in which everything unseen is escaped; parsed, it is the same value. */
export function printableJson(value: unknown, indent?: number): string {
  return (JSON.stringify(value, undefined, indent) ?? "null").replaceAll(unseenInJson, escaped);
}

function escaped(character: string): string {
  return character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
