/**
 * Can others reach me where I say that I am? (rule AD6) Nobody can tell that of himself: a member is asked to dial back.
 *
 * The question is empty, because the answer must not depend on it: dialled are the addresses that the asker has said of itself in its hello
 * and that this node believes from where it connects. So nobody is sent where it would not go anyway. The dial is a whole handshake, so
 * `reached` means that very node. What else came of it is told only for the host that the asker connects from: told of any, it would
 * show what listens inside this node's network.
 *
 * The library's own AutoNAT was turned down (ADR 0001): it skips private addresses and shared hosts, which is where fleets live.
 */
import type { Connection, Stream } from "@libp2p/interface";
import { dagCborCodec } from "@pulsemesh/core";
import type { FleetId, NodeId, TransportRejectReason } from "@pulsemesh/core";
import { performance } from "node:perf_hooks";
import { closeSoftly } from "./close-softly.ts";
import { DIAL_OUTCOMES } from "./dial-fault.ts";
import type { DialLoop, DialOutcome } from "./dial-loop.ts";
import { encodeFrame } from "./frames.ts";
import type { Host } from "./host.ts";
import { ADDRESS_LENGTH_MAX, readAddress } from "./multiaddr-text.ts";
import { OWN_ADDRESSES_MAX } from "./hello-codec.ts";
import { readOneFrame } from "./one-frame.ts";
import { PeerBudget } from "./peer-budget.ts";

/** Dial-backs that one member gets at once; after that one every ten seconds. */
const DIAL_BACKS_AT_ONCE_MAX: number = 3;
const DIAL_BACKS_PER_SECOND = 0.1;
/** Dial-backs under way for all members together; one more is told that this node is busy. */
export const DIAL_BACKS_RUNNING_MAX: number = 4;
/** Largest answer, in bytes. */
export const DIAL_BACK_BYTES_MAX: number = 4 * 1024;

/** How long all dials for one asker may take. */
const DIAL_MS = 6_000;
/** How long the answer is waited for. */
const ANSWER_MS = 7_500;
const STREAMS_AT_ONCE = 2;
/** Nothing is in the question, but a frame has at least one byte. */
const QUESTION = Uint8Array.of(1);

const OUTCOMES: ReadonlySet<string> = new Set(DIAL_OUTCOMES);

/** What a member says of its dials back, or why it says nothing. */
export type DialBackAnswer =
  | { readonly ok: true; readonly outcomes: readonly DialOutcome[] }
  | { readonly ok: false; readonly why: "busy" | "no-answer" };

export interface DialBackDeps {
  readonly host: Host;
  readonly fleet: FleetId;
  /** Whether `node` is a member, or named by the user. */
  readonly isTrusted: (node: NodeId) => boolean;
  /** The addresses that a connected node has said of itself and that are believed. */
  readonly addressesOf: (node: NodeId) => readonly string[];
  readonly knock: DialLoop["knock"];
  readonly rejected: (reason: TransportRejectReason, node: NodeId) => void;
}

export class DialBack {
  readonly #deps: DialBackDeps;
  readonly #protocol: string;
  readonly #budget = new PeerBudget({
    atOnceMax: DIAL_BACKS_AT_ONCE_MAX,
    perSecondMax: DIAL_BACKS_PER_SECOND,
  });
  #running = 0;

  constructor(deps: DialBackDeps) {
    this.#deps = deps;
    this.#protocol = `/pulsemesh/${deps.fleet}/dialback/1`;
  }

  async start(): Promise<void> {
    await this.#deps.host.handle(this.#protocol, this.#answer, {
      maxInboundStreams: STREAMS_AT_ONCE,
      maxOutboundStreams: STREAMS_AT_ONCE,
    });
  }

  /** Asks the member behind `connection` to dial this node back. Never rejects. */
  async ask(connection: Connection): Promise<DialBackAnswer> {
    let stream: Stream | undefined;
    try {
      stream = await connection.newStream(this.#protocol, {
        signal: AbortSignal.timeout(ANSWER_MS),
        maxOutboundStreams: STREAMS_AT_ONCE,
      });
      const answer = readOneFrame(stream, DIAL_BACK_BYTES_MAX, ANSWER_MS);
      // A stream that is gone already throws at the first byte: then nobody waits for the answer, and its end must not end the process.
      answer.catch(ignoreClosed);
      stream.send(encodeFrame(QUESTION));
      const bytes = await answer;
      closeSoftly(stream);
      return readAnswer(bytes, this.#deps.host.peerId.toString());
    } catch (error) {
      stream?.abort(error instanceof Error ? error : new Error("no answer"));
      return { ok: false, why: "no-answer" };
    }
  }

  readonly #answer = async (stream: Stream, connection: Connection): Promise<void> => {
    const node = connection.remotePeer.toString();
    if (!this.#deps.isTrusted(node)) {
      this.#deps.rejected("dial-back-refused", node);
      stream.abort(new Error("dialling back is for members"));
      return;
    }
    try {
      await readOneFrame(stream, QUESTION.length, ANSWER_MS);
      const body = await this.#dial(node);
      if (stream.status !== "open") return;
      stream.send(encodeFrame(dagCborCodec.encode(body)));
      closeSoftly(stream);
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error("dial-back failed"));
    }
  };

  /** What is answered: `null` when this node is busy, else `[address, outcome]` of each address. */
  async #dial(node: NodeId): Promise<readonly (readonly string[])[] | null> {
    if (this.#running >= DIAL_BACKS_RUNNING_MAX || !this.#budget.take(node, performance.now()))
      return null;
    this.#running += 1;
    try {
      const signal = AbortSignal.timeout(DIAL_MS);
      const hosts = this.#hostsOf(node);
      const addresses = this.#deps.addressesOf(node).slice(0, OWN_ADDRESSES_MAX);
      return await Promise.all(
        addresses.map(async (address) => {
          const { outcome: seen, hosts: tried } = await this.#deps.knock(node, address, signal);
          const outcome = saidAs(seen);
          const isItsHost = tried.every((host) => hosts.has(host));
          return [address, outcome === "reached" || isItsHost ? outcome : "failed"];
        }),
      );
    } finally {
      this.#running -= 1;
    }
  }

  /** Where a node connects from. */
  #hostsOf(node: NodeId): ReadonlySet<string> {
    const connections = this.#deps.host
      .getConnections()
      .filter(({ remotePeer }) => remotePeer.toString() === node);
    return new Set(connections.map(({ remoteAddr }) => remoteAddr.getComponents()[0]?.value ?? ""));
  }
}

/** Who is connected is in no other private network than this node, and members of earlier releases take no answer with a word that they do not know. */
function saidAs(outcome: DialOutcome["outcome"]): DialOutcome["outcome"] {
  return outcome === "no-handshake" ? "failed" : outcome;
}

/** Reads an answer strictly; anything else is none. */
export function readAnswer(bytes: Uint8Array, self: NodeId): DialBackAnswer {
  let body: unknown;
  try {
    body = dagCborCodec.decode(bytes);
  } catch {
    return { ok: false, why: "no-answer" };
  }
  if (body === null) return { ok: false, why: "busy" };
  if (!Array.isArray(body) || body.length > OWN_ADDRESSES_MAX)
    return { ok: false, why: "no-answer" };
  const outcomes: DialOutcome[] = [];
  for (const item of body as readonly unknown[]) {
    const [address, outcome] = Array.isArray(item) ? (item as readonly unknown[]) : [];
    if (typeof address !== "string" || address.length > ADDRESS_LENGTH_MAX)
      return { ok: false, why: "no-answer" };
    // Whatever a member makes up is shown to people: only what this node may have said itself.
    if (readAddress(address)?.node !== self || typeof outcome !== "string")
      return { ok: false, why: "no-answer" };
    if (!OUTCOMES.has(outcome)) return { ok: false, why: "no-answer" };
    outcomes.push({ address, outcome: outcome as DialOutcome["outcome"] });
  }
  return { ok: true, outcomes };
}

function ignoreClosed(): void {
  // It was closed already.
}
