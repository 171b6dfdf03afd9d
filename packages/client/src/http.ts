/** One HTTP call with a time limit and errors in one shape. */
import { errorOfAnswer, PulsemeshClientError } from "./client-error.ts";
import type { Shape } from "./shape.ts";

export interface HttpOptions {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  /** For errors. */
  readonly shownUrl: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly fetch: typeof fetch;
  readonly token: string | undefined;
}

/** Last argument of every call. */
export interface CallOptions {
  /** Ends the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** @default the client's */
  readonly timeoutMs?: number | undefined;
}

export interface HttpRequest extends CallOptions {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  /** Statuses that are answers, not errors, besides 2xx. */
  readonly accept?: readonly number[] | undefined;
}

type QueryValue = string | number | readonly string[] | undefined;

/**
 * The answer, headers received; the time limit goes on to cover the reading of its body. Without a limit (`Infinity`) the
 * caller's signals are the only end.
 * @throws PulsemeshClientError, or the reason of the signal that ended the call
 */
export async function send(http: HttpOptions, request: HttpRequest): Promise<Response> {
  const timeoutMs = request.timeoutMs ?? http.timeoutMs;
  const stop = [http.signal, request.signal].filter((signal) => signal !== undefined);
  const limit = timeoutMs === Number.POSITIVE_INFINITY ? undefined : AbortSignal.timeout(timeoutMs);
  const init: RequestInit = {
    method: request.method ?? "GET",
    headers: {
      ...(http.token === undefined ? {} : { authorization: `Bearer ${http.token}` }),
      ...request.headers,
    },
    // Nodes send nobody elsewhere, and who does would get the beat as a GET without its message.
    redirect: "manual",
    signal: AbortSignal.any(limit === undefined ? stop : [...stop, limit]),
    ...(request.body === undefined ? {} : { body: request.body }),
  };
  try {
    const response = await http.fetch(urlOf(http, request), init);
    if (response.ok || request.accept?.includes(response.status) === true) return response;
    throw await errorOfAnswer(response);
  } catch (error) {
    throw callError(error, { stop, limit, timeoutMs, shownUrl: http.shownUrl });
  }
}

/** The JSON in an answer. @throws PulsemeshClientError */
export async function sendForJson<T>(
  http: HttpOptions,
  request: HttpRequest,
  shape: Shape<T>,
): Promise<T> {
  return await jsonOf(http, await send(http, request), shape);
}

/** @throws PulsemeshClientError `answer-invalid` */
export async function jsonOf<T>(
  http: HttpOptions,
  response: Response,
  shape: Shape<T>,
): Promise<T> {
  let json: unknown;
  try {
    json = await response.json();
  } catch (cause) {
    throw answerInvalid(http, response, "it is no JSON or broke off", cause);
  }
  const fault = shape.fault(json, "");
  if (fault !== undefined) throw answerInvalid(http, response, fault);
  return json as T;
}

/** What answered is no gateway, or one of a release that says it otherwise. */
export function answerInvalid(
  { shownUrl }: HttpOptions,
  { status }: Response,
  why: string,
  cause?: unknown,
): PulsemeshClientError {
  return new PulsemeshClientError({
    code: "answer-invalid",
    status,
    detail: `${shownUrl} answered ${status} in a way that no Pulsemesh node of this release does: ${why}.`,
    next: "Check that the address is that of a node's HTTP port, and that both are of one release.",
    cause,
  });
}

function urlOf({ baseUrl }: HttpOptions, { path, query = {} }: HttpRequest): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const item of typeof value === "object" ? value : [value]) {
      parameters.append(name, String(item));
    }
  }
  const text = parameters.toString();
  return baseUrl + path + (text === "" ? "" : `?${text}`);
}

interface CallState {
  readonly stop: readonly AbortSignal[];
  readonly limit: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly shownUrl: string;
}

/** What a call rejects with: the caller's own reason when it stopped the call, else a client error. */
function callError(error: unknown, { stop, limit, timeoutMs, shownUrl }: CallState): unknown {
  if (error instanceof PulsemeshClientError) return error;
  const stopped = stop.find(({ aborted }) => aborted);
  if (stopped !== undefined) return stopped.reason;
  if (limit?.aborted === true) {
    return new PulsemeshClientError({
      code: "timed-out",
      detail: `${shownUrl} did not answer within ${timeoutMs} ms.`,
      next: "Try again, or allow more time.",
      cause: error,
    });
  }
  return new PulsemeshClientError({
    code: "node-unreachable",
    detail: `Cannot reach a node at ${shownUrl}.`,
    next: "Check that the node runs and that the address is right.",
    cause: error,
  });
}
