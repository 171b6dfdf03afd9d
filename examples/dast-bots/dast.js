// Probes a web application from outside and keeps what it found in the mesh. Usage: node dast.js ENVIRONMENT URL
const mesh = process.env.PULSEMESH_URL ?? "http://127.0.0.1:7420";
const [environment, target] = process.argv.slice(2);
if (environment === undefined || target === undefined) {
  console.error("usage: node dast.js ENVIRONMENT URL");
  process.exit(2);
}
const robot = encodeURIComponent(`dast-${environment}`);

async function ask(method, path, body) {
  const headers = { "content-type": "application/json" };
  const init = { method, body, headers, redirect: "error" };
  const answer = await fetch(mesh + path, { ...init, signal: AbortSignal.timeout(5_000) });
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`);
}

async function probe(path, method = "GET") {
  const init = { method, redirect: "manual", signal: AbortSignal.timeout(10_000) };
  return await fetch(new URL(path, target), init);
}

async function findings() {
  const found = [];
  const { headers } = await probe("/");
  for (const name of ["content-security-policy", "x-content-type-options", "referrer-policy"]) {
    if (!headers.has(name)) found.push(`missing-header:${name}`);
  }
  if (target.startsWith("https:") && !headers.has("strict-transport-security")) {
    found.push("missing-header:strict-transport-security");
  }
  if (headers.has("x-powered-by") || /\d/.test(headers.get("server") ?? ""))
    found.push("version-leak");
  for (const path of ["/.git/config", "/.env"]) {
    if ((await probe(path)).status === 200) found.push(`served:${path}`);
  }
  return found;
}

// The start registers the robot; a probe that hangs is then seen as a run that does not end.
await ask("POST", `/ping/${robot}/start?create=1`, "{}");
try {
  const found = await findings();
  const state = {
    status: "idle",
    environment,
    findings: found,
    checked_at: new Date().toISOString(),
  };
  await ask("PATCH", `/api/v1/robots/${robot}/state`, JSON.stringify(state));
  await ask("POST", `/ping/${robot}/${found.length === 0 ? 0 : 1}`, JSON.stringify(found));
  console.log(found.length === 0 ? "clean" : found.join("\n"));
  process.exitCode = found.length === 0 ? 0 : 1;
} catch (error) {
  await ask("POST", `/ping/${robot}/fail`, JSON.stringify({ error: error.message }));
  console.error(`cannot probe ${target}: ${error.message}`);
  process.exitCode = 3;
}
