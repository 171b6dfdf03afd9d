/** The store on a disk that is really full: a small tmpfs in a mount namespace of its own. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const CHILD = join(import.meta.dirname, "store-full-main.ts");

interface Report {
  readonly acked: number;
  readonly code: string;
  readonly stillFailing: string;
  readonly kept: number;
  readonly after: number;
}

test("DU3 a full disk fails commits with store-full, loses nothing acknowledged, and works again once there is space", () => {
  const dir = mkdtempSync(join(tmpdir(), "pulsemesh-full-"));
  const script = [
    'mount -t tmpfs -o size=12m tmpfs "$0"',
    'head -c 6000000 /dev/zero > "$0/ballast"',
    'exec "$@"',
  ].join(" && ");
  const command = [process.execPath, ...process.execArgv, CHILD, dir];
  const child = spawnSync("unshare", ["-U", "-r", "-m", "sh", "-c", script, dir, ...command], {
    encoding: "utf8",
  });
  rmSync(dir, { recursive: true, force: true });
  if (child.error !== undefined || child.stderr.includes("unshare failed")) {
    throw new Error(
      "This test needs user namespaces. Run: sysctl --write kernel.unprivileged_userns_clone=1",
    );
  }
  expect({ status: child.status, stderr: child.stderr }).toMatchObject({ status: 0 });
  const report = JSON.parse(child.stdout) as Report;
  expect(report.code).toBe("store-full");
  expect(report.acked).toBeGreaterThan(50);
  expect(report.stillFailing).toMatch(/disk is full|No space left/);
  expect(report.kept).toBe(report.acked);
  expect(report.after).toBe(1_000_000);
});
