/** HTTP, server-sent events and metrics over a running node. */
export {
  DEFAULT_HTTP_HOST,
  DEFAULT_HTTP_PORT,
  type Gateway,
  type GatewayOptions,
  isGuarded,
  startGateway,
} from "./gateway.ts";
export { isLoopback } from "./guard/loopback.ts";
export type { AuditEntryJson, AuditListJson, AuditVerifyJson } from "./json/audit.ts";
export type { AuthorityJson } from "./json/authority.ts";
export type { DiagnosticsJson } from "./json/diagnostics.ts";
export type { EventJson } from "./json/event.ts";
export type { InviteJson, OpenInviteJson } from "./json/issuing.ts";
export type { LeavingJson } from "./json/leaving.ts";
export type { MatrixJson, RegionMatrixJson } from "./json/matrix.ts";
export type { PeerJson, PeersJson } from "./json/peers.ts";
export type { RegistrationJson, ScheduleTermsJson } from "./json/registration.ts";
export type { RegularityJson } from "./json/regularity.ts";
export type { ReloadJson } from "./json/reload.ts";
export type { RetirementJson } from "./json/retirement.ts";
export type { RobotJson, RobotListJson, ScheduleJson, WitnessesJson } from "./json/robot.ts";
export type { NodeWitnessesJson, RobotWitnessesJson } from "./json/witnesses.ts";
export type { ProblemJson } from "./problem.ts";
export type { GatewayTls } from "./tls.ts";
export { checkUnixDoor, openUnixDoor } from "./unix-door.ts";
