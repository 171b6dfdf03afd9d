// Deploys region by region while the fleet is well. Usage: node deploy.js VERSION REGION,REGION… -- COMMAND…
import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

const url = process.env.PULSEMESH_URL ?? "http://127.0.0.1:7420";
const settleMs = Number(process.env.DEPLOY_SETTLE_MS ?? 60_000);
const lookEveryMs = 500;
const record = "/api/v1/robots/deployment/state";

const [version, regions, dashes, ...command] = process.argv.slice(2);
if (regions === undefined || dashes !== "--" || command.length === 0) {
  console.error("usage: node deploy.js VERSION REGION,REGION… -- COMMAND…");
  process.exit(2);
}

async function ask(verb, path, body, headers = {}) {
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const signal = AbortSignal.timeout(5_000);
  const sent = { ...type, ...headers };
  const request = { method: verb, body, headers: sent, redirect: "error", signal };
  const answer = await fetch(url + path, request);
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`);
  return answer;
}

/** 0 all is well, 1 it is not, 3 nobody can tell; with the reason. */
async function wellness() {
  const { view } = await (await ask("GET", "/api/v1/peers")).json();
  if (view.in_sight * 2 <= view.roster) return [3, "this node sees no majority of the fleet"];
  const { robots } = await (
    await ask("GET", "/api/v1/robots?label=role%3Dprecheck&limit=1000")
  ).json();
  if (robots.length === 0) return [3, "no robot has the label role=precheck"];
  const name = ({ robot_id: id, status, health }) => `${id} is ${status}, ${health}`;
  const bad = robots.filter(({ status, health }) => status === "down" || health === "failing");
  if (bad.length > 0) return [1, bad.map(name).join("; ")];
  const open = robots.filter(({ status }) => status !== "up");
  return open.length > 0 ? [3, open.map(name).join("; ")] : [0, "all pre-checks are well"];
}

/** The pre-checks need a moment to see what was deployed; down is down, but unknown may pass. */
async function wellAgain() {
  const endMs = Date.now() + settleMs;
  for (;;) {
    const [code, why] = await wellness();
    if (code !== 3 || Date.now() > endMs) return [code, why];
    await sleep(lookEveryMs);
  }
}

function stop(code, why) {
  console.error(why);
  process.exit(code);
}

const [code, why] = await wellness();
if (code !== 0) stop(code, `not deploying ${version}: ${why}`);

await ask("POST", "/heartbeat/deployment", JSON.stringify({ version }));
const before = await ask("GET", record);
const { phase, version: other } = await before.json();
if (phase === "deploying") stop(1, `not deploying ${version}: ${other} is being deployed`);
const tag = before.headers.get("etag");
await ask("PATCH", record, JSON.stringify({ phase: "deploying", version, region: null }), {
  "if-match": tag,
});

for (const region of regions.split(",")) {
  await ask("PATCH", record, JSON.stringify({ region }));
  console.log(`deploying ${version} in ${region}`);
  const [program, ...args] = command;
  const env = { ...process.env, REGION: region, VERSION: version };
  const { status } = spawnSync(program, args, { stdio: "inherit", env });
  const [after, reason] =
    status === 0 ? await wellAgain() : [1, `the command ended with ${status}`];
  if (after === 0) continue;
  await ask("PATCH", record, JSON.stringify({ phase: "failed" }));
  await ask("POST", "/ping/deployment/fail", JSON.stringify({ version, region, reason }));
  stop(after, `stopped after ${region}: ${reason}`);
}
await ask("PATCH", record, JSON.stringify({ phase: "done", region: null }));
await ask("POST", "/ping/deployment/0", JSON.stringify({ version }));
console.log(`deployed ${version} in ${regions}`);
