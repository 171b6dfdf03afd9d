/** A member's keys and an issuer at work, for tests of enrolment: on a folder of its own, by a clock that a test turns. */
import type { FleetId, GrantClaims, NodeId, Now } from "@pulsemesh/core";
import { encodeBase32 } from "../keys/base32.ts";
import { generateSeed } from "../keys/ed25519.ts";
import { keyFromSeed } from "../keys/key-file.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import { type MemberKeys, writeRequest } from "./grant-request.ts";
import { createIssuer, type Issuer, type IssuerOptions } from "./issuer.ts";

/** In 2027, in Unix seconds. */
export const START_S: number = 1_800_000_000;

export function makeMember(): MemberKeys & { readonly id: NodeId } {
  const [node, audit, cosign] = [newKey(), newKey(), newKey()];
  return { node, audit, cosign, id: nodeIdOf(node.publicKey) };
}

export function requestOf(keys: MemberKeys, fleet?: string): string {
  return writeRequest({ fleet, name: "eu-1", region: "eu", atS: START_S }, keys);
}

const newKey = (): MemberKeys["node"] => keyFromSeed(generateSeed());

export class IssuerRig {
  readonly key: MemberKeys["node"] = newKey();
  readonly fleet: FleetId = encodeBase32(newKey().publicKey);
  readonly self: NodeId = nodeIdOf(newKey().publicKey);
  readonly grants: Map<NodeId, GrantClaims> = new Map();
  readonly revoked: Set<NodeId> = new Set();
  readonly dir: string;
  now: Now = { monoMs: 0, wallMs: START_S * 1_000 };

  constructor(dir: string) {
    this.dir = dir;
  }

  /** An issuer as after a start of the node: nothing but the folder is left of the one before. */
  start(options: Partial<IssuerOptions> = {}): Issuer {
    return createIssuer({
      dir: this.dir,
      fleet: this.fleet,
      self: this.self,
      key: this.key,
      bounds: {
        expS: START_S + 90 * 86_400,
        roles: ["robot", "gateway", "observer"],
        robots: ["zap-*"],
      },
      members: {
        grantOf: (node) => this.grants.get(node),
        isRevoked: (node) => this.revoked.has(node),
      },
      now: () => this.now,
      ...options,
    });
  }

  pass(ms: number): void {
    this.now = { monoMs: this.now.monoMs + ms, wallMs: this.now.wallMs + ms };
  }
}
