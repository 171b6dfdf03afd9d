/** A whole node on a disk that is really full: a small tmpfs in a mount namespace of its own. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const CHILD = join(import.meta.dirname, "node-full-main.ts");

interface Report {
  readonly code: string;
  /** Until each of several callers at a time was told. */
  readonly refusedMs: number;
  readonly acked: number;
  readonly kept: number;
  readonly statuses: readonly string[];
  readonly codes: readonly string[];
  readonly recoveredMs: number;
  readonly audit: boolean;
}

test("DU3 a node on a full disk acknowledges nothing, stays up for its neighbours, recovers alone and has lost nothing", () => {
  const small = mkdtempSync(join(tmpdir(), "pulsemesh-small-"));
  const large = mkdtempSync(join(tmpdir(), "pulsemesh-large-"));
  const script = [
    'mount -t tmpfs -o size=24m tmpfs "$0"',
    'head -c 18000000 /dev/zero > "$0/ballast"',
    'exec "$@"',
  ].join(" && ");
  const command = [process.execPath, ...process.execArgv, CHILD, small, large];
  const child = spawnSync("unshare", ["-U", "-r", "-m", "sh", "-c", script, small, ...command], {
    encoding: "utf8",
    timeout: 120_000,
  });
  for (const dir of [small, large]) rmSync(dir, { recursive: true, force: true });
  if (child.error !== undefined || child.stderr.includes("unshare failed")) {
    throw new Error(
      "This test needs user namespaces. Run: sysctl --write kernel.unprivileged_userns_clone=1",
    );
  }
  expect({ status: child.status, stderr: child.stderr }).toMatchObject({ status: 0 });
  const report = JSON.parse(/^report (.*)$/m.exec(child.stdout)?.[1] ?? "{}") as Report;
  expect(report.code).toBe("store-full");
  expect(report.refusedMs).toBeLessThan(1_000);
  expect(report.codes).toEqual(["store-full"]);
  expect(report.statuses).toEqual(["up"]);
  expect(report.acked).toBeGreaterThan(20);
  expect(report.kept).toBe(report.acked);
  expect(report.recoveredMs).toBeLessThan(15_000);
  expect(report.audit).toBe(true);
});
