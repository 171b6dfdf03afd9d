/** How addresses and invites are written on the command line, in variables and in files. */
import { dagCborCodec, PulsemeshError } from "@pulsemesh/core";

const memberText = /\/p2p\/[A-Za-z0-9]+$/;
const dialledByNobody = /^\/ip4\/0\.0\.0\.0\/|^\/ip6\/::\/|\/tcp\/0(?:\/|$)/;
const multiaddrText = /^\/[a-z0-9]+\/[^\s]+$/;
const invitePrefix = "pulsemesh:";
const requestPrefix = "pulsemesh-request:";

/** Whether `text` is meant as an invite; whether it is one, the node finds out. */
export function isInvite(text: string): boolean {
  return text.startsWith(invitePrefix);
}

/** Long enough to be a secret. */
const hiddenInvite = /pulsemesh:[\w-]{16}/;

/**
 * The invite that a text is, as mail and chat leave it: broken into lines, quoted, in brackets; undefined where it is none.
 * @param what - names it in an error, which never repeats the text
 * @throws PulsemeshError `option-invalid` where there is an invite in it, and more
 */
export function inviteIn(text: string, what: string): string | undefined {
  const word = bare(text);
  if (isInvite(word)) return word;
  if (!hiddenInvite.test(word)) return undefined;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use ${what} as there is more in it than an invite. Give the word alone that begins with ${invitePrefix}`,
  );
}

/**
 * The request of a node that a text is, as mail and chat leave it. Whether it is one, the issuer finds out.
 * @throws PulsemeshError `option-invalid`
 */
export function requestIn(text: string): string {
  const word = bare(text);
  const isMore = hasMoreBehind(text);
  if (word.startsWith(requestPrefix) && !isMore) return word;
  const why = word.includes(requestPrefix)
    ? `there is more in it than a request. Give the word alone that begins with ${requestPrefix}`
    : "it is none. Give what `pulsemesh request` printed at the node that is to be a member";
  throw new PulsemeshError("option-invalid", `Cannot sign the request as ${why}`);
}

/** Whether a request ends before its text does: mail breaks it into lines, so what follows it may belong to it, and need not. */
function hasMoreBehind(text: string): boolean {
  const words = unquoted(text)
    .split(/[\s<>"'`]+/)
    .filter((word) => word !== "");
  const beginnings = words.map((_, at) => words.slice(0, at + 1).join(""));
  return beginnings.slice(0, -1).some((word) => isWhole(word, requestPrefix));
}

/** Without what mail and chat put around a word, and into it. */
function bare(text: string): string {
  return unquoted(text).replaceAll(/[\s<>"'`]/g, "");
}

function unquoted(text: string): string {
  return text.replaceAll(/^[ \t]*(?:>[ \t]*)+/gm, "");
}

/** The same text without the secrets of invites in it. */
export function withoutInvites(text: string): string {
  return text.replaceAll(/(?<!\S)pulsemesh:\S+/g, `${invitePrefix}***`);
}

/** What to join by: an invite, or a member's address. */
export function parseJoin(text: string, flag: string): string {
  return inviteIn(text, flag) ?? parseMember(text, flag);
}

/** An invite whose end is missing, as in a file that is still being copied, would be shown to its issuer in vain. */
export function wholeInvite(text: string, place: string): string {
  if (isWhole(text)) return text;
  throw new PulsemeshError(
    "address-invalid",
    `Cannot use ${place} as the invite there is not whole.`,
  );
}

function isWhole(text: string, prefix: string = invitePrefix): boolean {
  try {
    const word = text.slice(prefix.length);
    dagCborCodec.decode(new Uint8Array(Buffer.from(word, "base64url")));
    return true;
  } catch {
    return false;
  }
}

/** What the rest of an invite looks like, and no address. */
const invitePart = /^[\s<>"'`]*[\w-]*[\s<>"'`]*$/;

/** Mail breaks an invite into lines: what follows one that is not whole, and can be nothing else, belongs to it. */
export function mendInvites<Part extends { readonly text: string }>(
  parts: readonly Part[],
): Part[] {
  const mended: Part[] = [];
  for (const part of parts) {
    const last = mended.at(-1);
    if (last !== undefined && invitePart.test(part.text) && isCut(last.text))
      mended.splice(-1, 1, { ...last, text: `${last.text}\n${part.text}` });
    else mended.push(part);
  }
  return mended;
}

function isCut(text: string): boolean {
  const word = bare(text);
  return isInvite(word) && !isWhole(word);
}

/** A list in a variable: invites and addresses between blanks or commas. */
export function splitJoins(text: string): readonly string[] {
  const parts = text.split(/[\s,]+/).filter((part) => part !== "");
  return mendInvites(parts.map((part) => ({ text: part }))).map((part) => part.text);
}

/**
 * Parts what there is to join by.
 * @throws PulsemeshError `option-invalid` for more than one invite
 */
export function partJoins(joins: readonly string[]): {
  readonly join: readonly string[];
  readonly invite: string | undefined;
} {
  const [invite, ...others] = joins.filter(isInvite);
  if (others.length === 0) return { join: joins.filter((text) => !isInvite(text)), invite };
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use ${others.length + 1} invites: one makes this node a member. Name the others' addresses instead.`,
  );
}

/** Whom to join is named by its id as well, so that nobody else can answer in its place. */
function parseMember(text: string, flag: string): string {
  const address = parseMultiaddr(text, flag);
  if (memberText.test(address)) return address;
  throw new PulsemeshError(
    "address-invalid",
    `Cannot use ${flag} '${text}' as it must end in the member's id: /ip4/192.0.2.7/tcp/7421/p2p/12D3KooW…, as \`pulsemesh peers\` prints it there.`,
  );
}

/** What others are told, so they need a host and a port in it. */
export function parseAnnounced(text: string, flag: string): string {
  const address = parseMultiaddr(text, flag);
  if (!dialledByNobody.test(address)) return address;
  throw new PulsemeshError(
    "address-invalid",
    `Cannot use ${flag} '${text}' as nobody could dial it: others need a host that they reach, and a port other than 0.`,
  );
}

/** An address to listen on, to announce or to join by. */
export function parseMultiaddr(text: string, flag: string): string {
  if (multiaddrText.test(text)) return text;
  const plain = /^(?:(\d+\.\d+\.\d+\.\d+)|([A-Za-z0-9.-]+)):(\d+)$/.exec(text);
  const host = plain?.[1] === undefined ? `dns4/${plain?.[2] ?? ""}` : `ip4/${plain[1]}`;
  const meant = plain === null ? "" : ` Did you mean /${host}/tcp/${plain[3] ?? ""}?`;
  throw new PulsemeshError(
    "address-invalid",
    `Cannot use ${flag} '${text}' as it must be a multiaddr such as /ip4/192.0.2.7/tcp/7421.${meant}`,
  );
}
