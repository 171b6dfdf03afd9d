import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RunLogger } from "../run-logger.ts";
import { CertificateWatch } from "./certificate-watch.ts";

const dayMs = 86_400_000;
const startWallMs = Date.UTC(2026, 0, 1);

let said: string[];
let expiresWallMs: number | undefined;
let watch: CertificateWatch;

beforeEach(() => {
  vi.useFakeTimers({ now: startWallMs });
  said = [];
  const note =
    (level: string) =>
    (_fields: object, message: string): void =>
      void said.push(`${(Date.now() - startWallMs) / dayMs} ${level} ${message.split(" ").at(-1)}`);
  const logger: RunLogger = {
    level: "info",
    debug: note("debug"),
    info: note("info"),
    warn: note("warn"),
    error: note("error"),
  };
  watch = new CertificateWatch({ logger, now: Date.now, expiresWallMs: () => expiresWallMs });
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

test("CFG11 a node that runs says each day of the last 14 that its certificate ends, and then that it has ended, until it is renewed", async () => {
  expiresWallMs = startWallMs + 90 * dayMs;
  watch.start();
  await vi.advanceTimersByTimeAsync(76 * dayMs - 1);
  expect(said).toEqual([]);
  await vi.advanceTimersByTimeAsync(16 * dayMs);
  expect(said).toEqual([
    ...Array.from({ length: 14 }, (_, day) => `${76 + day} warn soon`),
    "90 error expired",
    "91 error expired",
  ]);
  expiresWallMs += 90 * dayMs;
  await vi.advanceTimersByTimeAsync(30 * dayMs);
  expect(said).toHaveLength(16);
});

test("CFG11 a start and a reload say it at once; without a certificate, and after the stop, nothing is said", async () => {
  watch.start();
  await vi.advanceTimersByTimeAsync(2 * dayMs);
  expect(said).toEqual([]);
  expiresWallMs = Date.now() + dayMs;
  watch.start();
  watch.start();
  expect(said).toEqual(["2 warn soon", "2 warn soon"]);
  watch.stop();
  await vi.advanceTimersByTimeAsync(5 * dayMs);
  expect(said).toHaveLength(2);
});
