import { PulsemeshError, type RegisterCommand } from "@pulsemesh/core";
import type { PulsemeshNode } from "@pulsemesh/node";
import { beforeEach, expect, test } from "vitest";
import { planRun, type RunFlags } from "../commands/run-options.ts";
import type { RunSetup } from "../commands/run-setup.ts";
import type { RunLogger } from "../run-logger.ts";
import { Reloader } from "./reloader.ts";

const hash = `${"0".repeat(9)}abc${"f".repeat(52)}`;

function setupOf(flags: RunFlags, robots: Readonly<Record<string, number>> = {}): RunSetup {
  return {
    flags,
    plan: planRun(flags, [{ robot: undefined, labels: {} }], { HOME: "/h" }),
    robots: Object.entries(robots).map(([robot, everyMs]): RegisterCommand => ({
      type: "register",
      robot,
      schedule: { type: "every", everyMs, graceMs: 0, missed: 3, startupMs: 60_000 },
      labels: {},
    })),
    file: { path: "/c.yaml", hash, values: new Map() },
    tls: undefined,
    token: undefined,
  };
}

let next: () => Promise<RunSetup>;
let loads: number;
let registered: string[];
let renewed: object[];
let said: string[];
let wallMs: number;
let files: Pick<RunSetup, "tls" | "token">;
let answer: Awaited<ReturnType<PulsemeshNode["command"]>>;
let logger: RunLogger;

beforeEach(() => {
  [loads, wallMs, registered, renewed, said] = [0, 1_000_000, [], [], []];
  answer = { ok: true };
  files = { tls: undefined, token: undefined };
  const note = (fields: object, message: string): void =>
    void said.push(`${message} ${JSON.stringify(fields)}`);
  logger = { level: "info", debug: note, info: note, warn: note, error: note };
});

function start(setup: RunSetup, opens = true): Reloader {
  const load = async (): Promise<RunSetup> => {
    loads += 1;
    return await next();
  };
  const read = { readTls: () => files.tls, readToken: () => files.token };
  const reloader = new Reloader({ load, ...read, logger, now: () => wallMs }, setup);
  if (opens) open(reloader);
  return reloader;
}

function open(reloader: Reloader): void {
  const command = async (each: RegisterCommand): Promise<typeof answer> => {
    registered.push(each.robot);
    return answer;
  };
  reloader.open({
    node: { command } as unknown as PulsemeshNode,
    gateway: { renew: (changes) => void renewed.push(changes) },
    supervision: { reloading: () => {}, ready: () => {} },
  });
}

function metric(reloader: Reloader, name: string): number | undefined {
  return reloader.metrics().find((each) => each.name === name)?.samples[0]?.value;
}

test("CFG8 log level and robots that changed are taken over; the rest is named as what needs a restart", async () => {
  const reloader = start(
    setupOf({ name: "a", logLevel: "info" }, { same: 1_000, other: 1_000, gone: 1 }),
  );
  next = async () =>
    setupOf({ name: "b", logLevel: "debug" }, { same: 1_000, other: 2_000, new: 5 });
  expect(await reloader.reload()).toEqual({
    applied: ["robot other", "robot new", "log.level"],
    needs_restart: ["node.name"],
    no_longer_named: ["gone"],
    config_hash: hash,
  });
  expect(logger.level).toBe("debug");
  expect(registered).toEqual(["other", "new"]);
  expect(said.join("\n")).toContain("pulsemesh robot retire ID");
  // Still: the node runs as it was started.
  expect(await reloader.reload()).toMatchObject({ applied: [], needs_restart: ["node.name"] });
});

test("CFG8 another certificate or token is taken over; one where there was none needs a restart", async () => {
  const tls = { cert: "c", key: "k", expiresWallMs: 5_000 };
  const reloader = start({ ...setupOf({}), token: "old" });
  next = async () => ({ ...setupOf({}), token: "new", tls });
  expect(await reloader.reload()).toMatchObject({ needs_restart: ["http.tls"] });
  expect(renewed).toEqual([{ tls: undefined, token: "new" }]);
  // Nor can one be taken away: the token that is in use stays, and is known to.
  next = async () => setupOf({});
  expect(await reloader.reload()).toMatchObject({
    applied: [],
    needs_restart: ["http.token_file"],
  });
  expect(renewed[1]).toEqual({ tls: undefined, token: "new" });
});

test("CFG11 a certificate in its last 14 days is said in the log, and its end is a metric", async () => {
  const dayMs = 86_400_000;
  const tls = { cert: "c", key: "k", expiresWallMs: wallMs + 14 * dayMs };
  const reloader = start({ ...setupOf({}), tls });
  expect(said).toEqual([expect.stringContaining("expires soon")]);
  next = async () => ({
    ...setupOf({}),
    tls: { ...tls, cert: "d", expiresWallMs: tls.expiresWallMs + 1 },
  });
  await reloader.reload();
  expect(said.filter((line) => line.includes("expires soon"))).toHaveLength(1);
  expect(metric(reloader, "http_certificate_expiry_timestamp_seconds")).toBe(1_000 + 14 * 86_400);
});

test("CFG9 a bad reload keeps the old, says why line by line, and shows in the metrics; a good one mends it", async () => {
  const reloader = start(setupOf({ logLevel: "info" }, { a: 1 }));
  const names = ["config_last_reload_successful", "config_last_reload_success_timestamp_seconds"];
  const shown = (): unknown[] => names.map((name) => metric(reloader, name));
  expect(shown()).toEqual([1, 1_000]);
  expect(metric(reloader, "config_hash")).toBe(0xabc);
  next = async () => Promise.reject(new PulsemeshError("config-invalid", "c:1:2: one\nc:3:4: two"));
  wallMs = 2_000_000;
  await expect(reloader.reload()).rejects.toMatchObject({ code: "config-invalid" });
  expect(said).toEqual([
    expect.stringContaining("c:1:2: one"),
    expect.stringContaining("c:3:4: two"),
    expect.stringContaining("goes on with what it had"),
  ]);
  expect([...shown(), logger.level, registered]).toEqual([0, 1_000, "info", []]);
  next = async () => setupOf({}, { a: 1 });
  await reloader.reload();
  expect(shown()).toEqual([1, 2_000]);
});

test("CFG9 CFG11 a certificate and token that were renewed are taken over though the file has a fault, or the node refuses a robot", async () => {
  const tls = { cert: "c", key: "k", expiresWallMs: 9e12 };
  const reloader = start({ ...setupOf({}), tls, token: "old" });
  next = async () => Promise.reject(new PulsemeshError("config-invalid", "c:1:2: one"));
  files = { tls: { ...tls, cert: "d", expiresWallMs: 9.1e12 }, token: "old" };
  await expect(reloader.reload()).rejects.toMatchObject({ code: "config-invalid" });
  expect(renewed).toEqual([files]);
  expect(said.at(-1)).toBe('taken over all the same {"applied":["http.tls"]}');
  expect(metric(reloader, "http_certificate_expiry_timestamp_seconds")).toBe(9.1e9);
  expect(metric(reloader, "config_last_reload_successful")).toBe(0);
  // A certificate that is bad itself, which was said, keeps no token back.
  files = { tls: undefined, token: "new" };
  next = async () => setupOf({}, { a: 1 });
  answer = { ok: false, code: "robots-max", detail: "full" };
  await expect(reloader.reload()).rejects.toMatchObject({ code: "robots-max" });
  expect(renewed[1]).toMatchObject({ tls: { cert: "d" }, token: "new" });
  await expect(reloader.reload()).rejects.toMatchObject({ code: "robots-max" });
  expect(renewed).toHaveLength(2);
  // Where there was none at the start, none is taken.
  const plain = start(setupOf({}));
  files = { tls, token: "new" };
  await expect(plain.reload()).rejects.toMatchObject({ code: "robots-max" });
  expect(renewed).toHaveLength(2);
  await Promise.all([reloader.close(), plain.close()]);
});

test("CFG9 a robot that the node refuses makes a bad reload, and the next one tries again", async () => {
  const reloader = start(setupOf({}));
  next = async () => setupOf({ logLevel: "debug" }, { a: 1 });
  answer = { ok: false, code: "robots-max", detail: "full" };
  await expect(reloader.reload()).rejects.toMatchObject({ code: "robots-max" });
  expect([logger.level, metric(reloader, "config_last_reload_successful")]).toEqual(["info", 0]);
  answer = { ok: true };
  expect(await reloader.reload()).toMatchObject({ applied: ["robot a", "log.level"] });
});

test("CFG9 what a bad reload has changed of a robot is taken back by the file that says so", async () => {
  const reloader = start(setupOf({}, { a: 1_000 }));
  next = async () => setupOf({}, { a: 2_000, full: 1 });
  answer = { ok: false, code: "robots-max", detail: "full" };
  await expect(reloader.reload()).rejects.toMatchObject({ code: "robots-max" });
  answer = { ok: true };
  next = async () => setupOf({}, { a: 1_000 });
  expect(await reloader.reload()).toMatchObject({ applied: ["robot a"] });
  expect(await reloader.reload()).toMatchObject({ applied: [] });
});

test("CFG9 a reload that the stop of the node cuts short does not say that it was good", async () => {
  const reloader = start(setupOf({}));
  let closed: Promise<void> | undefined;
  next = async () => {
    closed = reloader.close();
    return setupOf({ logLevel: "debug" }, { a: 1_000 });
  };
  await expect(reloader.reload()).rejects.toMatchObject({ code: "stopped" });
  await closed;
  expect([registered, logger.level]).toEqual([[], "info"]);
});

test("CFG9 reloads come one after the other; who asks meanwhile shares the next one", async () => {
  const reloader = start(setupOf({}));
  let atOnce = 0;
  let most = 0;
  next = async () => {
    most = Math.max(most, (atOnce += 1));
    await Promise.resolve();
    atOnce -= 1;
    return setupOf({});
  };
  const first = reloader.reload();
  while (loads === 0) await Promise.resolve();
  await Promise.all([first, ...Array.from({ length: 50 }, () => reloader.reload())]);
  expect([loads, most]).toEqual([2, 1]);
});

test("CFG9 a reload during the start waits for it, one during the stop is refused", async () => {
  const reloader = start(setupOf({}), false);
  next = async () => setupOf({ logLevel: "debug" });
  const early = reloader.reload();
  await Promise.resolve();
  expect(loads).toBe(0);
  open(reloader);
  expect(await early).toMatchObject({ applied: ["log.level"] });
  await reloader.close();
  await expect(reloader.reload()).rejects.toMatchObject({ code: "stopped" });
  const never = start(setupOf({}), false);
  const waiting = never.reload();
  await never.close();
  await expect(waiting).rejects.toMatchObject({ code: "stopped" });
  expect(metric(never, "config_last_reload_successful")).toBe(1);
});
