/** A fleet's authority in the hands of a test: makes statements that say what the test wants, signed as {@link signTestToken} signs. */
import { createHash } from "node:crypto";
import {
  dagCborCodec,
  type CharterClaims,
  type Claims,
  type Cut,
  type FleetId,
  type GrantClaims,
  type HashHex,
  type KeyId,
  type NodeId,
  type RevocationClaims,
  type RootClaims,
  TOKEN_TYPES,
  writeClaims,
} from "@pulsemesh/core";
import { signTestToken, testKey } from "./test-tokens.ts";

/** In 2027, as where test rigs start. */
export const AUTHORITY_EPOCH_S: number = 1_800_000_000;
const DAY_S = 86_400;

export class TestAuthority {
  readonly fleet: FleetId;
  readonly #name: string;
  readonly #epochS: number;

  /**
   * @param name the same name gives the same keys
   * @param epochS when everything is issued and begins, where a test says nothing else
   */
  constructor(name: string = "fleet", epochS: number = AUTHORITY_EPOCH_S) {
    this.#name = name;
    this.#epochS = epochS;
    this.fleet = this.key("root 1");
  }

  key(name: string): KeyId {
    return testKey(`${this.#name}/${name}`);
  }

  /** Number 1 with one issuer, `issuer`, who may grant everything and also signs the charter; `claims` replaces what a test is about. */
  root(claims: Partial<RootClaims> = {}): string {
    return this.sign({
      kind: "root",
      signer: this.fleet,
      number: 1,
      previous: undefined,
      nextRootHash: this.keyHash("root 2"),
      charterKey: this.key("issuer"),
      issuers: [this.issuer("issuer")],
      voids: [],
      issuedS: this.#epochS,
      ...claims,
    });
  }

  issuer(name: string): RootClaims["issuers"][number] {
    return {
      key: this.key(name),
      expS: this.#epochS + 90 * DAY_S,
      roles: ["robot", "gateway", "operator", "responder", "observer"],
      robots: ["*"],
    };
  }

  grant(node: NodeId, claims: Partial<GrantClaims> = {}): string {
    return this.sign({
      kind: "grant",
      signer: this.key("issuer"),
      node,
      roles: ["robot"],
      robots: ["*"],
      region: "eu",
      auditKey: this.key(`audit of ${node}`),
      cosignKey: this.key(`cosign of ${node}`),
      notBeforeS: this.#epochS,
      expS: this.#epochS + 14 * DAY_S,
      issuedS: this.#epochS,
      ...claims,
    });
  }

  revocation(
    node: NodeId,
    cuts: readonly Cut[] = [],
    claims: Partial<RevocationClaims> = {},
  ): string {
    return this.sign({
      kind: "revocation",
      signer: this.key("issuer"),
      node,
      reason: "stolen",
      cuts,
      issuedS: this.#epochS + 1,
      ...claims,
    });
  }

  charter(root: string, claims: Partial<CharterClaims> = {}): string {
    return this.sign({
      kind: "charter",
      signer: this.key("issuer"),
      number: 1,
      previous: undefined,
      root: TestAuthority.idOf(root),
      revocations: 0,
      revocationsHash: hashOf([]),
      issuedS: this.#epochS,
      ...claims,
    });
  }

  /** By which a root statement commits to the next root's key. */
  keyHash(name: string): HashHex {
    return hashOf(this.key(name));
  }

  sign(claims: Claims): string {
    const type = TOKEN_TYPES[claims.kind];
    return signTestToken({ type, signer: claims.signer, claims: writeClaims(claims, this.fleet) });
  }

  static idOf(token: string): HashHex {
    return hashOf(token);
  }
}

function hashOf(value: unknown): HashHex {
  return createHash("sha256").update(dagCborCodec.encode(value)).digest("hex");
}
