/** The gateway's API as typed functions: one per operation, nothing kept between calls. */
import { type AuthorityCalls, authorityCalls } from "./authority-calls.ts";
import { PulsemeshClientError } from "./client-error.ts";
import {
  auditListShape,
  auditVerifyShape,
  diagnosticsShape,
  leavingShape,
  peersShape,
  retirementShape,
  robotListShape,
  robotShape,
  stateShape,
} from "./answer-shapes.ts";
import { type EventsOptions, readEvents } from "./events.ts";
import {
  answerInvalid,
  type CallOptions,
  type HttpOptions,
  type HttpRequest,
  jsonOf,
  send,
  sendForJson,
} from "./http.ts";
import type {
  AuditListJson,
  AuditVerifyJson,
  DiagnosticsJson,
  EventJson,
  HealthWord,
  LeavingJson,
  PeersJson,
  RegistrationJson,
  RetirementJson,
  RobotJson,
  RobotListJson,
  StatusWord,
} from "./json.ts";
import { type WitnessCalls, witnessCalls } from "./witness-calls.ts";

export interface ClientOptions {
  /** Of a node's HTTP port. @example "http://127.0.0.1:7420" */
  readonly baseUrl: string;
  /** For each call, in ms, until the whole answer is there. @default 10000 */
  readonly timeoutMs?: number | undefined;
  /** Ends all calls. */
  readonly signal?: AbortSignal | undefined;
  /** The node's bearer token, sent with every call. @default none */
  readonly token?: string | undefined;
  /** @default globalThis.fetch */
  readonly fetch?: typeof fetch | undefined;
  /** What errors call the node, where `baseUrl` says little, as with a `fetch` over a Unix socket. @default baseUrl */
  readonly shownUrl?: string | undefined;
}

export interface BeatOptions extends CallOptions {
  /** Diagnostics, kept with the beat; cut to 10,000 bytes. */
  readonly message?: string | undefined;
  /** What the robot says of itself. */
  readonly health?: HealthWord | undefined;
  /** When it was given, in ms since 1970, if it had to wait until now: such a beat revives nothing. @default now */
  readonly givenAtWallMs?: number | undefined;
}

export interface PingOptions extends BeatOptions {
  /** What happened, or the exit code of a run (0 … 255). @default "success" */
  readonly kind?: "success" | "start" | "fail" | "log" | number | undefined;
  /** Pairs the start and the end of one run; at most 64 characters. */
  readonly rid?: string | undefined;
  /** Register the robot if it is unknown. @default false */
  readonly create?: boolean | undefined;
}

/** The answer of `/status`. */
export interface StatusAnswer {
  /** 200, 410, 500 or 503. */
  readonly httpStatus: number;
  readonly word: "alive" | "new" | "paused" | "down" | "unknown" | "left";
  /** The whole line. */
  readonly text: string;
}

export interface RobotsFilter extends CallOptions {
  readonly status?: readonly StatusWord[] | undefined;
  readonly region?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface RobotOptions extends CallOptions {
  /** Ask the robot's home for its newest word first, where the node does not hear it itself. @default false */
  readonly ask?: boolean | undefined;
}

export interface StateAnswer {
  readonly state: Readonly<Record<string, unknown>>;
  /** Give it as `ifMatch` to change only what was read. */
  readonly etag: string;
}

export interface PatchStateOptions extends CallOptions {
  readonly ifMatch?: string | undefined;
}

export interface PutRobotOptions extends CallOptions {
  /** The version that the robot must have, quoted: only what was read is changed. */
  readonly ifMatch?: string | undefined;
  /** The robot must be unknown or retired. */
  readonly ifNew?: boolean | undefined;
}

export interface RetirePeerOptions extends CallOptions {
  /** It is gone for good, also where the node that is asked cannot tell. */
  readonly certain?: boolean | undefined;
}

export interface LeaveOptions extends CallOptions {
  /** Also where the fleet has no other issuer: nobody is let in or revoked from then on. */
  readonly withoutIssuer?: boolean | undefined;
}

export interface AuditTailOptions extends CallOptions {
  /** 1 … 1,000. @default 100 */
  readonly limit?: number | undefined;
  /** Only entries with a smaller index. */
  readonly before?: number | undefined;
}

/** What the probes say. */
export interface HealthAnswer {
  readonly live: boolean;
  readonly ready: boolean;
  readonly started: boolean;
  /** Why not, when one of them is false. */
  readonly error: PulsemeshClientError | undefined;
}

export interface PulsemeshClient extends AuthorityCalls, WitnessCalls {
  readonly baseUrl: string;
  /** Takes a beat; the first one registers the robot. */
  heartbeat(robot: string, options?: BeatOptions): Promise<void>;
  ping(robot: string, options?: PingOptions): Promise<{ readonly created: boolean }>;
  status(robot: string, options?: CallOptions): Promise<StatusAnswer>;
  /** All robots that match, by id. */
  robots(filter?: RobotsFilter): Promise<readonly RobotJson[]>;
  robot(robot: string, options?: RobotOptions): Promise<RobotJson>;
  /** Registers a robot, or makes it what is said: what is not said has its default. */
  putRobot(
    robot: string,
    registration: RegistrationJson,
    options?: PutRobotOptions,
  ): Promise<{ readonly created: boolean; readonly robot: RobotJson }>;
  /** Takes a robot out of the fleet for good. */
  retireRobot(robot: string, options?: PatchStateOptions): Promise<RetirementJson>;
  /** Takes a node that is gone out of the fleet. */
  retirePeer(id: string, options?: RetirePeerOptions): Promise<RetirementJson>;
  /** The node says goodbye to its fleet, and ends. */
  leave(options?: LeaveOptions): Promise<LeavingJson>;
  getState(robot: string, options?: CallOptions): Promise<StateAnswer>;
  /** Merge patch (RFC 7396): null removes. */
  patchState(
    robot: string,
    patch: Readonly<Record<string, unknown>>,
    options?: PatchStateOptions,
  ): Promise<StateAnswer>;
  peers(options?: CallOptions): Promise<PeersJson>;
  /** Tries out how members can be reached, so it takes up to 8 s. */
  diagnostics(options?: CallOptions): Promise<DiagnosticsJson>;
  events(options?: EventsOptions): AsyncGenerator<EventJson, void, undefined>;
  auditTail(options?: AuditTailOptions): Promise<AuditListJson>;
  auditVerify(options?: CallOptions): Promise<AuditVerifyJson>;
  /** Never rejects for a node that is not well: that is its answer. */
  health(options?: CallOptions): Promise<HealthAnswer>;
  /** Prometheus text. */
  metrics(options?: CallOptions): Promise<string>;
  /** The rows of the node's store as they come, without a limit in time; `pulsemesh backup` knows what they mean. */
  backup(options?: CallOptions): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}

/**
 * A client of one node. All calls reject with {@link PulsemeshClientError}, or with the reason of the signal that ended them.
 * @throws TypeError when `baseUrl` is no http or https URL
 * @example
 * const client = createClient({ baseUrl: "http://127.0.0.1:7420" });
 * await client.heartbeat("security_bot");
 * const { status } = await client.robot("security_bot");
 */
export function createClient(options: ClientOptions): PulsemeshClient {
  const http = httpOptions(options);
  return {
    baseUrl: http.baseUrl,
    ...beatCalls(http),
    ...robotCalls(http),
    ...inventoryCalls(http),
    ...stateCalls(http),
    ...authorityCalls(http),
    ...witnessCalls(http),
    ...nodeCalls(http),
  };
}

function httpOptions(options: ClientOptions): HttpOptions {
  const { protocol } = new URL(options.baseUrl);
  if (protocol !== "http:" && protocol !== "https:") {
    throw new TypeError(
      `Cannot create a client as 'baseUrl' must be an http or https URL: current value is ${options.baseUrl}`,
    );
  }
  const baseUrl = options.baseUrl.replace(/\/+$/, "");
  return {
    baseUrl,
    shownUrl: options.shownUrl ?? baseUrl,
    timeoutMs: options.timeoutMs ?? 10_000,
    signal: options.signal,
    token: options.token,
    // Browsers refuse a fetch that is called as a method of anything but the window.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
  };
}

type BeatCalls = Pick<PulsemeshClient, "heartbeat" | "ping" | "status">;

function beatCalls(http: HttpOptions): BeatCalls {
  return {
    heartbeat: async (robot, { message, health, givenAtWallMs, ...call } = {}) => {
      const path = `/heartbeat/${encodeURIComponent(robot)}`;
      await taken(
        http,
        await send(http, {
          ...beat(message),
          ...call,
          path,
          query: { health, at: timeText(givenAtWallMs) },
        }),
      );
    },
    ping: async (robot, options = {}) => {
      const { message, health, kind = "success", rid, create, givenAtWallMs, ...call } = options;
      const signal = kind === "success" ? "" : `/${kind}`;
      const path = `/ping/${encodeURIComponent(robot)}${signal}`;
      const at = timeText(givenAtWallMs);
      const query = { health, rid, create: create === true ? "1" : undefined, at };
      const response = await send(http, { ...beat(message), ...call, path, query });
      await taken(http, response);
      return { created: response.status === 201 };
    },
    status: async (robot, call = {}) => {
      const path = `/status/${encodeURIComponent(robot)}`;
      const response = await send(http, { ...call, path, accept: [410, 500, 503] });
      const text = await response.text();
      const word = /^\S+ is (alive|new|paused|down|unknown|left)$/.exec(text)?.[1];
      if (word === undefined) throw notStatus(http, response, text);
      return { httpStatus: response.status, word: word as StatusAnswer["word"], text };
    },
  };
}

/**
 * The status says that a beat is durable, whatever becomes of the rest.
 * @throws PulsemeshClientError `answer-invalid` for an answer that no node gave, such as the login page of what stands in front of it
 */
async function taken(http: HttpOptions, response: Response): Promise<void> {
  await response.text().catch(() => "");
  if (response.headers.get("content-type")?.startsWith("text/plain") === true) return;
  throw answerInvalid(http, response, "the answer to a beat is plain text");
}

function timeText(wallMs: number | undefined): string | undefined {
  return wallMs === undefined ? undefined : new Date(wallMs).toISOString();
}

function beat(message: string | undefined): Pick<HttpRequest, "method" | "body" | "headers"> {
  if (message === undefined) return { method: "POST" };
  return { method: "POST", body: message, headers: { "content-type": "text/plain" } };
}

/** 500 and 503 are answers of `/status`, but a node that fails or is not ready uses them too. */
function notStatus(http: HttpOptions, response: Response, text: string): PulsemeshClientError {
  const invalid = answerInvalid(http, response, "it is no line of a status");
  try {
    const { code, detail, next } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (typeof code !== "string" || typeof detail !== "string") return invalid;
    const { status } = response;
    return new PulsemeshClientError({
      code,
      status,
      detail,
      next: typeof next === "string" ? next : "",
    });
  } catch {
    // No problem document either: what answered is no gateway.
    return invalid;
  }
}

type InventoryCalls = Pick<PulsemeshClient, "putRobot" | "retireRobot" | "retirePeer" | "leave">;

function inventoryCalls(http: HttpOptions): InventoryCalls {
  const ifMatched = (ifMatch: string | undefined): Readonly<Record<string, string>> =>
    ifMatch === undefined ? {} : { "if-match": ifMatch };
  return {
    putRobot: async (robot, registration, { ifMatch, ifNew, ...call } = {}) => {
      const response = await send(http, {
        ...call,
        method: "PUT",
        path: `/api/v1/robots/${encodeURIComponent(robot)}`,
        body: JSON.stringify(registration),
        headers: {
          "content-type": "application/json",
          ...ifMatched(ifMatch),
          ...(ifNew === true ? { "if-none-match": "*" } : {}),
        },
      });
      const created = response.status === 201;
      return { created, robot: await jsonOf(http, response, robotShape) };
    },
    retireRobot: (robot, { ifMatch, ...call } = {}) =>
      sendForJson(
        http,
        {
          ...call,
          method: "DELETE",
          path: `/api/v1/robots/${encodeURIComponent(robot)}`,
          headers: ifMatched(ifMatch),
        },
        retirementShape,
      ),
    leave: ({ withoutIssuer, ...call } = {}) => {
      const query = { without_issuer: withoutIssuer === true ? "1" : undefined };
      return sendForJson(http, { ...call, method: "POST", path: "/-/leave", query }, leavingShape);
    },
    retirePeer: (id, { certain, ...call } = {}) =>
      sendForJson(
        http,
        {
          ...call,
          method: "DELETE",
          path: `/api/v1/peers/${encodeURIComponent(id)}`,
          query: { certain: certain === true ? "1" : undefined },
        },
        retirementShape,
      ),
  };
}

type RobotCalls = Pick<PulsemeshClient, "robots" | "robot">;

function robotCalls(http: HttpOptions): RobotCalls {
  return {
    robots: async ({ status, region, labels = {}, ...call } = {}) => {
      const label = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
      const robots: RobotJson[] = [];
      let after: string | undefined;
      do {
        const page: RobotListJson = await sendForJson(
          http,
          {
            ...call,
            path: "/api/v1/robots",
            query: { status, region, label, after },
          },
          robotListShape,
        );
        robots.push(...page.robots);
        after = page.next ?? undefined;
      } while (after !== undefined);
      return robots;
    },
    robot: (robot, { ask, ...call } = {}) =>
      sendForJson(
        http,
        {
          ...call,
          path: `/api/v1/robots/${encodeURIComponent(robot)}`,
          query: { ask: ask === true ? "1" : undefined },
        },
        robotShape,
      ),
  };
}

type StateCalls = Pick<PulsemeshClient, "getState" | "patchState">;

function stateCalls(http: HttpOptions): StateCalls {
  const path = (robot: string): string => `/api/v1/robots/${encodeURIComponent(robot)}/state`;
  const answer = async (response: Response): Promise<StateAnswer> => ({
    etag: response.headers.get("etag") ?? "",
    state: await jsonOf(http, response, stateShape),
  });
  return {
    getState: async (robot, call = {}) => answer(await send(http, { ...call, path: path(robot) })),
    patchState: async (robot, patch, { ifMatch, ...call } = {}) =>
      answer(
        await send(http, {
          ...call,
          method: "PATCH",
          path: path(robot),
          body: JSON.stringify(patch),
          headers: {
            "content-type": "application/merge-patch+json",
            ...(ifMatch === undefined ? {} : { "if-match": ifMatch }),
          },
        }),
      ),
  };
}

type NodeCalls = Pick<
  PulsemeshClient,
  "peers" | "diagnostics" | "events" | "auditTail" | "auditVerify" | "health" | "metrics" | "backup"
>;

function nodeCalls(http: HttpOptions): NodeCalls {
  return {
    peers: (call = {}) => sendForJson(http, { ...call, path: "/api/v1/peers" }, peersShape),
    diagnostics: (call = {}) =>
      sendForJson(http, { ...call, path: "/api/v1/diagnostics" }, diagnosticsShape),
    events: (options) => readEvents(http, options),
    auditTail: ({ limit, before, ...call } = {}) =>
      sendForJson(
        http,
        {
          ...call,
          path: "/api/v1/audit",
          query: { limit, before },
        },
        auditListShape,
      ),
    auditVerify: (call = {}) =>
      sendForJson(http, { ...call, path: "/api/v1/audit/verify" }, auditVerifyShape),
    health: (call = {}) => readHealth(http, call),
    metrics: async (call = {}) => (await send(http, { ...call, path: "/metrics" })).text(),
    backup: async (call = {}) => {
      const timeoutMs = call.timeoutMs ?? Number.POSITIVE_INFINITY;
      const { body } = await send(http, { ...call, timeoutMs, path: "/api/v1/backup" });
      return body ?? new ReadableStream<Uint8Array<ArrayBuffer>>();
    },
  };
}

async function readHealth(http: HttpOptions, call: CallOptions): Promise<HealthAnswer> {
  let error: PulsemeshClientError | undefined;
  const probe = async (path: string): Promise<boolean> => {
    try {
      await finish(await send(http, { ...call, path }));
      return true;
    } catch (cause) {
      if (!(cause instanceof PulsemeshClientError)) throw cause;
      error ??= cause;
      return false;
    }
  };
  const live = await probe("/livez");
  if (!live) return { live, ready: false, started: false, error };
  return { live, ready: await probe("/readyz"), started: await probe("/startupz"), error };
}

/** Reads an answer to its end, so that its connection can be used again. */
async function finish(response: Response): Promise<void> {
  await response.text();
}
