import type { AuthorityView, FleetView } from "@pulsemesh/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RunLogger } from "../run-logger.ts";
import { ISSUER_SOON_MS } from "./authority-ends.ts";
import { type AuthorityWatchDeps, watchAuthority } from "./authority-watch.ts";

const dayMs = 86_400_000;
const startWallMs = Date.UTC(2027, 0, 1);

let said: { readonly day: number; readonly level: string; readonly fields: object }[];
let watch: Disposable | undefined;
beforeEach(() => {
  vi.useFakeTimers({ now: startWallMs });
  said = [];
});
afterEach(() => {
  watch?.[Symbol.dispose]();
  watch = undefined;
  vi.useRealTimers();
});

/** A node that sees `beta` up and `gamma` down, with grants of 14 days for all three. */
function start({
  issuerMs,
  isIssuer,
  datedMs = 0,
}: {
  issuerMs: number;
  isIssuer: boolean;
  datedMs?: number;
}): void {
  const grant = (node: string): object => ({
    node,
    standing: "granted",
    notBeforeWallMs: startWallMs,
    expWallMs: startWallMs + 14 * dayMs,
  });
  const issuer = { key: "key", expS: (startWallMs + issuerMs) / 1_000, roles: [], robots: [] };
  const root = { issuers: [issuer], atWallMs: startWallMs + datedMs };
  const view = { root, grants: ["alpha", "beta", "gamma"].map(grant) };
  const fleet = {
    self: { node: "alpha", name: "alpha" },
    nodes: [
      { node: "beta", name: "beta", status: "up" },
      { node: "gamma", name: "gamma", status: "down" },
    ],
  };
  const node = {
    id: "alpha",
    issuer: isIssuer ? {} : undefined,
    authorityView: () => view as unknown as AuthorityView,
    fleetView: () => fleet as unknown as FleetView,
  } as AuthorityWatchDeps["node"];
  const note =
    (level: string) =>
    (fields: object): void =>
      void said.push({ day: (Date.now() - startWallMs) / dayMs, level, fields });
  const logger: RunLogger = {
    level: "info",
    debug: note("debug"),
    info: note("info"),
    warn: note("warn"),
    error: note("error"),
  };
  watch = watchAuthority({ node, logger, now: Date.now });
}

test("ME1 from ISSUER_SOON_MS before its end on a node says each day that an issuer ends, and then that it has ended", async () => {
  start({ issuerMs: ISSUER_SOON_MS + 2 * dayMs, isIssuer: false });
  await vi.advanceTimersByTimeAsync(2 * dayMs - 1);
  expect(said).toEqual([]);
  await vi.advanceTimersByTimeAsync(61 * dayMs);
  const ofIssuer = said.filter(({ fields }) => "key" in fields);
  expect(ofIssuer.map(({ day, level }) => `${day} ${level}`)).toEqual([
    ...Array.from({ length: 60 }, (_, at) => `${2 + at} warn`),
    "62 error",
  ]);
  watch?.[Symbol.dispose]();
  const { length } = said;
  await vi.advanceTimersByTimeAsync(5 * dayMs);
  expect(said).toHaveLength(length);
});

test.each([
  ["of all that live where an issuer is", true, ["alpha", "beta"]],
  ["of itself elsewhere", false, ["alpha"]],
])(
  "ME3 that grants are not renewed at three quarters of their life a node says each day: %s",
  async (_where, isIssuer, names) => {
    start({ issuerMs: 365 * dayMs, isIssuer });
    await vi.advanceTimersByTimeAsync(10.5 * dayMs - 1);
    expect(said).toEqual([]);
    await vi.advanceTimersByTimeAsync(2 * dayMs);
    const at = new Date(startWallMs + 14 * dayMs).toISOString();
    expect(said.map(({ level, fields }) => ({ level, fields }))).toEqual(
      Array.from({ length: 2 }, () => ({
        level: "warn",
        fields: { at, count: names.length, names },
      })),
    );
  },
);

test("ME2, ME3 a root that was signed by a clock ahead is said at the start and each day, until that time comes", async () => {
  start({ issuerMs: 300 * dayMs, isIssuer: false, datedMs: dayMs });
  await vi.advanceTimersByTimeAsync(2 * dayMs);
  expect(said.filter(({ fields }) => "statement" in fields)).toEqual([
    {
      day: 0,
      level: "warn",
      fields: { statement: "root", at: new Date(startWallMs + dayMs).toISOString() },
    },
  ]);
});
