/**
 * Every error leaves the gateway in one shape: RFC 9457 problem+json with a stable `code`, whether anything had changed, and
 * the next step. Callers branch on `code`, people read `detail` and `next`.
 */
import { ERROR_CODES, type ErrorCode, PulsemeshError } from "@pulsemesh/core";
import { z } from "zod";
import { PROBLEM_TEXTS } from "./problem-texts.ts";

export const PROBLEM_MEDIA_TYPE: string = "application/problem+json; charset=utf-8";

export interface ProblemJson {
  /** Names the kind of problem for ever; nothing to fetch there. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  /** Whether anything had taken effect before it failed. */
  readonly changed: boolean;
  /** What to do now. */
  readonly next: string;
}

const codes = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

export const problemSchema: z.ZodType<ProblemJson> = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(codes),
  changed: z.boolean().describe("Whether anything had taken effect before it failed"),
  next: z.string().describe("What to do now"),
});

/** A {@link PulsemeshError} with what HTTP wants to add to it. */
export class HttpProblem extends Error {
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;
  /** The next step here, where that of the code is too general. */
  readonly next: string | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
    next?: string,
  ) {
    super(detail);
    this.name = "HttpProblem";
    this.code = code;
    this.headers = headers;
    this.next = next;
  }
}

export function problemJson(
  code: ErrorCode,
  detail: string,
  {
    changed = false,
    next,
  }: { readonly changed?: boolean | undefined; readonly next?: string | undefined } = {},
): ProblemJson {
  const { status } = ERROR_CODES[code];
  const { title, next: general } = PROBLEM_TEXTS[code];
  const type = `urn:pulsemesh:problem:${code}`;
  return { type, title, status, detail, code, changed, next: next ?? general };
}

export interface Answer {
  readonly problem: ProblemJson;
  readonly headers: Readonly<Record<string, string>>;
}

/** What fastify's own errors mean here, by their code. */
const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body-too-large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "media-type-unsupported",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "request-invalid",
  FST_ERR_CTP_EMPTY_TYPE: "media-type-unsupported",
  FST_ERR_BAD_URL: "request-invalid",
  FST_ERR_MAX_PARAM_LENGTH: "request-invalid",
  FST_ERR_ASYNC_CONSTRAINT: "request-invalid",
};

/** Turns whatever was thrown into an answer. What nobody expected becomes `internal`, without its text: that goes to the log. */
export function answerOf(error: unknown): Answer {
  if (error instanceof HttpProblem) {
    const { code, message, headers, next } = error;
    return { problem: problemJson(code, message, { next }), headers };
  }
  if (error instanceof PulsemeshError) {
    return {
      problem: problemJson(error.code, error.message, { changed: error.changed }),
      headers: {},
    };
  }
  const code = FRAMEWORK_CODES[codeOf(error)];
  if (code !== undefined && error instanceof Error) {
    return { problem: problemJson(code, error.message), headers: {} };
  }
  return { problem: problemJson("internal", "The node failed to answer."), headers: {} };
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
