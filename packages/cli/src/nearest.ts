/** Finds what somebody probably meant: for unknown flags, commands, values and ports. */

/**
 * The candidate with the fewest edits (insert, delete, replace, swap of neighbours) from `text`; undefined when even the best
 * one differs in more than a third of its letters. Ties go to the first candidate.
 */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = isPrefix(text, candidate) ? 1 : editDistance(text, candidate);
    const allowed = Math.max(1, Math.ceil(Math.max(text.length, candidate.length) / 3));
    if (distance <= allowed && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Abbreviations such as `--ann` are meant, however long the rest is. */
function isPrefix(text: string, candidate: string): boolean {
  return text.replaceAll("-", "").length >= 3 && candidate.startsWith(text);
}

/** Optimal string alignment distance, case-insensitive. */
export function editDistance(left: string, right: string): number {
  const a = left.toLowerCase();
  const b = right.toLowerCase();
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
