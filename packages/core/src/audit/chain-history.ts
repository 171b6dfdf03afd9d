/** What the audit log is told of chain entries: which was written or came, and whether the gate took it (rule CH3). */
import type { ChainHooks } from "../chain/chain-store.ts";
import type { Entry } from "../chain/entry.ts";
import type { Env } from "../env.ts";
import type { Json } from "../json.ts";
import type { AuditLog } from "./audit-log.ts";

export function chainHistory(env: Env, audit: AuditLog): ChainHooks {
  return {
    written: (entry, now) => audit.append("entry", factsOf(entry, undefined), now),
    stored: (entry, gate, now) => {
      // What comes back under the own key and was not on this disk is marked: a former life wrote it, or a twin (rule BK3).
      const isOwn = entry.author === env.identity.self;
      audit.append(isOwn ? "own-entry-returned" : "entry", factsOf(entry, gate), now);
    },
    refused: (reason, from, now) => void audit.appendReject(reason, { from, what: "chain" }, now),
    forked: ({ document, author, epoch, seq }, now) =>
      void audit.append("forked", { document, author, epoch, seq }, now),
  };
}

function factsOf(entry: Entry, gate: string | undefined): Json {
  const { document, author, epoch, seq, hash } = entry;
  return { document, author, epoch, seq, hash, gate: gate ?? null };
}
