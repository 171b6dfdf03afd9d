/** Reads the arguments of a call out of source text, minding nested brackets and strings: just enough of a parser for tidy. */

const closing: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

export interface CallText {
  readonly args: readonly string[];
  /** Just behind the closing bracket. */
  readonly end: number;
}

/** Splits the call whose opening bracket is at `open` at its top-level commas; undefined when it never closes. */
export function readCall(text: string, open: number): CallText | undefined {
  const args: string[] = [];
  const waiting: string[] = [];
  let start = open + 1;
  for (let i = open; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === '"' || char === "'" || char === "`") {
      i = endOfString(text, i);
      continue;
    }
    const close = closing[char];
    if (close !== undefined) waiting.push(close);
    else if (char === waiting.at(-1)) waiting.pop();
    if (waiting.length === 0) {
      args.push(text.slice(start, i).trim());
      return { args: args.filter((arg) => arg !== ""), end: i + 1 };
    }
    if (char === "," && waiting.length === 1) {
      args.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  return undefined;
}

/** The index of the quote that ends the string which begins at `start`. */
export function endOfString(text: string, start: number): number {
  const quote = text.charAt(start);
  for (let i = start + 1; i < text.length; i++) {
    if (text.charAt(i) === "\\") i++;
    else if (text.charAt(i) === quote) return i;
  }
  return text.length;
}
