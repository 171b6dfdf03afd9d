/**
 * Has the host forget peers that are gone. The library keeps what the identify of each key said, up to some KiB, for as long as the process
 * runs, and anybody can make up keys. Nothing here goes by it: whom to dial where stands in the address book.
 */
import type { Libp2p } from "libp2p";
import { patientTimer } from "./patient-timer.ts";

/** How long after its last connection a peer is forgotten: the library itself still asks who it was when it goes, for 5 s at most. */
export const FORGET_AFTER_MS: number = 10_000;

/** `after` sets a timer. */
export function forgetGonePeers(
  host: Pick<Libp2p, "addEventListener" | "getConnections" | "peerStore">,
  after: (delayMs: number, task: () => void) => unknown = patientTimer,
): void {
  host.addEventListener("peer:disconnect", ({ detail: peer }) => {
    after(FORGET_AFTER_MS, () => {
      if (host.getConnections(peer).length === 0) host.peerStore.delete(peer).catch(ignoreUnknown);
    });
  });
}

function ignoreUnknown(): void {
  // Nothing was kept of it.
}
