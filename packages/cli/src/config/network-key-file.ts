/** The key of a private network (rule AD12), kept in a file as go-libp2p's `swarm.key`: for `run` and for `join`. */
import { readSecret } from "./token-file.ts";

/** Both commands take it, by the same words. */
export const networkKeyFlag = {
  flags: "--network-key-file <file>",
  text: "key of a private network, in the format of swarm.key: whoever lacks it cannot connect",
  env: "PULSEMESH_NETWORK_KEY_FILE",
} as const;

/**
 * What the file holds, which the transport reads.
 * @throws PulsemeshError `option-invalid`
 */
export function readNetworkKeyFile(path: string | undefined): Uint8Array | undefined {
  if (path === undefined) return undefined;
  const text = readSecret(path, "--network-key-file", "option-invalid", { mayBePipe: true });
  return Buffer.from(text);
}
