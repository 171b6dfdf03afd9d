/**
 * Statements that have counted and do not count now (rules ME1, ME2): whose signer was left out or made void, and grants that a newer one has taken the
 * place of. The root's next word may make them count again: a thief's is outdone by a rotation, and of a void issuer an older grant may be what is kept.
 * So they are judged anew with every root statement, and deleted by nothing that a later one may take back.
 *
 * It is this node's own insurance: neither told, nor part of any digest. Whoever has something of it that counts again tells it to all others.
 */
import type { NodeId } from "../ids.ts";
import type { GrantClaims, RevocationClaims, StatementId } from "./claims.ts";
import type { Statement } from "./statement.ts";

/** Bytes of all tokens that are set aside; each character is one. */
export const ASIDE_BYTES_MAX: number = 32 * 1024 * 1024;
/** Grants of one issuer for one node that are set aside: a renewal a week leaves two that have not ended. */
export const ASIDE_GRANTS_MAX: number = 8;

type ByNode<T> = Map<NodeId, Map<StatementId, T>>;

export class SetAside {
  readonly #byId = new Map<StatementId, Statement>();
  readonly #grants: ByNode<Statement<GrantClaims>> = new Map();
  readonly #revocations: ByNode<Statement<RevocationClaims>> = new Map();
  #bytes = 0;

  has(id: StatementId): boolean {
    return this.#byId.has(id);
  }

  get(id: StatementId): Statement | undefined {
    return this.#byId.get(id);
  }

  ids(): readonly StatementId[] {
    return [...this.#byId.keys()];
  }

  /** True when it is kept. What is here stays, so that a flood pushes nothing out. */
  add(statement: Statement): boolean {
    const { token, id, claims } = statement;
    if (this.#bytes + token.length > ASIDE_BYTES_MAX) return false;
    if (isGrant(statement)) {
      const same = this.grantsOf(statement.claims.node).filter(
        (other) => other.claims.signer === claims.signer,
      );
      if (same.length >= ASIDE_GRANTS_MAX) return false;
      put(this.#grants, statement);
    } else if (isRevocation(statement)) put(this.#revocations, statement);
    this.#byId.set(id, statement);
    this.#bytes += token.length;
    return true;
  }

  delete(statement: Statement): void {
    const { id, token } = statement;
    if (!this.#byId.delete(id)) return;
    this.#bytes -= token.length;
    if (isGrant(statement)) remove(this.#grants, statement);
    else if (isRevocation(statement)) remove(this.#revocations, statement);
  }

  /** Empties it; what was in it, in the order in which it came. */
  takeAll(): readonly Statement[] {
    const statements = [...this.#byId.values()];
    this.#byId.clear();
    this.#grants.clear();
    this.#revocations.clear();
    this.#bytes = 0;
    return statements;
  }

  grantsOf(node: NodeId): readonly Statement<GrantClaims>[] {
    return [...(this.#grants.get(node)?.values() ?? [])];
  }

  /** Of all nodes, in no particular order. */
  grants(): readonly Statement<GrantClaims>[] {
    return [...this.#grants.values()].flatMap((ofNode) => [...ofNode.values()]);
  }

  revocationsOf(node: NodeId): readonly Statement<RevocationClaims>[] {
    return [...(this.#revocations.get(node)?.values() ?? [])];
  }

  /** Of all nodes together. */
  get revocationCount(): number {
    return [...this.#revocations.values()].reduce((sum, ofNode) => sum + ofNode.size, 0);
  }

  /** Nodes of whom a revocation is set aside, in no particular order. */
  revokedNodes(): readonly NodeId[] {
    return [...this.#revocations.keys()];
  }
}

function put<T extends Statement<GrantClaims | RevocationClaims>>(to: ByNode<T>, each: T): void {
  const ofNode = to.get(each.claims.node) ?? new Map<StatementId, T>();
  to.set(each.claims.node, ofNode.set(each.id, each));
}

function remove<T extends Statement<GrantClaims | RevocationClaims>>(
  from: ByNode<T>,
  { id, claims }: T,
): void {
  const ofNode = from.get(claims.node);
  ofNode?.delete(id);
  if (ofNode?.size === 0) from.delete(claims.node);
}

function isGrant(statement: Statement): statement is Statement<GrantClaims> {
  return statement.claims.kind === "grant";
}

function isRevocation(statement: Statement): statement is Statement<RevocationClaims> {
  return statement.claims.kind === "revocation";
}
