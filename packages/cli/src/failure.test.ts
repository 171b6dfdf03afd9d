import { ERROR_CODES, type ErrorCode, PulsemeshError } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { describeFailure } from "./failure.ts";

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

test.each(codes)("CLI17 %s has a next step and the registry's exit code", (code) => {
  const failure = describeFailure(new PulsemeshError(code, "It failed."), {
    command: "pulsemesh x",
  });
  expect(failure.lines[0]).toBe("pulsemesh x: It failed.");
  expect(failure.lines[1]).toMatch(/^Nothing was changed\. Next: .{10}/);
  expect(failure.exit).toBe(code === "internal" ? 1 : ERROR_CODES[code].exit);
});

test("CLI17 says when something had changed already", () => {
  const error = new PulsemeshError("store-failed", "Half done.", { changed: true });
  expect(describeFailure(error, { command: "x" }).lines[1]).toContain(
    "Part of it has taken effect.",
  );
});

test("CLI17 an error that nobody foresaw shows its stack and exits 1", () => {
  const failure = describeFailure(new Error("boom"), { command: "x" });
  expect(failure.exit).toBe(1);
  expect(failure.lines.join("\n")).toContain("failure.test.ts");
});

test("CLI17 whether anything was changed is said once, and what the message advises stays", () => {
  const error = new PulsemeshError(
    "store-locked",
    "Cannot open x: process 5 is using it. Nothing was changed; stop that process.",
  );
  expect(describeFailure(error, { command: "run" }).lines).toEqual([
    "run: Cannot open x: process 5 is using it. Stop that process.",
    expect.stringMatching(/^Nothing was changed\. Next: /),
  ]);
});

test("CLI6 what a node answers forges no line of an error", () => {
  const error = new PulsemeshError("internal", "a\n✔ ok\u001B[2J");
  expect(describeFailure(error, { command: "ping" }).lines[0]).toBe(
    String.raw`ping: a\u000a✔ ok\u001b[2J`,
  );
});
