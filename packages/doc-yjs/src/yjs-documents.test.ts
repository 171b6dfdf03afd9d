import { documentsContract } from "@pulsemesh/testkit";
import { createYjsDocuments } from "./yjs-documents.ts";

documentsContract("Yjs", createYjsDocuments);
