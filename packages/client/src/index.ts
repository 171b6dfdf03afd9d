/** Typed client of the gateway. No dependency, no platform beyond fetch: runs in browsers too. */
export {
  type AuditTailOptions,
  type BeatOptions,
  type ClientOptions,
  createClient,
  type HealthAnswer,
  type LeaveOptions,
  type PatchStateOptions,
  type PingOptions,
  type PulsemeshClient,
  type PutRobotOptions,
  type RetirePeerOptions,
  type RobotOptions,
  type RobotsFilter,
  type StateAnswer,
  type StatusAnswer,
} from "./client.ts";
export type { AuthorityCalls, GrantOptions } from "./authority-calls.ts";
export { PulsemeshClientError } from "./client-error.ts";
export type { EventsOptions } from "./events.ts";
export type { CallOptions } from "./http.ts";
export type * from "./json.ts";
export type { WitnessCalls } from "./witness-calls.ts";
export type * from "./witness-json.ts";
