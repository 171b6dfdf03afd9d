/** What the audit log and people are told of a statement: names and numbers, never the token. */
import type { JsonObject } from "../json.ts";
import type { Statement } from "./statement.ts";

export function statementFacts({ id, claims }: Statement): JsonObject {
  const common = { id, kind: claims.kind, signer: claims.signer, issuedS: claims.issuedS };
  switch (claims.kind) {
    case "root": {
      const { number, charterKey } = claims;
      const issuers = claims.issuers.map(({ key }) => key);
      const voids = claims.voids.map(({ key }) => key);
      return { ...common, number, charterKey, issuers, voids };
    }
    case "charter": {
      const { number, root, revocations } = claims;
      return { ...common, number, root, revocations };
    }
    case "grant": {
      const { node, roles, robots, region, expS } = claims;
      return { ...common, node, roles, robots, region, expS };
    }
    case "revocation": {
      const { node, reason } = claims;
      const cuts = claims.cuts.map(({ document, epoch, seq, hash }) => [
        document,
        epoch,
        seq,
        hash,
      ]);
      return { ...common, node, reason, cuts };
    }
  }
}
