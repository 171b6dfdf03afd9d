/** What the files of keys and statements are called (rule ME6). */

/** Names of the keys, in the data directory or beside the root's. */
export const AUTHORITY_FILES = {
  root: "fleet-root.key",
  nextRoot: "fleet-root-next.key",
  rootStatements: "root-statements.json",
  issuer: "issuer.key",
  audit: "audit.key",
  cosign: "cosign.key",
  pin: "fleet.json",
  statements: "authority.json",
} as const;

/** Where members were last seen. */
export const ADDRESSES_FILE = "addresses.json";
