/** Cuts text to a number of UTF-8 bytes; core has no TextEncoder. */

/** The longest start of `text` that has at most `bytesMax` bytes as UTF-8; never cuts a character in two, always well formed. */
export function cutText(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text.toWellFormed();
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += utf8Bytes(character.codePointAt(0) ?? 0);
    if (bytes > bytesMax) break;
    end += character.length;
  }
  return text.slice(0, end).toWellFormed();
}

function utf8Bytes(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x1_00_00 ? 3 : 4;
}
