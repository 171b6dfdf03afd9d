/**
 * The invites that are open at this issuer, in `invites.json` (rule ME7). A use is on disk before anything is granted for it, so that a crash at any instant
 * makes no second member out of an invite for one. The file holds hashes of the secrets: who reads it can use none of them.
 *
 * The file is read anew each time, and nothing is kept beside it: so a write that failed has changed nothing here either. Between the reading and the
 * writing nothing else runs in this process, and the lock of the data directory keeps other processes away.
 */
import { timingSafeEqual } from "node:crypto";
import {
  type HashHex,
  isNodeId,
  isRobotPattern,
  type NodeId,
  PulsemeshError,
  type Role,
  ROBOT_PATTERNS_MAX,
  ROLES,
} from "@pulsemesh/core";
import { readFileIfAny } from "../keys/private-file.ts";
import { REQUEST_TEXT_LENGTH_MAX } from "./grant-request.ts";
import { secretHash } from "./invite.ts";

/** Invites that are open at one time. */
export const INVITES_MAX: number = 256;
/** Nodes that one of them may make members. */
export const INVITE_USES_MAX: number = 100;

const VERSION = 1;
const HASH_HEX = /^[0-9a-f]{64}$/;

/** What is granted to whoever uses an invite. */
interface InviteTerms {
  readonly roles: readonly Role[];
  readonly robots: readonly string[];
  /** Undefined: the region that the node says. */
  readonly region: string | undefined;
}

export interface OpenInvite extends InviteTerms {
  /** Hash of its secret. */
  readonly id: HashHex;
  readonly usesMax: number;
  /** Unix seconds at which it ends, and is forgotten. */
  readonly endS: number;
  readonly usedBy: readonly NodeId[];
  /** The dates of the grants that they got for it, in their order, in Unix seconds. */
  readonly grantedS: readonly number[];
}

/** When a use was, and of what date the grant for it is, in Unix seconds. */
interface InviteUse {
  readonly nowS: number;
  readonly grantedS: number;
}

export interface InviteLedger {
  /** @throws PulsemeshError `invites-max` */
  add(invite: Omit<OpenInvite, "usedBy" | "grantedS">, nowS: number): void;
  /**
   * The invite with that secret, where `node` may use it; changes nothing.
   * @throws PulsemeshError `invite-unknown`, `invite-expired`, `invite-used`
   */
  find(secret: Uint8Array, node: NodeId, nowS: number): OpenInvite;
  /**
   * The same, and the use is durable when it returns. A node that has used it before uses nothing more: its answer may have been lost on the way. The date of its
   * newest grant is kept.
   * @throws PulsemeshError as {@link InviteLedger.find}, and `data-dir-unusable` when it cannot be written
   */
  use(secret: Uint8Array, node: NodeId, use: InviteUse): OpenInvite;
  /**
   * Closes an invite; durable when it returns. Who has used it stays what it is.
   * @throws PulsemeshError `invite-unknown`, `data-dir-unusable`
   */
  withdraw(id: HashHex, nowS: number): void;
  /**
   * Closes every invite; durable when it returns.
   * @throws PulsemeshError `data-dir-unusable`
   */
  clear(): void;
  /** Invites that have not ended. */
  open(nowS: number): readonly OpenInvite[];
}

/**
 * @param write replaces the file durably, or throws and leaves it; a parameter for tests
 */
export function createInviteLedger(
  path: string,
  write: (path: string, content: string) => void,
): InviteLedger {
  const save = (invites: readonly OpenInvite[]): void => {
    try {
      write(path, `${JSON.stringify({ v: VERSION, invites })}\n`);
    } catch (cause) {
      throw unusable(path, "write", cause);
    }
  };
  const openAt = (nowS: number): readonly OpenInvite[] =>
    readInvites(path).filter(({ endS }) => endS > nowS);
  return {
    open: openAt,
    add(invite, nowS) {
      const open = openAt(nowS);
      if (open.length >= INVITES_MAX) {
        throw new PulsemeshError(
          "invites-max",
          `Cannot make another invite: ${open.length} are open, of ${INVITES_MAX} at most. Nothing was changed.`,
        );
      }
      save([...open, { ...invite, usedBy: [], grantedS: [] }]);
    },
    withdraw(id, nowS) {
      const open = openAt(nowS);
      const others = open.filter((each) => each.id !== id);
      if (others.length === open.length) {
        throw new PulsemeshError(
          "invite-unknown",
          `Cannot withdraw invite ${id}: none with that id is open at this node. Nothing was changed.`,
        );
      }
      save(others);
    },
    clear: () => save([]),
    find: (secret, node, nowS) => usable(readInvites(path), secret, node, nowS),
    use(secret, node, { nowS, grantedS }) {
      const invite = usable(readInvites(path), secret, node, nowS);
      const at = invite.usedBy.indexOf(node);
      if (at >= 0 && invite.grantedS[at] === grantedS) return invite;
      const used =
        at >= 0
          ? { ...invite, grantedS: invite.grantedS.with(at, grantedS) }
          : {
              ...invite,
              usedBy: [...invite.usedBy, node],
              grantedS: [...invite.grantedS, grantedS],
            };
      save(openAt(nowS).map((each) => (each.id === invite.id ? used : each)));
      return used;
    },
  };
}

function usable(
  invites: readonly OpenInvite[],
  secret: Uint8Array,
  node: NodeId,
  nowS: number,
): OpenInvite {
  const invite = findBySecret(invites, secret);
  if (invite === undefined)
    throw refusal("invite-unknown", "none with that secret is open at this node");
  if (invite.endS <= nowS) throw refusal("invite-expired", "it has ended");
  if (invite.usedBy.length >= invite.usesMax && !invite.usedBy.includes(node))
    throw refusal("invite-used", `it was for ${invite.usesMax}, and as many have used it`);
  return invite;
}

/** Looks at every one, each in the same time, so that how long it takes says nothing of what was nearly right. */
function findBySecret(invites: readonly OpenInvite[], secret: Uint8Array): OpenInvite | undefined {
  const wanted = Buffer.from(secretHash(secret), "hex");
  let found: OpenInvite | undefined;
  for (const invite of invites)
    if (timingSafeEqual(Buffer.from(invite.id, "hex"), wanted)) found = invite;
  return found;
}

function refusal(
  code: "invite-unknown" | "invite-expired" | "invite-used",
  why: string,
): PulsemeshError {
  return new PulsemeshError(code, `Cannot use this invite: ${why}. Nothing was changed.`);
}

/** A file that cannot be read is no empty one: used invites would be open again. */
function readInvites(path: string): readonly OpenInvite[] {
  try {
    const text = readFileIfAny(path);
    if (text === undefined) return [];
    const json = JSON.parse(text) as { readonly v?: unknown; readonly invites?: unknown } | null;
    if (json?.v !== VERSION || !Array.isArray(json.invites)) throw new Error("it is damaged");
    if (!json.invites.every(isOpenInvite)) throw new Error("it is damaged");
    return json.invites;
  } catch (cause) {
    throw unusable(path, "read", cause);
  }
}

function isOpenInvite(value: unknown): value is OpenInvite {
  if (typeof value !== "object" || value === null) return false;
  const { id, roles, robots, region, usesMax, endS, usedBy, grantedS } =
    value as Partial<OpenInvite>;
  if (typeof id !== "string" || !HASH_HEX.test(id)) return false;
  if (!isCount(usesMax) || !isCount(endS)) return false;
  if (!(region === undefined || isRegion(region))) return false;
  if (!isListOf(roles, ROLES.length, (role) => ROLES.includes(role as Role))) return false;
  if (!isListOf(robots, ROBOT_PATTERNS_MAX, isRobotPattern)) return false;
  if (!isListOf(usedBy, Math.min(usesMax, INVITE_USES_MAX), isNodeId)) return false;
  return isListOf(grantedS, INVITE_USES_MAX, isCount) && usedBy?.length === grantedS?.length;
}

function isListOf(value: unknown, countMax: number, is: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= countMax && value.every(is);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function isRegion(value: unknown): boolean {
  return typeof value === "string" && value !== "" && value.length <= REQUEST_TEXT_LENGTH_MAX;
}

function unusable(path: string, verb: "read" | "write", cause: unknown): PulsemeshError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const next =
    verb === "read"
      ? `Remove it to close all invites that it holds, and make new ones`
      : `Make room or see to its folder's mode`;
  return new PulsemeshError(
    "data-dir-unusable",
    `Cannot ${verb} the invites in ${path}: ${why}. ${next}; nothing was changed.`,
    { cause },
  );
}
