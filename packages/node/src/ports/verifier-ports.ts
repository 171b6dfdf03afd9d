/** What it takes to check what a fleet has signed, without being a node of it: no key, no disk (rule VE10). */
import { dagCborCodec, type VerifierPorts } from "@pulsemesh/core";
import { createVerifier } from "./node-signature.ts";
import { sha256 } from "./sha256.ts";
import { tokenPort } from "./tokens.ts";

export function createVerifierPorts(): VerifierPorts {
  return {
    codec: dagCborCodec,
    hash: { sha256 },
    signature: createVerifier(),
    tokens: tokenPort,
  };
}
