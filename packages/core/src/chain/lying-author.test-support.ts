/**
 * An author that signs whatever it likes: branches, snapshots with invented predecessors, contradicting covers. Its entries are valid one by
 * one. Nothing outside of tests imports it.
 */
import type { DocumentsPort } from "../ports.ts";
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import { encodeSync } from "../sync/messages.ts";
import { sealEnvelope } from "../wire/envelope.ts";
import { toHex } from "../wire/hex.ts";
import { generationClientId } from "./client-id.ts";
import { encodeEntryBody, type EntryPayload, type Place } from "./entry.ts";
import type { VirtualMesh } from "./virtual-mesh.test-support.ts";

const HLC = 700_000_000_000_000;

export interface Lie {
  readonly place: Place;
  readonly bytes: Uint8Array;
  readonly parts: readonly Uint8Array[];
}

export class LyingAuthor {
  readonly #env: Env;
  readonly #documents: () => DocumentsPort;
  /** What each entry follows, and what it says, by its hash. */
  readonly #said = new Map<
    string,
    { readonly place: Place; readonly prev: string; readonly payload: EntryPayload }
  >();
  readonly #parts = new Map<string, readonly Uint8Array[]>();

  constructor(env: Env, documents: () => DocumentsPort) {
    this.#env = env;
    this.#documents = documents;
  }

  get #author(): NodeId {
    return this.#env.identity.self;
  }

  header(epoch: number, name: string = "m"): Lie {
    const payload = { kind: "header", name, region: "r", agent: "x", prev: undefined } as const;
    return this.#seal({ epoch, seq: 0, hash: "" }, payload);
  }

  /** Sets field `v` of the robot after `prev`. */
  delta(prev: Place, v: string, robot: string = "r"): Lie {
    const { epoch } = prev;
    const generation = { document: "reported" as const, author: this.#author, epoch };
    const documents = this.#documentsAt(prev);
    const value = { f: { "/state/v": [HLC, v] }, t: {} };
    const update = documents.write(generation, [{ robot, value }]);
    return this.#seal({ ...prev, seq: prev.seq + 1 }, { kind: "delta", update });
  }

  /** Any bytes in the place of an update. */
  deltaOf(prev: Place, update: Uint8Array): Lie {
    return this.#seal({ ...prev, seq: prev.seq + 1 }, { kind: "delta", update });
  }

  /** An entry of a kind that only a later version knows. */
  later(prev: Place): Lie {
    return this.#seal({ ...prev, seq: prev.seq + 1 }, { kind: "unknown" });
  }

  /** A snapshot at `seq` that holds one robot, or none. */
  snapshot(
    prev: Place,
    v: string | undefined,
    covers: readonly Place[] = [],
    seq: number = prev.seq + 1,
    robotsSaid?: number,
  ): Lie {
    const generation = { document: "reported" as const, author: this.#author, epoch: prev.epoch };
    const value = { f: { "/state/v": [HLC, v ?? ""] }, t: {} };
    const clientId = generationClientId(this.#env, generation, seq);
    const robots = v === undefined ? [] : [{ robot: "r", value }];
    const parts = this.#documents().snapshot(generation, clientId, robots, 262_144);
    const hashes = parts.map((part) => toHex(this.#env.ports.hash.sha256(part)));
    const payload = {
      kind: "snapshot",
      parts: hashes,
      robots: robotsSaid ?? robots.length,
      covers,
    } as const;
    const lie = { ...this.#seal({ ...prev, seq }, payload), parts };
    this.#parts.set(lie.place.hash, parts);
    return lie;
  }

  /** The generation as it is after an entry, so that the next one passes the gate. */
  #documentsAt({ epoch, hash }: Place): DocumentsPort {
    const documents = this.#documents();
    const generation = { document: "reported" as const, author: this.#author, epoch };
    documents.open(generation, generationClientId(this.#env, generation, 0));
    const updates: Uint8Array[] = [];
    for (let said = this.#said.get(hash); said !== undefined; said = this.#said.get(said.prev)) {
      const { payload, place } = said;
      if (payload.kind === "delta") updates.unshift(payload.update);
      if (payload.kind !== "snapshot") continue;
      const clientId = generationClientId(this.#env, generation, place.seq);
      documents.adopt(generation, clientId, this.#parts.get(place.hash) ?? []);
      break;
    }
    for (const update of updates) documents.apply(generation, update);
    return documents;
  }

  /** Hands an entry with its parts to a node, by gossip and then by sync, as a peer that the node asked. */
  tell(net: VirtualMesh, id: string, { bytes, parts, place }: Lie): void {
    const node = net.nodes.get(id);
    if (node === undefined) return;
    net.input(node, (now) => void node.chains.onGossip(this.#author, bytes, now));
    const items = [{ author: this.#author, place, forkHash: undefined, opening: undefined }];
    const vector = {
      type: "vector",
      document: "reported",
      items,
      first: true,
      last: true,
    } as const;
    const have = { type: "have", entries: [bytes], parts, more: false } as const;
    net.input(node, (now) => node.chains.onPeerUp(this.#author, now));
    net.input(node, (now) => node.chains.onSync(this.#author, encodeSync(this.#env, vector), now));
    net.input(node, (now) => node.chains.onSync(this.#author, encodeSync(this.#env, have), now));
    net.input(node, () => node.chains.onPeerDown(this.#author));
  }

  #seal({ epoch, seq, hash: prev }: Place, payload: EntryPayload): Lie {
    const prevHash = seq === 0 ? undefined : prev;
    const entry = { document: "reported", epoch, seq, prevHash, hlc: 5, payload } as const;
    const body = encodeEntryBody(this.#env, entry);
    const hash = toHex(this.#env.ports.hash.sha256(body));
    const bytes = sealEnvelope(this.#env, "entry", body);
    const place = { epoch, seq, hash };
    this.#said.set(hash, { place, prev, payload });
    return { place, bytes, parts: [] };
  }
}
