/** Every failure of a call, with the gateway's stable code and next step, or the client's own when no answer came. */

export interface ClientErrorFields {
  readonly code: string;
  /** HTTP status; undefined when no answer came. */
  readonly status?: number | undefined;
  readonly detail: string;
  readonly next: string;
  /** Whether anything had taken effect; undefined when nobody can say. */
  readonly changed?: boolean | undefined;
  /** With 429 and 503, from Retry-After. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/**
 * Codes of the client itself: `node-unreachable` (no connection), `timed-out` (no answer in time), `answer-invalid` (what
 * answered is no gateway, or a broken one). All others come from the gateway.
 */
export class PulsemeshClientError extends Error {
  readonly code: string;
  readonly status: number | undefined;
  readonly detail: string;
  readonly next: string;
  readonly changed: boolean | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(fields: ClientErrorFields) {
    super(fields.detail, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = "PulsemeshClientError";
    this.code = fields.code;
    this.status = fields.status;
    this.detail = fields.detail;
    this.next = fields.next;
    this.changed = fields.changed;
    this.retryAfterMs = fields.retryAfterMs;
  }
}

/** The error in an answer: a problem document, or anything else that is no success. */
export async function errorOfAnswer(response: Response): Promise<PulsemeshClientError> {
  const retryAfterMs = retryAfter(response);
  const problem = await readProblem(response);
  if (problem === undefined) {
    return new PulsemeshClientError({
      code: "answer-invalid",
      status: response.status,
      detail: `${response.url || "The address"} answered ${response.status} in a way that no Pulsemesh node does.`,
      next: "Check that the address is that of a node's HTTP port.",
      retryAfterMs,
    });
  }
  return new PulsemeshClientError({ ...problem, status: response.status, retryAfterMs });
}

type Problem = Pick<ClientErrorFields, "code" | "detail" | "next" | "changed">;

async function readProblem(response: Response): Promise<Problem | undefined> {
  if (response.headers.get("content-type")?.startsWith("application/problem+json") !== true) {
    await response.body?.cancel();
    return undefined;
  }
  try {
    const body = (await response.json()) as Readonly<Record<string, unknown>>;
    const { code, detail, next, changed } = body;
    if (typeof code !== "string") return undefined;
    return {
      code,
      detail: typeof detail === "string" ? detail : code,
      next: typeof next === "string" ? next : "",
      ...(typeof changed === "boolean" ? { changed } : {}),
    };
  } catch {
    return undefined;
  }
}

function retryAfter(response: Response): number | undefined {
  const text = response.headers.get("retry-after");
  return text !== null && /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : undefined;
}
