/**
 * Callers that are not through with encryption and multiplexing yet. The library counts them and refuses further ones, so that whoever
 * opens connections and says nothing keeps everybody else out. Here the newest is always taken on: too many of one network push out their
 * own oldest, too many in all the oldest that has not said a word, since who means to talk to us speaks first and at once.
 */
import { isIPv6 } from "node:net";
import { reachOf } from "./multiaddr-text.ts";

/** Callers at a time. */
export const PENDING_CALLERS_MAX: number = 1_024;
/** Callers at a time of one network (an IPv4 address, the first 64 bits of an IPv6 address); this machine itself has no such limit. */
export const PENDING_CALLERS_OF_NETWORK_MAX: number = 64;
/** How long a caller may say nothing at all, in milliseconds. */
export const FIRST_WORD_MS: number = 5_000;

export interface Caller {
  /** The host that it calls from, as in its address. */
  readonly host: string;
  readonly hasSpoken: () => boolean;
  readonly hangUp: (why: string) => void;
}

interface Pending extends Caller {
  readonly network: string | undefined;
  readonly callOff: () => void;
}

export class PendingCallers {
  readonly #after: (delayMs: number, task: () => void) => () => void;
  /** In the order in which they came. */
  readonly #pending = new Set<Pending>();

  /** `after` sets a timer and answers how to call it off. */
  constructor(after: (delayMs: number, task: () => void) => () => void) {
    this.#after = after;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Takes a caller on; what it answers is called when the caller is through or gone. */
  admit(caller: Caller): () => void {
    const network = networkOf(caller.host);
    if (network !== undefined)
      this.#makeRoom((other) => other.network === network, PENDING_CALLERS_OF_NETWORK_MAX);
    this.#makeRoom(() => true, PENDING_CALLERS_MAX);
    const callOff = this.#after(FIRST_WORD_MS, () => {
      if (!caller.hasSpoken()) this.#end(pending, "no word");
    });
    const pending: Pending = { ...caller, network, callOff };
    this.#pending.add(pending);
    return () => this.#settle(pending);
  }

  #makeRoom(counts: (pending: Pending) => boolean, max: number): void {
    const all = [...this.#pending].filter(counts);
    if (all.length < max) return;
    const victim = all.find(({ hasSpoken }) => !hasSpoken()) ?? all[0];
    if (victim !== undefined) this.#end(victim, "too many callers");
  }

  #end(pending: Pending, why: string): void {
    this.#settle(pending);
    pending.hangUp(why);
  }

  #settle(pending: Pending): void {
    this.#pending.delete(pending);
    pending.callOff();
  }
}

/** What counts as one caller's network; undefined for this machine. */
function networkOf(host: string): string | undefined {
  if (reachOf(host) === "loopback") return undefined;
  if (!isIPv6(host) || host.startsWith("::ffff:")) return host;
  const [left = "", right = ""] = host.split("::");
  const head = left.split(":").filter(Boolean);
  const tail = right.split(":").filter(Boolean);
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => "0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
}
