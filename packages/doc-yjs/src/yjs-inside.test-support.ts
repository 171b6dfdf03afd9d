/** Documents that can be looked into: what Yjs was handed and what it holds, for tests and for finding out why a document is as it is. */
import type { DocumentsPort } from "@pulsemesh/core";
import * as Y from "yjs";
import { createYjsDocuments } from "./yjs-documents.ts";

export interface YjsInside {
  readonly documents: DocumentsPort;
  /** The last document that Yjs worked on: its state, what waits in it, and the names of its roots. */
  canonical(): unknown;
  /** Whether nothing waits for something that is missing. */
  settled(): boolean;
  /** How often Yjs was handed an update. */
  handed(): number;
}

export function yjsInside(): YjsInside {
  let doc = new Y.Doc();
  let handed = 0;
  const documents = createYjsDocuments({
    integrate: (target, update) => {
      doc = target;
      handed++;
      Y.applyUpdate(target, update);
    },
  });
  return {
    documents,
    canonical: () => [
      Y.encodeStateAsUpdate(doc),
      doc.store.pendingStructs,
      doc.store.pendingDs,
      [...doc.share.keys()],
      [...doc.store.clients.keys()],
    ],
    settled: () => doc.store.pendingStructs === null && doc.store.pendingDs === null,
    handed: () => handed,
  };
}
