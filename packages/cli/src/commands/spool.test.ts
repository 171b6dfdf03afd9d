import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { notingTerminal } from "../command-line.test-support.ts";
import { runCommandLine } from "../command-line.ts";
import { Spool } from "../spool/spool.ts";

const near = "http://127.0.0.1:7420";
const far = "http://127.0.0.1:7999";
let parent: string;
let spool: Spool;
let asked: string[];

beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), "pulsemesh-spool-"));
  spool = new Spool(join(parent, "spool"));
  asked = [];
  for (const [url, kind] of [
    [near, 1],
    [far, 2],
    [near, 3],
  ] as const) {
    await spool.keep({
      url,
      robot: "bot",
      kind,
      atWallMs: Date.UTC(2026, 0, kind),
      message: "\n\u001B[1m",
    });
  }
});

afterEach(() => {
  vi.unstubAllGlobals();
  rmSync(parent, { recursive: true, force: true });
});

/** Notes where beats go and with which token; answers with `statusOf` the address. */
function answering(statusOf: (url: URL) => number): void {
  vi.stubGlobal("fetch", async (text: string, init: RequestInit = {}) => {
    const url = new URL(text);
    const token = new Headers(init.headers).get("authorization") ?? "-";
    asked.push(`${url.port}${url.pathname} ${token}`);
    return new Response("OK", { status: statusOf(url) });
  });
}

async function run(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: readonly string[]; readonly err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = notingTerminal({ out, err }, { PULSEMESH_SPOOL: spool.folder });
  const code = await runCommandLine(["spool", ...args], terminal);
  return { code, out, err: err.join("\n") };
}

test("CLI34 CLI6 list shows what waits, the oldest first, and nothing of it paints the screen", async () => {
  const { code, out } = await run("list");
  expect(code).toBe(0);
  expect(out.map((line) => line.split(/ +/).slice(0, 5))).toEqual([
    ["GIVEN", "ROBOT", "WHAT", "FOR", "MESSAGE"],
    ["2026-01-01T00:00:00.000Z", "bot", "exit", "1", near],
    ["2026-01-02T00:00:00.000Z", "bot", "exit", "2", far],
    ["2026-01-03T00:00:00.000Z", "bot", "exit", "3", near],
  ]);
  expect(out.join("")).toContain("\\u001b[1m");
  const json = await run("list", "--json");
  expect(JSON.parse(json.out[1] ?? "")).toEqual({
    at: "2026-01-02T00:00:00.000Z",
    robot_id: "bot",
    kind: 2,
    rid: null,
    url: far,
    message: "\n\u001B[1m",
  });
});

test("CLI34 flush brings each beat to its own node, and no node the token of another", async () => {
  answering(() => 200);
  const tokenFile = join(parent, "token");
  writeFileSync(tokenFile, "a-token-of-the-near-one\n", { mode: 0o600 });
  const { code, out } = await run("flush", "--token-file", tokenFile);
  expect([code, out]).toEqual([0, ["3 delivered, 0 left"]]);
  expect(asked.toSorted()).toEqual([
    "7420/ping/bot/1 Bearer a-token-of-the-near-one",
    "7420/ping/bot/3 Bearer a-token-of-the-near-one",
    "7999/ping/bot/2 -",
  ]);
});

test("CLI34 flush says why something is left, and exits 3", async () => {
  answering(({ port }) => (port === "7999" ? 503 : 200));
  const { code, out, err } = await run("flush", "--json");
  expect([code, out]).toEqual([3, ['{"delivered":2,"left":1}']]);
  expect(err).toContain("503");
});

test("CLI34 flush --to brings all to one node, clear removes all", async () => {
  answering(({ pathname }) => (pathname.endsWith("3") ? 503 : 200));
  expect(await run("flush", "--to", far)).toMatchObject({ code: 3, out: ["2 delivered, 1 left"] });
  expect(asked.every((each) => each.startsWith("7999"))).toBe(true);
  expect(await run("clear")).toMatchObject({ code: 0, out: ["1 removed"] });
  expect(await run("list")).toMatchObject({ code: 0, out: [] });
});
