/**
 * The one error class of the edges (STYLE rules 29, 30). Core itself never throws for what comes from outside: it returns values.
 * Every code stands in {@link ERROR_CODES} once, with the HTTP status it maps to; codes are never re-used for something else.
 */
import type { CommandErrorCode } from "./command.ts";

/** All stable codes with their HTTP status and exit code. */
export const ERROR_CODES: Readonly<
  Record<ErrorCode, { readonly status: number; readonly exit: number }>
> = {
  "robot-id-invalid": { status: 400, exit: 2 },
  "robot-unknown": { status: 404, exit: 1 },
  "robot-alive": { status: 409, exit: 1 },
  "peer-unknown": { status: 404, exit: 1 },
  "peer-alive": { status: 409, exit: 1 },
  "peer-uncertain": { status: 409, exit: 3 },
  "robots-max": { status: 507, exit: 1 },
  "robot-not-granted": { status: 403, exit: 2 },
  "beats-too-many": { status: 429, exit: 1 },
  "schedule-invalid": { status: 422, exit: 2 },
  "label-invalid": { status: 422, exit: 2 },
  "state-too-large": { status: 422, exit: 2 },
  "state-too-deep": { status: 422, exit: 2 },
  "state-invalid": { status: 422, exit: 2 },
  "precondition-failed": { status: 412, exit: 1 },
  "statement-malformed": { status: 422, exit: 2 },
  "statement-oversized": { status: 422, exit: 2 },
  "statement-unknown": { status: 422, exit: 2 },
  "fleet-foreign": { status: 422, exit: 2 },
  "signer-unknown": { status: 403, exit: 1 },
  "invite-needed": { status: 403, exit: 2 },
  "network-key-needed": { status: 403, exit: 2 },
  "issuer-none": { status: 409, exit: 2 },
  "issuer-last": { status: 409, exit: 1 },
  "authority-full": { status: 507, exit: 1 },
  observer: { status: 403, exit: 2 },
  twin: { status: 503, exit: 1 },
  "not-ready": { status: 503, exit: 3 },
  "json-invalid": { status: 400, exit: 2 },
  "request-invalid": { status: 400, exit: 2 },
  "media-type-unsupported": { status: 415, exit: 2 },
  "body-too-large": { status: 413, exit: 2 },
  "headers-too-large": { status: 431, exit: 2 },
  "request-timed-out": { status: 408, exit: 124 },
  "host-forbidden": { status: 403, exit: 2 },
  "origin-forbidden": { status: 403, exit: 2 },
  "event-streams-max": { status: 503, exit: 1 },
  "not-found": { status: 404, exit: 1 },
  "method-not-allowed": { status: 405, exit: 2 },
  "store-locked": { status: 503, exit: 2 },
  "store-failed": { status: 507, exit: 1 },
  "store-full": { status: 507, exit: 1 },
  "store-newer": { status: 503, exit: 2 },
  "verdict-none": { status: 404, exit: 1 },
  "bundle-invalid": { status: 422, exit: 2 },
  "bundle-newer": { status: 422, exit: 2 },
  "backup-running": { status: 503, exit: 1 },
  "backup-damaged": { status: 422, exit: 1 },
  "backup-unwritable": { status: 507, exit: 2 },
  "data-dir-unusable": { status: 503, exit: 2 },
  "address-in-use": { status: 503, exit: 2 },
  "address-invalid": { status: 400, exit: 2 },
  "fleet-mismatch": { status: 503, exit: 2 },
  "join-failed": { status: 503, exit: 1 },
  "http-insecure": { status: 400, exit: 2 },
  "option-invalid": { status: 400, exit: 2 },
  "config-invalid": { status: 422, exit: 2 },
  "config-none": { status: 409, exit: 2 },
  "data-dir-open": { status: 503, exit: 2 },
  "tls-invalid": { status: 422, exit: 2 },
  "token-file-invalid": { status: 422, exit: 2 },
  "token-wrong": { status: 401, exit: 2 },
  "operator-only": { status: 403, exit: 2 },
  "passphrase-wrong": { status: 403, exit: 2 },
  "passphrase-file-invalid": { status: 422, exit: 2 },
  "request-malformed": { status: 422, exit: 2 },
  "grant-beyond": { status: 403, exit: 2 },
  "grant-none": { status: 403, exit: 1 },
  "key-revoked": { status: 403, exit: 1 },
  "invite-malformed": { status: 422, exit: 2 },
  "invite-unknown": { status: 404, exit: 1 },
  "invite-used": { status: 403, exit: 1 },
  "invite-expired": { status: 403, exit: 1 },
  "invite-foreign": { status: 403, exit: 1 },
  "invites-max": { status: 507, exit: 1 },
  "enrol-rate": { status: 429, exit: 1 },
  "node-unreachable": { status: 503, exit: 3 },
  "timed-out": { status: 504, exit: 124 },
  stopped: { status: 503, exit: 1 },
  internal: { status: 500, exit: 1 },
};

export type ErrorCode =
  | CommandErrorCode
  | "invite-needed"
  | "network-key-needed"
  | "issuer-none"
  | "issuer-last"
  | "json-invalid"
  | "request-invalid"
  | "media-type-unsupported"
  | "body-too-large"
  | "headers-too-large"
  | "request-timed-out"
  | "host-forbidden"
  | "origin-forbidden"
  | "event-streams-max"
  | "not-found"
  | "method-not-allowed"
  | "store-locked"
  | "store-failed"
  | "store-full"
  | "store-newer"
  | "verdict-none"
  | "bundle-invalid"
  | "bundle-newer"
  | "backup-running"
  | "backup-damaged"
  | "backup-unwritable"
  | "data-dir-unusable"
  | "address-in-use"
  | "address-invalid"
  | "fleet-mismatch"
  | "join-failed"
  | "http-insecure"
  | "option-invalid"
  | "config-invalid"
  | "config-none"
  | "data-dir-open"
  | "tls-invalid"
  | "token-file-invalid"
  | "token-wrong"
  | "operator-only"
  | "passphrase-wrong"
  | "passphrase-file-invalid"
  | "request-malformed"
  | "grant-beyond"
  | "grant-none"
  | "key-revoked"
  | "invite-malformed"
  | "invite-unknown"
  | "invite-used"
  | "invite-expired"
  | "invite-foreign"
  | "invites-max"
  | "enrol-rate"
  | "node-unreachable"
  | "timed-out"
  | "stopped"
  | "internal";

/** A failure with a stable code. `changed` says whether anything had taken effect before it. */
export class PulsemeshError extends Error {
  readonly code: ErrorCode;
  readonly changed: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly changed?: boolean | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PulsemeshError";
    this.code = code;
    this.changed = options.changed ?? false;
  }
}
