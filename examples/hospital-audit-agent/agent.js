// Chains the lines of an append-only log and keeps count and hash in the mesh. Usage: node agent.js FILE [--once]
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const url = process.env.PULSEMESH_URL ?? "http://127.0.0.1:7420";
const robot = encodeURIComponent(process.env.ROBOT ?? "audit-agent");
const everyMs = 10_000;

const [file, once] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node agent.js FILE [--once]");
  process.exit(2);
}

async function ask(verb, path, body, type = "text/plain") {
  const headers = body === undefined ? {} : { "content-type": type };
  const signal = AbortSignal.timeout(5_000);
  const request = { method: verb, body, headers, redirect: "error", signal };
  return await fetch(url + path, request);
}

/** What the fleet knows: how many lines there were, and the hash of the chain up to there. */
async function known() {
  const answer = await ask("GET", `/api/v1/robots/${robot}/state`);
  if (answer.status === 404) return { entries: 0, head: "" };
  if (!answer.ok) throw new Error(`the node answered ${answer.status}`);
  const { entries = 0, head = "" } = await answer.json();
  return { entries, head };
}

/** The whole lines of the file; one without an end is still being written. */
async function* lines() {
  let rest = "";
  for await (const part of createReadStream(file, "utf8")) {
    const whole = (rest + part).split("\n");
    rest = whole.pop();
    yield* whole;
  }
}

/** The chain over the file as it is now, and its hash at the line up to which the fleet knows it. */
async function chain(upTo) {
  let head = "";
  let headThere = upTo === 0 ? "" : undefined;
  let entries = 0;
  for await (const line of lines()) {
    head = createHash("sha256").update(head).update("\0").update(line).digest("hex");
    entries += 1;
    if (entries === upTo) headThere = head;
  }
  return { entries, head, headThere };
}

async function round() {
  const before = await known();
  const now = await chain(before.entries);
  const trouble =
    now.headThere === undefined
      ? `the log was cut: ${now.entries} lines where there were ${before.entries}`
      : now.headThere === before.head
        ? undefined
        : `the log was edited within its first ${before.entries} lines`;
  if (trouble !== undefined) {
    // The good hash stays in the mesh: it is the evidence.
    await ask("POST", `/heartbeat/${robot}?health=failing`, trouble);
    console.log(trouble);
    return 1;
  }
  // The beat first, which registers the robot; then what later rounds are held against.
  await ask("POST", `/heartbeat/${robot}?health=ok`, `${now.entries} lines, whole`);
  const state = JSON.stringify({ entries: now.entries, head: now.head });
  const answer = await ask("PATCH", `/api/v1/robots/${robot}/state`, state, "application/json");
  if (!answer.ok) throw new Error(`the node answered ${answer.status}`);
  console.log(`${now.entries} lines, whole`);
  return 0;
}

do {
  try {
    process.exitCode = await round();
  } catch (error) {
    console.error(`cannot check: ${error.message}`);
    process.exitCode = 3;
  }
  if (once !== "--once") await sleep(everyMs);
} while (once !== "--once");
