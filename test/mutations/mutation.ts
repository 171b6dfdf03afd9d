/** What a mutation is: one rule, broken in one place, and the test that must notice. */

export interface Mutation {
  /** For the command line and the table. */
  readonly id: string;
  /** Rules of docs/SPEC.md that the change breaks. */
  readonly rules: readonly string[];
  /** What was broken, in words. */
  readonly breaks: string;
  /** Source file, from the root of the repository. */
  readonly file: string;
  /** Text that stands exactly once in the file … */
  readonly search: string;
  /** … and what stands there instead. It must still be valid TypeScript: the test is to fail, not the compiler. */
  readonly replacement: string;
  readonly killer: Killer;
}

/** The tests that are run; at least one of them must fail by an assertion, and all of them pass without the mutation. */
export interface Killer {
  readonly project: "unit" | "sim" | "integration" | "chaos";
  readonly file: string;
  /** Part of the titles, where the rest of the file takes too long. */
  readonly title?: string | undefined;
}

/** The mutated text. @throws RangeError when `search` does not stand exactly once in `text`. */
export function mutate(mutation: Mutation, text: string): string {
  const { id, file, search, replacement } = mutation;
  const matches = text.split(search).length - 1;
  if (matches !== 1) {
    throw new RangeError(
      `Cannot apply mutation '${id}' as its text stands ${matches} times in ${file}; it must stand there exactly once.`,
    );
  }
  // A function, because a replacement text would have its dollar signs read as patterns.
  return text.replace(search, () => replacement);
}
