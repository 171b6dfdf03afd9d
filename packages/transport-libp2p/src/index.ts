/** The network of a node on libp2p: `createLibp2pTransport` opens one, `discoverFleet` asks a member which fleet it is of. */
export { createLibp2pTransport } from "./create-transport.ts";
export { enrol, type EnrolOptions, type EnrolWait, isDeskClosed } from "./enrol.ts";
export { type AnswerEnrolment, EnrolmentDesk } from "./enrolment-desk.ts";
export { discoverFleet, type FoundFleet, visitFleet } from "./fleet-discovery.ts";
export { fileAddressStore } from "./address-store.ts";
export { noHandshakeWords } from "./private-network.ts";
export { systemNames } from "./name-lookup.ts";
export type { NameService } from "./name-lookup.ts";
export type { SavedAddresses } from "./address-entry.ts";
export type { AddressStore } from "./address-store.ts";
export type { DialOutcome } from "./dial-loop.ts";
export type { LinkReport } from "./link-check.ts";
export type { Libp2pTransport } from "./libp2p-transport.ts";
export type { Libp2pTransportOptions, TransportLogger, TransportTuning } from "./options.ts";
