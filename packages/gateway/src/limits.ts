/**
 * Every limit of the gateway in one place (promise P6). A robot's beat must get through while somebody else misbehaves,
 * so each thing that a caller can make us hold (sockets, headers, bodies, streams, pages) has an end.
 */

/** Largest request body; more is answered 413. */
export const HTTP_BODY_BYTES_MAX: number = 1024 * 1024;
/** Bodies that are on their way, of all connections together; beyond it the connection of the oldest is closed, and counted. */
export const HTTP_UNFINISHED_BYTES_MAX: number = 64 * 1024 * 1024;
/** Largest request line plus headers; more is answered 431. */
export const HTTP_HEADERS_BYTES_MAX: number = 16 * 1024;
/** Connections at once, all of them at work; further ones are dropped at once and counted. */
export const HTTP_CONNECTIONS_MAX: number = 1_024;
/** Beyond this many the connection that has waited longest for its caller makes room for each new one, and none is kept alive. */
export const HTTP_CONNECTIONS_KEPT_MAX: number = 768;
/** A connection may wait this long for its caller before it can be asked to make room. */
export const HTTP_ROOM_WAIT_MS: number = 50;
/** Time for the headers of a request to arrive (slow senders, and who says nothing at all), answered 408. */
export const HTTP_HEADERS_WAIT_MS_MAX: number = 5_000;
/** Time for a whole request to arrive, answered 408. */
export const HTTP_REQUEST_WAIT_MS_MAX: number = 10_000;
/** How often the two limits above are checked. */
export const HTTP_CHECK_EVERY_MS: number = 1_000;
/** Requests of one connection that wait until the answers to those ahead of them are taken, beats aside; more are answered 400. */
export const HTTP_WAITING_MAX: number = 64;
/** An idle kept-alive connection is closed after this; longer than the minute between beats of most robots. */
export const HTTP_KEEP_ALIVE_MS: number = 72_000;
/** A connection without a single byte either way is closed after this; event streams speak every 15 s. */
export const HTTP_IDLE_MS_MAX: number = 90_000;
/** How long `close` waits for requests under way. */
export const HTTP_CLOSE_WAIT_MS_MAX: number = 1_000;

/** Callers at once that wait for one long piece of work, such as the verification of the audit log; more are answered 503. */
export const SHARED_CALLERS_MAX: number = 64;
/** Event streams at once; more are answered 503 `event-streams-max`. */
export const EVENT_STREAMS_MAX: number = 64;
/** Events kept for readers that come back or fall behind. */
export const EVENT_RING_MAX: number = 1_000;
/** A comment keeps proxies and the idle limit from closing a quiet stream. */
export const EVENT_KEEP_ALIVE_MS: number = 15_000;
/** Keep-alive rounds that a reader may stay blocked before its stream is cut (60 s). */
export const EVENT_READER_BLOCKED_ROUNDS_MAX: number = 4;

/** Robots on one page of the list. */
export const ROBOTS_PAGE_MAX: number = 1_000;
/** Robots that are looked at before others have their turn. */
export const ROBOTS_STEP_MAX: number = 200;
/** Audit lines on one page. */
export const AUDIT_PAGE_MAX: number = 1_000;
/** Label filters of one list request. */
export const LABEL_FILTERS_MAX: number = 32;
/** Event types that one stream may ask for. */
export const EVENT_TYPES_MAX: number = 16;
