/** Public face of the node: `createNode` starts one, the rest says what it is. */
export * from "./api.ts";
export type { NodeDiagnosis, NodeSettings } from "./diagnosis.ts";
export { createNode } from "./create-node.ts";
export { createCron } from "./ports/cron.ts";
export { createVerifierPorts } from "./ports/verifier-ports.ts";
export { AUTHORITY_FILES } from "./authority/authority-files.ts";
export { readStatements, writeStatements } from "./authority/authority-file.ts";
export {
  createFleetAuthority,
  type FleetAuthority,
  type FleetAuthorityOptions,
} from "./authority/fleet-authority.ts";
export {
  type GrantRequest,
  type MemberKeys,
  readRequest,
  writeRequest,
} from "./authority/grant-request.ts";
export { unfinishedInit } from "./authority/init-journal.ts";
export { type Invite, readInvite } from "./authority/invite.ts";
export type { OpenInvite } from "./authority/invite-ledger.ts";
export {
  type CharterFacts,
  createIssuer,
  type GrantTerms,
  type InviteOptions,
  type Issuer,
  type IssuerOptions,
  type Members,
} from "./authority/issuer.ts";
export {
  type MovedRoot,
  moveRoot,
  type MoveRootOptions,
  sealRoot,
  type SealRootOptions,
} from "./authority/move-root.ts";
export {
  type ReplacedIssuer,
  type ReplaceIssuerOptions,
  type RotateIssuerOptions,
  rotateIssuer,
  voidIssuer,
  type VoidIssuerOptions,
} from "./authority/replace-issuer.ts";
export {
  HANDOVER_OFFLINE_S,
  HANDOVER_S,
  HANDOVER_S_MAX,
  type NextRoot,
  type NextRootOptions,
  nextRootStatement,
} from "./authority/root-statements.ts";
export type { RootChange, RootDeed } from "./authority/root-deed.ts";
export { rootFolderAmong } from "./authority/root-folder.ts";
export { type SealedIssuer, sealIssuer, type SealIssuerOptions } from "./authority/seal-issuer.ts";
export { signToken } from "./authority/sign-token.ts";
export { copySecretKey, readSecretKey, secretKeyId, writeSecretKey } from "./keys/secret-file.ts";
export type { EnrolledNode } from "./authority/enrol-node.ts";
export {
  type AcceptedMembership,
  acceptMembership,
  initFleet,
  type InitFleetOptions,
  joinFleet,
  type JoinFleetOptions,
  requestMembership,
  type RequestOptions,
} from "./authority/join-fleet.ts";
export { peerIdOfKey } from "./keys/peer-id.ts";
