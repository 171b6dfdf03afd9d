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

test("CLI17 a shell whose folder was removed is told so, without a stack", () => {
  const cause = Object.assign(new Error("ENOENT: process.cwd failed"), { syscall: "uv_cwd" });
  const error = new PulsemeshError("backup-unwritable", "Cannot write x.", { cause });
  expect(describeFailure(error, { command: "backup" }).lines[0]).toContain("it was removed");
  const { lines, exit } = describeFailure(cause, { command: "run" });
  expect([lines.length, exit]).toEqual([2, 2]);
  expect(lines.join(" ")).toMatch(/^run: .*it was removed.* Next: cd /);
});

test.each([
  ["scandir", "Nothing was changed."],
  ["unlink", "Part of it may have taken effect."],
])("CLI17 a file system that says no to %s is no bug of the program: %s", (syscall, changed) => {
  const cause = { code: "EACCES", syscall, path: "/spool\n" };
  const error = Object.assign(new Error(`EACCES: permission denied, ${syscall}`), cause);
  expect(describeFailure(error, { command: "spool list" })).toEqual({
    lines: [
      `spool list: EACCES: permission denied, ${syscall}`,
      String.raw`${changed} Next: see that this user may use /spool\u000a, and that its disk has room`,
    ],
    exit: 2,
  });
});

/** As the client fails: it cannot know whether anything was changed. */
const unreachable = (code: string): unknown =>
  Object.assign(new Error("Cannot reach a node."), {
    code: "node-unreachable",
    changed: undefined,
    cause: new TypeError("fetch failed", { cause: Object.assign(new Error("why"), { code }) }),
  });

test.each([
  ["http://a:1", "UND_ERR_SOCKET", "--url https://a:1", "It may have taken effect."],
  ["https://a:1", "ERR_SSL_WRONG_VERSION_NUMBER", "--url http://a:1", "Nothing was changed."],
  ["https://a:1", "DEPTH_ZERO_SELF_SIGNED_CERT", "--ca-file", "Nothing was changed."],
  ["http://a:1", "ECONNREFUSED", "pulsemesh run", "Nothing was changed."],
])("CLI17 of %s and %s the next step is %s", (url, code, next, changed) => {
  const { lines } = describeFailure(unreachable(code), { command: "ping", url, writes: true });
  expect(lines[1]).toContain(next);
  expect(lines[1]).toContain(changed);
});

test("CLI6 what a node answers forges no line of an error", () => {
  const error = new PulsemeshError("internal", "a\n✔ ok\u001B[2J");
  expect(describeFailure(error, { command: "ping" }).lines[0]).toBe(
    String.raw`ping: a\u000a✔ ok\u001b[2J`,
  );
});
