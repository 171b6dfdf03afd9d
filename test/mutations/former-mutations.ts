/** Broken rules about who was a member and is none now (rule CH6). */
import type { Killer, Mutation } from "./mutation.ts";

const TRANSPORT = "packages/transport-libp2p/src/";

const book = (title: string): Killer => ({
  project: "unit",
  file: `${TRANSPORT}address-book.test.ts`,
  title,
});
const former = (title: string): Killer => ({
  project: "unit",
  file: `${TRANSPORT}dialer-former.test.ts`,
  title,
});

export const formerMutations: readonly Mutation[] = [
  {
    id: "left-forgotten",
    rules: ["CH6", "ME2"],
    breaks:
      "whom a thief of the root's key has made nobody is forgotten, and the rotation reaches no node",
    file: `${TRANSPORT}address-book.ts`,
    search: "this.#keep(node, { ...emptyEntry(), saved: new Set(saved) }, this.#isBrief(sinceMs));",
    replacement: "this.#changed(node);",
    killer: book("who left stays to be found where it was"),
  },
  {
    id: "all-left-at-leisure",
    rules: ["CH6", "ME2"],
    breaks: "who has no member left looks for those that it had at leisure",
    file: `${TRANSPORT}address-book.ts`,
    search: "    this.#hasMet = false;\n",
    replacement: "",
    killer: book("once everybody has left, as a thief's row can have it"),
  },
  {
    id: "former-wait-for-room",
    rules: ["CH6", "ME2"],
    breaks: "sixteen connections, which a thief's nodes can be, end the search for former members",
    file: `${TRANSPORT}dialer.ts`,
    search: "return this.#begin(away, dial, nowMs, 1);",
    replacement: "return this.#begin(away, dial, nowMs, Math.min(this.#slots(nowMs), 1));",
    killer: former("also where OWN_DIALS_MAX connections stand"),
  },
  {
    id: "former-unbounded",
    rules: ["P6", "CH6"],
    breaks: "years of members that left are kept for ever",
    file: `${TRANSPORT}former-members.ts`,
    search: "if (this.#all.size <= FORMER_MEMBERS_MAX) return undefined;",
    replacement: "if (this.#all.size <= FORMER_MEMBERS_MAX * 99) return undefined;",
    killer: book("of whom the one that left first makes room"),
  },
  {
    id: "former-by-age",
    rules: ["CH6", "ME2"],
    breaks: "a thief's nodes that come and go push out whoever left before them",
    file: `${TRANSPORT}former-members.ts`,
    search: "(isBrief ? 0 : 2)",
    replacement: "2",
    killer: book("once all have left, here and over a restart"),
  },
  {
    id: "former-name-for-address",
    rules: ["CH6", "ME2"],
    breaks: "who can be dialled is forgotten for who cannot",
    file: `${TRANSPORT}former-members.ts`,
    search: "(isPlaced ? 1 : 0)",
    replacement: "0",
    killer: book("who can be dialled nowhere makes room first"),
  },
  {
    id: "former-brief-again",
    rules: ["CH6", "ME2"],
    breaks: "who comes and goes twice was a member for long",
    file: `${TRANSPORT}address-book.ts`,
    search: "this.#former.has(node) && !this.#former.wasBrief(node)",
    replacement: "this.#former.has(node)",
    killer: book("once all have left, here and over a restart"),
  },
  {
    id: "former-brief-by-restart",
    rules: ["CH6", "ME2"],
    breaks: "who was a member in earlier runs too gives way like a thief's node",
    file: `${TRANSPORT}address-book.ts`,
    search: "isOld ? Number.NEGATIVE_INFINITY : this.#nowMs()",
    replacement: "this.#nowMs()",
    killer: book("once all have left, here and over a restart"),
  },
  {
    id: "former-waits-on",
    rules: ["CH6"],
    breaks: "a former member that is a member again is dialled up to ten minutes later",
    file: `${TRANSPORT}dialer.ts`,
    search: "if (!isWanted) return;",
    replacement: "if (isWanted || !isWanted) return;",
    killer: former("one that is sought again is dialled at once"),
  },
  {
    id: "former-unpaced",
    rules: ["P6", "CH6"],
    breaks: "whoever left years ago is dialled as often as hearsay is, and takes its turns",
    file: `${TRANSPORT}dialer.ts`,
    search: 'if (standing === "former") return this.#formerDials;',
    replacement: 'if (standing === "former") return this.#hearsayDials;',
    killer: former("FORMER_DIALS_PER_MINUTE_MAX a minute"),
  },
  {
    id: "members-by-age",
    rules: ["CH6", "ME2"],
    breaks: "a thief's nodes push out the addresses of members",
    file: `${TRANSPORT}address-book.ts`,
    search: "if (this.#isBrief(this.#members.get(node))) return node;",
    replacement: "",
    killer: book("pushes out nobody who has been a member for an hour, while they are members"),
  },
];
