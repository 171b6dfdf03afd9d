/** Library entry of the package `pulsemesh`: run a node, serve it over HTTP, ask one. */
export { type NodeOptions, type PulsemeshNode, createNode } from "@pulsemesh/node";
export { type Gateway, type GatewayOptions, startGateway } from "@pulsemesh/gateway";
export {
  type ClientOptions,
  type PulsemeshClient,
  PulsemeshClientError,
  createClient,
} from "@pulsemesh/client";
