// Restarts a robot that the fleet says is down. Usage: node heal.js ROBOT -- COMMAND…
// It follows the events of its node only to know when to look; what it does depends on how things are, not on what it heard.
import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

const url = process.env.PULSEMESH_URL ?? "http://127.0.0.1:7420";
const settleMs = Number(process.env.HEAL_SETTLE_MS ?? 30_000);
const lookAgainMs = Math.min(settleMs, 2_000);
const lookEveryMs = 10_000;
const windowMs = 600_000;
const actsPerWindowMost = 3;

const [robot, dashes, ...command] = process.argv.slice(2);
if (robot === undefined || dashes !== "--" || command.length === 0) {
  console.error("usage: node heal.js ROBOT -- COMMAND…");
  process.exit(2);
}
const healer = `healer-${robot}`;
let acts = [];
let wake = () => {};
let said = "";

async function json(path) {
  const answer = await fetch(url + path, { signal: AbortSignal.timeout(5_000) });
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status}`);
  return await answer.json();
}

/** Whether to act, and why not. */
async function judge() {
  const { view } = await json("/api/v1/peers");
  if (view.in_sight * 2 <= view.roster) return "this node sees no majority of the fleet";
  const { status } = await json(`/api/v1/robots/${encodeURIComponent(robot)}`);
  return status === "down" ? undefined : `it is ${status}`;
}

async function tell(ok, message) {
  if (message !== said) console.log(message);
  said = message;
  const path = `/heartbeat/${healer}?health=${ok ? "ok" : "failing"}`;
  const signal = AbortSignal.timeout(5_000);
  const beat = { method: "POST", body: message, redirect: "error", signal };
  // A node that does not hear it must not shorten the time that the robot gets to start.
  await fetch(url + path, beat).catch((error) => console.error(`cannot tell: ${error.message}`));
}

async function round() {
  let reason = await judge();
  if (reason === undefined) {
    // Once more: what is down for a moment mends itself.
    await sleep(lookAgainMs);
    reason = await judge();
  }
  acts = acts.filter((atMs) => Date.now() - atMs < windowMs);
  if (reason !== undefined) return await tell(true, `nothing to do for ${robot}: ${reason}`);
  if (acts.length >= actsPerWindowMost) {
    return await tell(false, `${robot} is down after ${acts.length} restarts; giving up for now`);
  }
  acts.push(Date.now());
  const [program, ...args] = command;
  const { status, error } = spawnSync(program, args, { stdio: "inherit" });
  await tell(status === 0, `restarted ${robot}: ${error?.message ?? `exit ${status}`}`);
  await sleep(settleMs);
}

/** Wakes the loop whenever the status of the robot changes. A stream that ends is opened again. */
async function follow() {
  for (;;) {
    try {
      const events = `${url}/api/v1/events?type=robot-status&robot=${encodeURIComponent(robot)}`;
      const answer = await fetch(events);
      for await (const _part of answer.body) wake();
    } catch {
      // The node restarts, or is not there yet: the loop looks by itself meanwhile.
    }
    await sleep(1_000);
  }
}

void follow();
for (;;) {
  const { promise, resolve } = Promise.withResolvers();
  wake = resolve;
  await round().catch((error) => console.error(`cannot look: ${error.message}`));
  await Promise.race([promise, sleep(lookEveryMs)]);
}
