/**
 * A document that one author has begun, for tests that throw forged updates at it: each attempt must be refused without a trace,
 * or taken with nothing left waiting. How to look inside is up to whoever knows the implementation.
 */
import type { DocumentsPort, GateCode, GenerationRef, Json } from "@pulsemesh/core";
import { expect } from "vitest";
import { forgeUpdate } from "./forged-update.ts";
import type { Bytes } from "./forged-update.ts";

/** The generation under attack. */
export const ATTACKED: GenerationRef = {
  document: "reported",
  author: "12D3KooWAuthorOne",
  epoch: 1,
};
/** Name of its author's root. */
export const OWN_ROOT = "uthorOne";
export const OWN_CLIENT: number = 2 ** 32 + 77;
export const FOREIGN_CLIENT: number = 2 ** 32 + 99;
/** The clock that comes next: `arm` was set at 0 and 2, `belt` at 1. */
export const NEXT_CLOCK = 3;
export const ARM_NEWEST: readonly [number, number] = [OWN_CLIENT, 2];
export const BELT_NEWEST: readonly [number, number] = [OWN_CLIENT, 1];

/** What the implementation shows of itself. */
export interface AttackedInside {
  readonly documents: DocumentsPort;
  /** Everything that could change, waiting structs included, in a form that `toEqual` compares. */
  canonical(): unknown;
  /** Whether nothing waits for something that is missing. */
  settled(): boolean;
  /** How often the CRDT library was handed an update. */
  handed(): number;
}

export interface AttackedDocument {
  readonly inside: AttackedInside;
  /** Asserts that the update is refused with this code, that nothing changed, and that the library never saw it. */
  refused(update: Uint8Array, code?: GateCode): void;
  /** Asserts that the update is taken with these changes and that nothing waits. */
  taken(update: Uint8Array, ...changes: readonly (readonly [string, Json | undefined])[]): void;
}

/** Writes the first three deltas and returns the means of attack. */
export function attackedDocument(inside: AttackedInside): AttackedDocument {
  const { documents } = inside;
  begin(documents);
  return {
    inside,
    refused(update, code) {
      const before = [inside.canonical(), [...documents.read(ATTACKED)]];
      const handed = inside.handed();
      const result = documents.apply(ATTACKED, update);
      expect(result.ok).toBe(false);
      if (code !== undefined) expect(result).toEqual({ ok: false, code });
      expect([inside.canonical(), [...documents.read(ATTACKED)]]).toEqual(before);
      expect(inside.handed()).toBe(handed);
    },
    taken(update, ...changes) {
      const result = documents.apply(ATTACKED, update);
      expect(result).toEqual({
        ok: true,
        changes: changes.map(([robot, value]) => ({ robot, value })),
      });
      expect(inside.settled()).toBe(true);
    },
  };
}

/** Opens the generation and writes what is in it when the attack begins. */
export function begin(documents: DocumentsPort): void {
  documents.open(ATTACKED, OWN_CLIENT);
  documents.write(ATTACKED, [{ robot: "arm", value: { status: "idle" } }]);
  documents.write(ATTACKED, [{ robot: "belt", value: 1 }]);
  documents.write(ATTACKED, [{ robot: "arm", value: { status: "busy" } }]);
}

/** A delta with these structs where the author's own next one would be. */
export function ownDelta(...structs: readonly Bytes[]): Uint8Array {
  return forgeUpdate([{ client: OWN_CLIENT, clock: NEXT_CLOCK, structs }]);
}
