// What the bots of two environments found differently. Usage: node compare.js ENVIRONMENT ENVIRONMENT
const mesh = process.env.PULSEMESH_URL ?? "http://127.0.0.1:7420";

async function findingsOf(environment) {
  const robot = encodeURIComponent(`dast-${environment}`);
  const signal = AbortSignal.timeout(5_000);
  const answer = await fetch(`${mesh}/api/v1/robots/${robot}`, { signal });
  const { status = "not known", state } = answer.ok ? await answer.json() : {};
  if (status !== "up" || !Array.isArray(state.findings)) {
    console.error(`dast-${environment} is ${status}: no telling`);
    process.exit(3);
  }
  return new Set(state.findings);
}

const [left, right] = process.argv.slice(2);
if (left === undefined || right === undefined) {
  console.error("usage: node compare.js ENVIRONMENT ENVIRONMENT");
  process.exit(2);
}
const [inLeft, inRight] = [await findingsOf(left), await findingsOf(right)];
for (const finding of inLeft.difference(inRight)) console.log(`only ${left}: ${finding}`);
for (const finding of inRight.difference(inLeft)) console.log(`only ${right}: ${finding}`);
process.exitCode = inLeft.symmetricDifference(inRight).size === 0 ? 0 : 1;
