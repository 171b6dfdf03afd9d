/**
 * What a member with a key of its own can put on the wire: statements about others and old bytes of others, never a signature of
 * somebody else. Written against the wire format and not with core's encoders, as an attacker would.
 */
import type { NodeId, SignaturePort } from "@pulsemesh/core";
import type { Fleet } from "../fleet/fleet.ts";
import type { WireStatement } from "../fleet/wire-reader.ts";

const KINDS: readonly WireStatement["kind"][] = ["accuse", "object", "up", "unknown", "ack"];
/** Above every number that the honest core behind the same key will use. */
const FIRST_SEQ = 1_000_000;
const FLEET_ID = "simulatedfleetsimulatedfleetsimulatedfleetsimulated2";

/** One statement with the header that backs it. */
export interface ForgedStatement extends WireStatement {
  readonly evidence: Uint8Array | undefined;
}

export class Forger {
  readonly #fleet: Fleet;
  readonly #self: NodeId;
  readonly #keys: SignaturePort;
  #seq = FIRST_SEQ;

  constructor(fleet: Fleet, index: number) {
    this.#fleet = fleet;
    this.#self = fleet.node(index).id;
    this.#keys = fleet.shared.keys.portOf(this.#self);
  }

  /** An observation signed with the own key. */
  observation(boot: number, upMs: number, statements: readonly ForgedStatement[]): Uint8Array {
    const { codec } = this.#fleet.shared;
    const items = statements.map(({ kind, subject, boot: of, seq, evidence }) => [
      KINDS.indexOf(kind),
      subject,
      of,
      seq,
      evidence ?? null,
    ]);
    this.#seq += 1;
    return this.#seal(
      "observation",
      codec.encode({ b: boot, i: items, q: this.#seq, u: Math.floor(upMs) }),
    );
  }

  /** The signed header of a pulse without its attachment, as evidence carries it. */
  headerOf(pulse: Uint8Array): Uint8Array | undefined {
    const envelope = this.#fleet.wire.envelope(pulse);
    if (envelope === undefined) return undefined;
    const { author, body, kind, signature } = envelope;
    return this.#fleet.shared.codec.encode({ a: author, b: body, k: kind, s: signature });
  }

  #seal(kind: string, body: Uint8Array): Uint8Array {
    const { codec } = this.#fleet.shared;
    const domain = codec.encode([`pulsemesh/1/${kind}`, FLEET_ID]);
    const signature = this.#keys.sign(Uint8Array.from([...domain, ...body]));
    return codec.encode({ a: this.#self, b: body, k: kind, s: signature });
  }
}
