/** The transport contract on the simulated network, and what only virtual time can show. */
import { admissionContract, transportContract, type TransportHarness } from "@pulsemesh/testkit";
import { SimulatedPlaces } from "./simulated-transport.ts";

const OURS = "a".repeat(52);
const OTHER = "b".repeat(52);
const STEP_MS = 10;

function createHarness(): Promise<TransportHarness> {
  const places = new SimulatedPlaces(1);
  const pass = async (durationMs: number): Promise<void> => {
    places.clock.runUntil(places.clock.nowMs + durationMs);
    // Promises that virtual time has settled are seen before it goes on.
    await Promise.resolve();
  };
  const harness: TransportHarness = {
    create: ({ name, fleet, join }) =>
      Promise.resolve(places.create(name, fleet === "other" ? OTHER : OURS, join ?? [])),
    addressOf: (name) => Promise.resolve(places.addressOf(name)),
    pass,
    async until(what, condition, limitMs = 10_000) {
      const endMs = places.clock.nowMs + limitMs;
      while (!condition()) {
        if (places.clock.nowMs >= endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
        await pass(STEP_MS);
      }
    },
    dispose: () => Promise.resolve(),
  };
  return Promise.resolve(harness);
}

transportContract("simulated network", createHarness);
admissionContract("simulated network", createHarness);
