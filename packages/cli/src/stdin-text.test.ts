import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Cli } from "./cli.ts";
import { PATCH_TEXT_BYTES_MAX, readBeginning, readPatchText } from "./stdin-text.ts";
import type { Terminal } from "./terminal.ts";

let said: string[];
let isClosed: boolean;
beforeEach(() => {
  said = [];
  isClosed = false;
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

function cliOf(stdin: Terminal["stdin"], inIsTty = false): Cli {
  const terminal = { stdin, inIsTty, say: (line: string) => void said.push(line) };
  return {
    terminal: terminal as unknown as Terminal,
    exitCode: 0,
    context: { command: "pulsemesh ping" },
  };
}

async function* parts(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  try {
    for (const text of texts) yield Buffer.from(text);
  } finally {
    isClosed = true;
  }
}

/** Gives its bytes, and ends when told to. */
async function* slow(text: string, end: Promise<void>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
  await end;
}

test("CLI19 of much the beginning is kept, in parts of any size, and all of it is read, as who writes it would be ended otherwise", async () => {
  let read = 0;
  const much = async function* (): AsyncGenerator<Uint8Array> {
    for (; read < 1_000; read += 1) yield Buffer.from(String(read % 10).repeat(10));
  };
  expect(await readBeginning(cliOf(much), 25)).toBe(
    "0".repeat(10) + "1".repeat(10) + "2".repeat(5),
  );
  expect(read).toBe(1_000);
  expect(
    await readBeginning(
      cliOf(() => parts("all", " of it")),
      25,
    ),
  ).toBe("all of it");
  expect(said).toEqual([]);
});

test("CLI19 who reads from a terminal says so at once, and how to end it", async () => {
  await readBeginning(
    cliOf(() => parts("x"), true),
    5,
  );
  expect(said).toEqual([
    expect.stringMatching(/^pulsemesh ping: reading from the terminal.*Ctrl-D/),
  ]);
});

test("CLI19 a program that does not end is waited for, and that is said once", async () => {
  const end = Promise.withResolvers<void>();
  const reading = readBeginning(
    cliOf(() => slow("x", end.promise)),
    5,
  );
  await vi.advanceTimersByTimeAsync(4_999);
  expect(said).toEqual([]);
  await vi.advanceTimersByTimeAsync(60_000);
  end.resolve();
  expect(await reading).toBe("x");
  expect(said).toEqual([expect.stringContaining("still reading stdin")]);
});

test("CLI12 P6 a patch from stdin of more than PATCH_TEXT_BYTES_MAX is refused without reading on", async () => {
  const most = " ".repeat(PATCH_TEXT_BYTES_MAX);
  expect(await readPatchText(cliOf(() => parts(most)))).toHaveLength(PATCH_TEXT_BYTES_MAX);
  isClosed = false;
  await expect(readPatchText(cliOf(() => parts(most, "x", "y")))).rejects.toMatchObject({
    code: "state-too-large",
  });
  expect(isClosed).toBe(true);
});
