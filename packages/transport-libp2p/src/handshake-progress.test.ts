import { expect, test } from "vitest";
import { dialFaultOf } from "./dial-fault.ts";
import { HandshakeProgress } from "./handshake-progress.ts";

const faultAfter = (...types: readonly string[]): string => {
  const progress = new HandshakeProgress();
  for (const type of types) progress.note({ type });
  return dialFaultOf(
    progress.named(Object.assign(new Error("read ECONNRESET"), { name: "TimeoutError" })),
  );
};

test("AD12 a dial that fails between the connection and what secures it is one without a handshake", () => {
  expect(faultAfter("tcp:open-connection")).toBe("timed-out");
  expect(faultAfter("tcp:open-connection", "pulsemesh:stands")).toBe("no-handshake");
  expect(faultAfter("pulsemesh:stands", "pulsemesh:agreed")).toBe("timed-out");
});
