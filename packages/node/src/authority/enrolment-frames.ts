/** What a stranger and an issuer say to each other in enrolment (rule ME7): one question and one answer, in dag-cbor. */
import { dagCborCodec, STATEMENT_LENGTH_MAX } from "@pulsemesh/core";
import { INVITE_LENGTH_MAX } from "./invite.ts";
import { REQUEST_LENGTH_MAX } from "./grant-request.ts";

/** Statements in an answer: root statements, the charter and the grant. */
export const ENROLMENT_STATEMENTS_MAX: number = 130;
const DETAIL_LENGTH = 512;
const CODE = /^[a-z][a-z-]{0,39}$/;

export interface EnrolmentQuestion {
  /** Undefined where the issuer takes everybody. */
  readonly invite: string | undefined;
  readonly request: string;
}

export type EnrolmentAnswer =
  | {
      readonly ok: true;
      /** In an order in which they can be taken, the grant last. */
      readonly statements: readonly string[];
    }
  | { readonly ok: false; readonly code: string; readonly detail: string };

export function encodeQuestion({ invite, request }: EnrolmentQuestion): Uint8Array {
  return dagCborCodec.encode({ i: invite ?? null, r: request });
}

/** Undefined for anything else than a question. Never throws. */
export function decodeQuestion(bytes: Uint8Array): EnrolmentQuestion | undefined {
  const { i: invite, r: request } = decodeMap(bytes);
  if (!isTextUpTo(request, REQUEST_LENGTH_MAX)) return undefined;
  if (invite === null) return { invite: undefined, request };
  return isTextUpTo(invite, INVITE_LENGTH_MAX) ? { invite, request } : undefined;
}

export function encodeAnswer(answer: EnrolmentAnswer): Uint8Array {
  if (answer.ok) return dagCborCodec.encode({ s: answer.statements });
  return dagCborCodec.encode({ c: answer.code, d: answer.detail.slice(0, DETAIL_LENGTH) });
}

/** Undefined for anything else than an answer. Never throws. */
export function decodeAnswer(bytes: Uint8Array): EnrolmentAnswer | undefined {
  const { s: statements, c: code, d: detail } = decodeMap(bytes);
  if (Array.isArray(statements)) {
    if (statements.length > ENROLMENT_STATEMENTS_MAX) return undefined;
    const isEach = statements.every((token) => isTextUpTo(token, STATEMENT_LENGTH_MAX));
    return isEach ? { ok: true, statements } : undefined;
  }
  if (!isTextUpTo(code, 40) || !CODE.test(code)) return undefined;
  return isTextUpTo(detail, DETAIL_LENGTH) ? { ok: false, code, detail } : undefined;
}

function decodeMap(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = dagCborCodec.decode(bytes);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function isTextUpTo(value: unknown, lengthMax: number): value is string {
  return typeof value === "string" && value.length <= lengthMax;
}
