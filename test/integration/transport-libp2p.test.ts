/** The transport contract on real libp2p over loopback TCP, and what only real sockets can show. */
import { admissionContract, transportContract } from "@pulsemesh/testkit";
import { createLibp2pHarness } from "../support/libp2p-harness.ts";

transportContract("libp2p", () => createLibp2pHarness());
admissionContract("libp2p", () => createLibp2pHarness());
