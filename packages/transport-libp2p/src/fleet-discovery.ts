/**
 * Finds out which fleet a join address belongs to: connects, asks identify for the protocols spoken there, and reads the fleet id
 * off the hello protocol. Done by a short-lived host of its own, because the real one bears the fleet in all its protocols.
 */
import type { Ed25519PrivateKey } from "@libp2p/interface";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { PulsemeshError } from "@pulsemesh/core";
import type { FleetId } from "@pulsemesh/core";
import { setTimeout as sleep } from "node:timers/promises";
import { dialFaultOf } from "./dial-fault.ts";
import type { DialOutcome } from "./dial-loop.ts";
import { BACKOFF_MS_MAX, BACKOFF_MS_MIN } from "./dialer.ts";
import { readAddress } from "./multiaddr-text.ts";
import { systemNames } from "./name-lookup.ts";
import type { NameService } from "./name-lookup.ts";
import { checkJoinAddresses } from "./options.ts";
import { readNetworkKey } from "./private-network.ts";
import { readPrivateKey } from "./private-key.ts";
import { closedProtocol, fleetsOffered } from "./protocol-ids.ts";
import { visit, type Visit } from "./visit.ts";

export interface DiscoverOptions {
  /** Gives up. */
  readonly signal?: AbortSignal | undefined;
  /** Of the private network that the addresses are in, as its file holds it. @default they are in none */
  readonly networkKey?: Uint8Array | undefined;
  /** @default the system's */
  readonly names?: NameService | undefined;
  /** Told after each round in which nobody answered, counted from 1, whom it tried and what came of it. */
  readonly failed?: ((round: number, tried: readonly DialOutcome[]) => void) | undefined;
}

/**
 * Tries the addresses in turn, round after round with back-off (at most 4 s), until a member answers.
 * @param privateKey the node key, as in the transport's options
 * @throws PulsemeshError `address-invalid`, `option-invalid`; `join-failed` when `signal` aborts first
 */
export async function discoverFleet(
  joinAddresses: readonly string[],
  privateKey: Uint8Array,
  options: DiscoverOptions = {},
): Promise<FleetId> {
  return (await visitFleet(joinAddresses, privateKey, options)).fleet;
}

/** What a newcomer can see of a fleet. */
export interface FoundFleet {
  readonly fleet: FleetId;
  /** Only who is granted it is let in. */
  readonly isClosed: boolean;
}

/** The same, and whether an invite is needed there. */
export async function visitFleet(
  joinAddresses: readonly string[],
  privateKey: Uint8Array,
  { signal, names = systemNames(), networkKey: keyText, failed }: DiscoverOptions = {},
): Promise<FoundFleet> {
  const key = await readPrivateKey(privateKey);
  const networkKey = keyText && readNetworkKey(keyText);
  const addresses = othersOf(checkJoinAddresses(joinAddresses), key);
  let lastFailure: unknown;
  const aborted = (): boolean => signal?.aborted ?? false;
  for (let round = 0; !aborted(); round += 1) {
    const tried: DialOutcome[] = [];
    for (const address of addresses) {
      if (aborted()) break;
      try {
        return await visit(address, { key, names, networkKey, signal }, (it) =>
          askForFleet(address, it),
        );
      } catch (error) {
        lastFailure = error;
        tried.push({ address, outcome: dialFaultOf(error) });
      }
    }
    if (!aborted()) failed?.(round + 1, tried);
    const waitMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(round, 10));
    await sleep(waitMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(ignoreAbort);
  }
  throw new PulsemeshError(
    "join-failed",
    `Cannot join by ${addresses.join(", ")}: no member answered there.`,
    {
      cause: lastFailure,
    },
  );
}

/** Without the node itself, which stands in a list that all members are given, and which nobody can join by. */
function othersOf(addresses: readonly string[], key: Ed25519PrivateKey): readonly string[] {
  const self = peerIdFromPrivateKey(key).toString();
  const others = addresses.filter((text) => readAddress(text)?.node !== self);
  if (others.length > 0) return others;
  const rule = "that is this node itself, and another member must be named";
  throw new PulsemeshError("address-invalid", `Cannot join by ${addresses.join(", ")}: ${rule}.`);
}

async function askForFleet(
  address: string,
  { host, connection, signal }: Visit,
): Promise<FoundFleet> {
  const { protocols } = await host.services.identify.identify(connection, { signal });
  const [fleet] = fleetsOffered(protocols);
  if (fleet === undefined)
    throw new PulsemeshError("join-failed", `${address} is not a Pulsemesh node.`);
  return { fleet, isClosed: protocols.includes(closedProtocol(fleet)) };
}

function ignoreAbort(): void {
  // The loop's condition sees the abort.
}
