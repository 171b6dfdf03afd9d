/** Statements of the authority that all nodes of a run are handed: read once, as every node would read the same. */
import type { ReadToken, TokenPort } from "@pulsemesh/core";
import { testTokens } from "@pulsemesh/testkit";

export function createCachedTokens(): TokenPort {
  const known = new Map<string, ReadToken | undefined>();
  return {
    read(token: string): ReadToken | undefined {
      if (!known.has(token)) known.set(token, testTokens.read(token));
      return known.get(token);
    },
    signerOf: (token) => testTokens.signerOf(token),
  };
}
