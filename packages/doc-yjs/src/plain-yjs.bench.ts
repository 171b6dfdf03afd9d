/** The baseline of the documents bench: one Y.Map that grows with its history, and updates that nobody looks at first. */
import * as Y from "yjs";

const ROOT = "robots";

/** A document without generations, and what its state weighs. */
export interface PlainYjs {
  set(robot: string, value: unknown): void;
  apply(update: Uint8Array): void;
  stateBytes(): number;
}

export function plainYjs(clientId: number): PlainYjs {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  const root = doc.getMap(ROOT);
  return {
    set: (robot, value) => void root.set(robot, value),
    apply: (update) => Y.applyUpdate(doc, update),
    stateBytes: () => Y.encodeStateAsUpdate(doc).length,
  };
}

/** Reads a V2 update, the encoding that the wire forbids. */
export function decodePlainV2(update: Uint8Array): number {
  return Y.decodeUpdateV2(update).structs.length;
}

/** Bytes of keys and of values as JSON in a snapshot: what its document shows. */
export function liveBytesOf(parts: readonly Uint8Array[]): number {
  const doc = new Y.Doc();
  for (const part of parts) Y.applyUpdate(doc, part);
  let bytes = 0;
  for (const root of doc.share.keys())
    for (const [robot, value] of Object.entries(doc.getMap(root).toJSON()))
      bytes += robot.length + JSON.stringify(value).length;
  return bytes;
}
