/**
 * Signatures that are being verified in other threads, for a start with a thousand chains on disk: a verification takes as long as reading
 * ten entries, and core can go on reading meanwhile.
 */
import { type KeyObject, verify } from "node:crypto";
import type { NodeId } from "@pulsemesh/core";

/** Verifications under way or done and not asked for; what comes above it is computed when it is asked for. */
export const FORESEEN_MAX: number = 1_024;

/** Verifies in another thread and calls back in a later turn. */
export type VerifyInThread = (
  key: KeyObject,
  bytes: Uint8Array,
  signature: Uint8Array,
  done: (isSigned: boolean) => void,
) => void;

const verifyInThread: VerifyInThread = (key, bytes, signature, done) => {
  verify(null, bytes, key, signature, (error, isSigned) => done(error === null && isSigned));
};

interface Foreseen {
  readonly node: NodeId;
  readonly bytes: Uint8Array;
  isSigned: boolean | undefined;
}

export class ForeseenSignatures {
  /** By signature; who asks names the node and the bytes as well. */
  readonly #bySignature = new Map<string, Foreseen>();
  readonly #verify: VerifyInThread;

  constructor(verifyOne: VerifyInThread = verifyInThread) {
    this.#verify = verifyOne;
  }

  /** @throws where the signature is none, as `verify` of node:crypto does. */
  add(node: NodeId, key: KeyObject, bytes: Uint8Array, signature: Uint8Array): void {
    if (this.#bySignature.size >= FORESEEN_MAX) return;
    const foreseen: Foreseen = { node, bytes, isSigned: undefined };
    this.#verify(key, bytes, signature, (isSigned) => {
      foreseen.isSigned = isSigned;
    });
    this.#bySignature.set(nameOf(signature), foreseen);
  }

  /** What came out; undefined where nobody foresaw just this, or it is not done. It is asked for once. */
  take(node: NodeId, bytes: Uint8Array, signature: Uint8Array): boolean | undefined {
    if (this.#bySignature.size === 0) return undefined;
    const name = nameOf(signature);
    const foreseen = this.#bySignature.get(name);
    if (foreseen === undefined) return undefined;
    this.#bySignature.delete(name);
    const isSame = foreseen.node === node && Buffer.compare(foreseen.bytes, bytes) === 0;
    return isSame ? foreseen.isSigned : undefined;
  }
}

function nameOf(signature: Uint8Array): string {
  return Buffer.from(signature.buffer, signature.byteOffset, signature.byteLength).toString(
    "latin1",
  );
}
