/**
 * Who delivers: one process at a time for each node, so that beats go out in order and once. Whoever wants to puts up a file of its own and
 * then looks for others; of two that come at once at least one sees the other, and takes its own down. As every claim has a name that is
 * never used again, a dead one can be removed by anybody without a race, which a single lock file does not allow.
 */
import { createHash, randomBytes } from "node:crypto";
import { open, readdir, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** A claim that nobody has renewed for so long is dead, whoever holds it. */
export const CLAIM_MS_MAX: number = 30_000;

const renewEveryMs = 5_000;
const tries = 4;
const pauseMs = 25;

export interface SpoolClaim extends AsyncDisposable {
  /** False once somebody took this process for dead, as after a long stop. */
  isHeld(): Promise<boolean>;
}

export interface ClaimOptions {
  /** Waits before another try; a parameter for tests. */
  readonly pause?: ((ms: number) => Promise<void>) | undefined;
}

/** Claims the beats of one node; undefined while another process delivers them. */
export async function claimSpool(
  folder: string,
  urlKey: string,
  { pause = (ms) => wait(ms) }: ClaimOptions = {},
): Promise<SpoolClaim | undefined> {
  for (let at = 0; at < tries; at++) {
    if (at > 0) await pause(pauseMs * (0.5 + Math.random()));
    const name = `claim-${urlKey}-${hostKey()}-${process.pid}-${randomBytes(6).toString("hex")}`;
    const path = join(folder, name);
    await (await open(path, "wx", 0o600)).close();
    try {
      if (!(await isClaimed(folder, urlKey, name))) return held(path);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    await rm(path, { force: true });
  }
  return undefined;
}

function held(path: string): SpoolClaim {
  const timer = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, renewEveryMs);
  timer.unref();
  return {
    isHeld: () =>
      stat(path).then(
        () => true,
        () => false,
      ),
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await rm(path, { force: true });
    },
  };
}

/** Whether another living process holds a claim. Dead ones are removed on the way. */
async function isClaimed(folder: string, urlKey: string, own: string): Promise<boolean> {
  let claimed = false;
  for (const name of await readdir(folder)) {
    if (name === own || !name.startsWith(`claim-${urlKey}-`)) continue;
    if (await isLiving(folder, name)) claimed = true;
    else await rm(join(folder, name), { force: true });
  }
  return claimed;
}

async function isLiving(folder: string, name: string): Promise<boolean> {
  const [, , host, pid = ""] = name.split("-");
  const renewedMs = await stat(join(folder, name)).then(
    ({ mtimeMs }) => mtimeMs,
    () => Number.NEGATIVE_INFINITY,
  );
  // One from far ahead was made before the clock was set back, and nobody renews it now.
  if (Math.abs(Date.now() - renewedMs) > CLAIM_MS_MAX) return false;
  // Of another machine or container nothing is known but how old its claim is.
  return host !== hostKey() || isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function hostKey(): string {
  return createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
}
