/**
 * What peers, the user and the local network say of where nodes are: goes into the address book by how far its source is believed, and to the dialler.
 * Decides nothing about who is a member: that the book is told by core.
 */
import type { NodeId, PeerInfo } from "@pulsemesh/core";
import type { AddressBook } from "./address-book.ts";
import type { DialLoop } from "./dial-loop.ts";
import type { Hello } from "./hello-codec.ts";
import { isBelievable, readAddress } from "./multiaddr-text.ts";
import type { PeerSession } from "./peer-session.ts";

export class WordOfMouth {
  readonly #book: AddressBook;
  readonly #dialing: Pick<DialLoop, "trust" | "learn">;

  constructor(deps: {
    readonly book: AddressBook;
    readonly dialing: Pick<DialLoop, "trust" | "learn">;
  }) {
    this.#book = deps.book;
    this.#dialing = deps.dialing;
  }

  /** Believes what a member, or a node that the user named, has said of itself and of others. Of anybody else it waits until he is one. */
  take(session: Pick<PeerSession, "told">, { node, addresses }: PeerInfo): void {
    this.#book.meet(node, addresses);
    this.#dialing.trust(node);
    for (const text of session.told.known) this.hear(text, true, node);
    for (const text of session.told.heard) this.hear(text, false, node);
  }

  /** Of the user's own, or of an earlier run. */
  learn(text: string, source: "named" | "saved"): void {
    const address = readAddress(text);
    if (address !== undefined && this.#book.learn(address.text, source))
      this.#dialing.learn(address.node, true);
  }

  /** @param teller the member that says so; nobody where nothing is proved, as on the local network */
  hear(text: string, vouched: boolean, teller: NodeId = ""): void {
    const node = readAddress(text)?.node;
    if (node !== undefined && this.#book.learn(text, "hearsay", vouched, teller))
      this.#dialing.learn(node, false);
  }
}

/** What of a hello that came from the host `remote` may be true. */
export function believableOf(
  { addresses, known, heard }: Hello,
  remote: string,
): { readonly addresses: readonly string[]; readonly told: PeerSession["told"] } {
  const believable = (text: string): boolean => {
    const address = readAddress(text);
    return address !== undefined && isBelievable(address, remote);
  };
  return {
    addresses: addresses.filter(believable),
    told: { known: known.filter(believable), heard: heard.filter(believable) },
  };
}
