/** Operations about the fleet's authority: who may be in it, by whose word (rules HT35, HT36). */
import { authorityShape, enrolmentShape, inviteShape, invitesShape } from "./answer-shapes.ts";
import { type CallOptions, type HttpOptions, send, sendForJson } from "./http.ts";
import type {
  AuthorityJson,
  InviteJson,
  InviteTermsJson,
  OpenInviteJson,
  TermsJson,
} from "./json.ts";

export interface GrantOptions extends CallOptions, TermsJson {
  /** 1 min to 31 days. @default 14 days */
  readonly lifeMs?: number | undefined;
}

export interface AuthorityCalls {
  /** Who may be in the fleet, by whose word and until when. */
  authority(options?: CallOptions): Promise<AuthorityJson>;
  /** Hands a signed root statement, charter, grant or revocation (a compact JWS) to the fleet. */
  submitStatement(token: string, options?: CallOptions): Promise<void>;
  /** Hands over several that are judged as a whole, such as the root statements of a fleet: all that counts is taken, and it fails where not all does. */
  submitStatements(tokens: readonly string[], options?: CallOptions): Promise<void>;
  /** Makes an invite at a node with an issuer's key. */
  invite(terms?: InviteTermsJson, options?: CallOptions): Promise<InviteJson>;
  /** Invites of that node that have not ended. */
  invites(options?: CallOptions): Promise<readonly OpenInviteJson[]>;
  /** Closes an invite of that node, by its id; who has used it stays a member. */
  withdrawInvite(id: string, options?: CallOptions): Promise<void>;
  /** Makes the node that wrote `request` a member, at a node with an issuer's key; the statements that it needs. */
  grant(request: string, terms?: GrantOptions): Promise<readonly string[]>;
  /** Ends a membership for good, at a node with an issuer's key. */
  revoke(id: string, reason: string, options?: CallOptions): Promise<void>;
}

const INVITES = "/api/v1/authority/invites";
const headers = { "content-type": "application/json" };

export function authorityCalls(http: HttpOptions): AuthorityCalls {
  return {
    authority: (call = {}) =>
      sendForJson(http, { ...call, path: "/api/v1/authority" }, authorityShape),
    submitStatement: async (token, call = {}) => {
      const body = JSON.stringify({ token });
      const path = "/api/v1/authority/statements";
      await send(http, { ...call, method: "POST", path, headers, body });
    },
    submitStatements: async (tokens, call = {}) => {
      const body = JSON.stringify({ tokens });
      const path = "/api/v1/authority/statements";
      await send(http, { ...call, method: "POST", path, headers, body });
    },
    invite: (terms = {}, call = {}) => {
      const body = JSON.stringify(terms);
      const asked = { ...call, method: "POST", path: INVITES, headers, body } as const;
      return sendForJson(http, asked, inviteShape);
    },
    invites: async (call = {}) =>
      (await sendForJson(http, { ...call, path: INVITES }, invitesShape)).invites,
    withdrawInvite: async (id, call = {}) => {
      await send(http, { ...call, method: "DELETE", path: `${INVITES}/${encodeURIComponent(id)}` });
    },
    grant: async (request, { roles, robots, region, lifeMs, ...call } = {}) => {
      const path = "/api/v1/authority/grants";
      const body = JSON.stringify({ request, roles, robots, region, life_ms: lifeMs });
      const asked = { ...call, method: "POST", path, headers, body } as const;
      return (await sendForJson(http, asked, enrolmentShape)).statements;
    },
    revoke: async (id, reason, call = {}) => {
      const path = `/api/v1/peers/${encodeURIComponent(id)}/revocation`;
      const body = JSON.stringify({ reason });
      await send(http, { ...call, method: "POST", path, headers, body });
    },
  };
}
