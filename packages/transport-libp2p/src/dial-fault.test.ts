import { expect, test } from "vitest";
import { dialFaultOf } from "./dial-fault.ts";

const withCode = (code: string): Error => Object.assign(new Error(code), { code });
const named = (name: string): Error => Object.assign(new Error(name), { name });

test.each([
  ["refused", withCode("ECONNREFUSED")],
  ["timed-out", withCode("ETIMEDOUT")],
  ["timed-out", named("AbortError")],
  ["not-dialled", named("NoValidAddressesError")],
  ["no-handshake", Object.assign(named("NoHandshakeError"), { cause: named("TimeoutError") })],
  ["unreachable", withCode("ENETUNREACH")],
  ["name-unknown", withCode("ENOTFOUND")],
  ["wrong-node", new Error("Payload identity key A does not match expected remote identity key B")],
  ["refused", new Error("all failed", { cause: withCode("ECONNREFUSED") })],
  ["unreachable", new AggregateError([withCode("EHOSTUNREACH"), withCode("ECONNREFUSED")])],
  ["failed", new Error("something else")],
  ["failed", "no error at all"],
])("AD4 a dial that came to nothing is %s", (fault, error) => {
  expect(dialFaultOf(error)).toBe(fault);
});
