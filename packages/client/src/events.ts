/**
 * The event stream as an async iterable that survives disconnects: it comes back with the id of the last event, and where the
 * node cannot go on from there, the node itself says so with a `pulsemesh.lost` event. It ends when its signal says so.
 */
import { eventShape } from "./answer-shapes.ts";
import { PulsemeshClientError } from "./client-error.ts";
import { EventStreamParser } from "./event-stream.ts";
import { answerInvalid, type HttpOptions, send } from "./http.ts";
import type { EventJson } from "./json.ts";

export interface EventsOptions {
  /** Event types without prefix, such as `robot-status`; empty takes all. */
  readonly types?: readonly string[] | undefined;
  /** Only events about this robot. */
  readonly robot?: string | undefined;
  /** Go on after this event. */
  readonly lastEventId?: string | undefined;
  /** Ends the iteration without an error. */
  readonly signal?: AbortSignal | undefined;
  /** Come back after a disconnect. The first connection must succeed either way. @default true */
  readonly reconnect?: boolean | undefined;
  /** Called whenever a connection stands: events from now on are not missed. */
  readonly onOpen?: (() => void) | undefined;
}

/** A stream that is silent for three of the node's keep-alives is dead. */
const SILENCE_MS_MAX = 45_000;
const RETRY_MS = 500;
const RETRY_MS_MAX = 4_000;

interface StreamState {
  lastId: string | undefined;
  retryMs: number;
}

/** @throws PulsemeshClientError when the first connection fails, or the node refuses the request for good */
export async function* readEvents(
  http: HttpOptions,
  options: EventsOptions = {},
): AsyncGenerator<EventJson, void, undefined> {
  const stop = new AbortController();
  const outer = [http.signal, options.signal].filter((signal) => signal !== undefined);
  const ended = AbortSignal.any([...outer, stop.signal]);
  const state: StreamState = { lastId: options.lastEventId, retryMs: RETRY_MS };
  let connected = false;
  try {
    while (!ended.aborted) {
      try {
        for await (const item of readOnce(http, options, state, ended)) {
          if (item === "open") {
            connected = true;
            options.onOpen?.();
          } else yield item;
        }
      } catch (error) {
        if (ended.aborted) return;
        if (!connected || !isPassing(error)) throw error;
      }
      if (options.reconnect === false) return;
      await pause(state.retryMs, ended);
      state.retryMs = Math.min(state.retryMs * 2, RETRY_MS_MAX);
    }
  } finally {
    stop.abort();
  }
}

/** One connection, from "open" to its end. */
async function* readOnce(
  http: HttpOptions,
  { types = [], robot }: EventsOptions,
  state: StreamState,
  ended: AbortSignal,
): AsyncGenerator<EventJson | "open", void, undefined> {
  const silence = new AbortController();
  const signal = AbortSignal.any([ended, silence.signal]);
  const response = await openStream(http, { types, robot, lastId: state.lastId, signal });
  const { body, headers } = response;
  if (headers.get("content-type")?.startsWith("text/event-stream") !== true) {
    await body?.cancel();
    throw answerInvalid(http, response, "it is no stream of events");
  }
  if (body === null) return;
  yield "open";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventStreamParser();
  try {
    for (;;) {
      const timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX);
      const piece = await reader.read().finally(() => clearTimeout(timer));
      if (piece.done) return;
      for (const event of parser.push(piece.value)) {
        state.lastId = event.id ?? state.lastId;
        yield eventOf(http, response, event.data);
      }
      state.retryMs = Math.min(parser.retryMs ?? RETRY_MS, RETRY_MS_MAX);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** @throws PulsemeshClientError `answer-invalid`, for which the stream is not opened again: it would say the same */
function eventOf(http: HttpOptions, response: Response, data: string): EventJson {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch (cause) {
    throw answerInvalid(http, response, "an event is no JSON", cause);
  }
  const fault = eventShape.fault(json, "");
  if (fault !== undefined) throw answerInvalid(http, response, `an event: ${fault}`);
  return json as EventJson;
}

interface OpenRequest {
  readonly types: readonly string[];
  readonly robot: string | undefined;
  readonly lastId: string | undefined;
  readonly signal: AbortSignal;
}

/** The time limit of calls holds until the headers are there; the body may then last for ever. */
async function openStream(http: HttpOptions, request: OpenRequest): Promise<Response> {
  const { types, robot, lastId, signal } = request;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(timeoutReason(http)), http.timeoutMs);
  try {
    return await send(
      { ...http, signal: AbortSignal.any([signal, limit.signal]) },
      {
        path: "/api/v1/events",
        query: { type: types, robot },
        headers: {
          accept: "text/event-stream",
          ...(lastId === undefined ? {} : { "last-event-id": lastId }),
        },
        timeoutMs: Number.POSITIVE_INFINITY,
      },
    );
  } finally {
    clearTimeout(timer);
  }
}

function timeoutReason({ shownUrl, timeoutMs }: HttpOptions): PulsemeshClientError {
  return new PulsemeshClientError({
    code: "timed-out",
    detail: `${shownUrl} did not answer within ${timeoutMs} ms.`,
    next: "Try again, or allow more time.",
  });
}

/** Whether trying again may help: anything but a refusal of the request itself. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof PulsemeshClientError) || error.status === undefined) return true;
  return error.status === 429 || error.status >= 500;
}

/** Waits, or less when the iteration ends. */
function pause(durationMs: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (ended.aborted) return resolve();
    const finish = (): void => {
      clearTimeout(timer);
      ended.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, durationMs);
    ended.addEventListener("abort", finish);
  });
}
