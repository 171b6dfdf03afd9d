/** SHA-256 for core, and for whoever hashes as core does. */
import { hash } from "node:crypto";

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash("sha256", bytes, "buffer"));
}
