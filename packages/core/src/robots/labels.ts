/** Labels of robots: short words that people select by (`role=precheck`). Kept in null-prototype records (rule CH7). */
import { LABELS_MAX } from "../command.ts";

/** Longest label value, in characters. */
export const LABEL_VALUE_LENGTH_MAX: number = 255;
/** The rule in words, quoted by every error about a label. */
export const LABEL_RULE: string =
  "a label key starts with a letter or digit, goes on with letters, digits, '.', '_', '/' or '-', and has at most 63 characters; " +
  "a value has at most 255 characters; a robot has at most 32 labels";

const KEY_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/;

/** Checks labels from outside and returns a safe copy sorted by key, or undefined when {@link LABEL_RULE} is broken. */
export function checkLabels(
  labels: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> | undefined {
  const keys = Object.keys(labels).toSorted();
  if (keys.length > LABELS_MAX) return undefined;
  const checked = Object.create(null) as Record<string, string>;
  for (const key of keys) {
    const value = labels[key];
    if (!isLabel(key, value)) return undefined;
    checked[key] = value.toWellFormed();
  }
  return checked;
}

/** Of labels that several nodes wrote, those that are labels, the first {@link LABELS_MAX} by key: one bad label hides no other. */
export function validLabels(
  labels: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  const valid = Object.create(null) as Record<string, string>;
  let count = 0;
  for (const key of Object.keys(labels).toSorted()) {
    const value = labels[key];
    if (count === LABELS_MAX || !isLabel(key, value)) continue;
    valid[key] = value.toWellFormed();
    count += 1;
  }
  return valid;
}

function isLabel(key: string, value: unknown): value is string {
  return (
    KEY_PATTERN.test(key) && typeof value === "string" && value.length <= LABEL_VALUE_LENGTH_MAX
  );
}
