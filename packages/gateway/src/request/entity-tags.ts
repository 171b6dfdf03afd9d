/** `If-Match` and `If-None-Match` (RFC 9110 §13.1): lists of entity tags, or `*`. */
import { HttpProblem } from "../problem.ts";

export type TagList = "*" | readonly EntityTag[];

interface EntityTag {
  /** With its quotes. */
  readonly tag: string;
  readonly weak: boolean;
}

const LIST = /^\s*(?:W\/)?"[^"]*"\s*(?:,\s*(?:W\/)?"[^"]*"\s*)*$/;

/**
 * Undefined without the header.
 * @throws HttpProblem `request-invalid` when it is neither `*` nor a list of quoted tags
 */
export function readTags(name: string, header: string | undefined): TagList | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === "*") return "*";
  if (!LIST.test(header)) {
    throw new HttpProblem(
      "request-invalid",
      `The header ${name} must be * or entity tags in double quotes, as the ETag header gave them.`,
    );
  }
  return [...header.matchAll(/(W\/)?("[^"]*")/g)].map(([, weak, tag = ""]) => ({
    tag,
    weak: weak !== undefined,
  }));
}

/** Weak comparison, for `If-None-Match`. */
export function tagsInclude(tags: TagList, etag: string): boolean {
  return tags === "*" || tags.some(({ tag }) => tag === etag);
}

/**
 * The one tag that a patch must find, for `If-Match` (strong comparison): the current one when the list has it, else one that
 * cannot match. Core compares again at the moment of writing.
 */
export function expectedTag(tags: TagList, etag: string): string | undefined {
  if (tags === "*") return undefined;
  const strong = tags.filter(({ weak }) => !weak).map(({ tag }) => tag);
  return strong.includes(etag) ? etag : (strong[0] ?? '"weak"');
}
