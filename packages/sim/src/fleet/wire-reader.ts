/**
 * Reads messages off the wire for checks and attackers. On purpose not core's own decoder: what a check believes must not depend on the
 * code it checks.
 */
import type { CodecPort, NodeId } from "@pulsemesh/core";

export interface WirePulse {
  readonly author: NodeId;
  readonly boot: number;
  readonly seq: number;
  /** It says of its author that it was away a moment ago (rule PU6). */
  readonly doubts: boolean;
}

export interface WireStatement {
  readonly kind: "accuse" | "object" | "up" | "unknown" | "ack";
  readonly subject: NodeId;
  readonly boot: number;
  readonly seq: number;
}

export interface WireObservation {
  readonly author: NodeId;
  readonly boot: number;
  readonly seq: number;
  readonly statements: readonly WireStatement[];
}

export interface WireEnvelope {
  readonly author: NodeId;
  readonly kind: string;
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
}

const STATEMENT_KINDS = ["accuse", "object", "up", "unknown", "ack"] as const;

export class WireReader {
  readonly #codec: CodecPort;
  /** What was read of each message: a pulse, or that it is none. */
  readonly #pulses = new WeakMap<Uint8Array, WirePulse | "none">();

  constructor(codec: CodecPort) {
    this.#codec = codec;
  }

  envelope(bytes: Uint8Array): WireEnvelope | undefined {
    const map = this.#decode(bytes);
    if (map === undefined) return undefined;
    const { a: author, b: body, k: kind, s: signature } = map;
    const isWhole =
      typeof author === "string" &&
      typeof kind === "string" &&
      body instanceof Uint8Array &&
      signature instanceof Uint8Array;
    return isWhole ? { author, kind, body, signature } : undefined;
  }

  /** Reads each pulse once, however often it is delivered. */
  pulse(bytes: Uint8Array): WirePulse | undefined {
    const known = this.#pulses.get(bytes);
    if (known !== undefined) return known === "none" ? undefined : known;
    const envelope = this.envelope(bytes);
    const header = envelope?.kind === "pulse" ? this.#decode(envelope.body) : undefined;
    if (envelope === undefined || header === undefined) {
      this.#pulses.set(bytes, "none");
      return undefined;
    }
    const [boot, seq] = [Number(header["b"]), Number(header["q"])];
    const pulse = { author: envelope.author, boot, seq, doubts: header["d"] === 1 };
    this.#pulses.set(bytes, pulse);
    return pulse;
  }

  observation(bytes: Uint8Array): WireObservation | undefined {
    if (this.#pulses.get(bytes) !== undefined && this.#pulses.get(bytes) !== "none")
      return undefined;
    const envelope = this.envelope(bytes);
    if (envelope?.kind !== "observation") return undefined;
    const map = this.#decode(envelope.body);
    const items = map?.["i"];
    if (map === undefined || !Array.isArray(items)) return undefined;
    const statements = (items as readonly (readonly [number, NodeId, number, number])[]).map(
      ([kind, subject, boot, seq]) => ({
        kind: STATEMENT_KINDS[kind] ?? "unknown",
        subject,
        boot,
        seq,
      }),
    );
    return { author: envelope.author, boot: Number(map["b"]), seq: Number(map["q"]), statements };
  }

  #decode(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
    try {
      const value = this.#codec.decode(bytes);
      const isMap =
        typeof value === "object" &&
        value !== null &&
        !Array.isArray(value) &&
        !(value instanceof Uint8Array);
      return isMap ? (value as Readonly<Record<string, unknown>>) : undefined;
    } catch {
      return undefined;
    }
  }
}
