/** The node with a fleet's only issuer, by real processes: it goes, it is revoked, and it runs twice. */
import { cpSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CliFleet, cliAt, outOf, type RunningNode } from "../support/cli-fleet.ts";
import { runCli } from "../support/cli-process.ts";
import { until } from "../support/until.ts";

let fleet: CliFleet;
let alpha: RunningNode;
let beta: RunningNode;
beforeEach(async () => {
  fleet = new CliFleet();
  await outOf(runCli(["init", "--data", fleet.path("alpha"), "--root", fleet.path("root")]));
  alpha = await fleet.start("alpha");
  beta = await fleet.start("beta", "--join", await outOf(cliAt(alpha, "invite")));
});
afterEach(() => fleet.end());

/** The line that a refusal tells to type, with the folders filled in. */
function lineIn(err: string): readonly string[] {
  const line = /pulsemesh (key rotate issuer [^,]+), and/.exec(err)?.[1] ?? "";
  return line
    .replace("--root DIR", `--root ${fleet.path("root")}`)
    .replace("--data ITS-FOLDER", `--data ${fleet.path("beta")}`)
    .split(" ");
}

test("CLI25, CLI46, ME7 the only issuer's node neither leaves nor is revoked there, and the line that it names makes room for both", async () => {
  const left = await cliAt(alpha, "leave");
  expect([left.code, left.err]).toEqual([1, expect.stringContaining("--without-issuer")]);
  const revoked = await cliAt(alpha, "revoke", "alpha");
  expect(revoked.code).toBe(1);
  expect(lineIn(revoked.err)).toHaveLength(9);
  await outOf(cliAt(beta, ...lineIn(revoked.err)));
  await until("beta issues", async () => (await cliAt(beta, "invite")).code === 0);
  await until("alpha knows", async () => (await cliAt(alpha, "invite")).code === 2);
  expect((await cliAt(alpha, "leave")).code).toBe(0);
  expect((await alpha.process.ended).code).toBe(0);
  expect((await cliAt(beta, "revoke", "alpha")).code).toBe(0);
}, 120_000);

test("CLI25 who means it leaves a fleet without an issuer", async () => {
  expect((await cliAt(alpha, "leave", "--without-issuer")).code).toBe(0);
  expect((await alpha.process.ended).code).toBe(0);
}, 120_000);

test("BK1, ME7 of two processes on copies of an issuer's folder neither issues, and an invite of before makes nobody a member", async () => {
  const invite = await outOf(cliAt(alpha, "invite"));
  cpSync(fleet.path("alpha"), fleet.path("copy"), {
    recursive: true,
    filter: (path) => !path.endsWith("/pid"),
  });
  const { self } = (await (await fetch(`${beta.url}/api/v1/peers`)).json()) as {
    readonly self: { readonly addresses: readonly string[] };
  };
  // What the copied folder knows of others may be older than they are.
  const copy = await fleet.start("copy", "--join", self.addresses[0] ?? "");
  for (const node of [alpha, copy])
    await until("both know", async () => {
      const { code, err } = await cliAt(node, "invite");
      return code === 1 && err.includes("runs twice");
    });
  const joined = await runCli(["join", invite, "--data", fleet.path("gamma")]);
  expect([joined.code, joined.err]).toEqual([1, expect.stringContaining("runs twice")]);
  const found = await cliAt(alpha, "doctor", "--data", fleet.path("alpha"));
  expect([found.code, found.out]).toEqual([1, expect.stringContaining("another process runs")]);
  await copy.process[Symbol.asyncDispose]();
  await until("alpha issues", async () => (await cliAt(alpha, "invite")).code === 0);
  const late = await runCli(["join", invite, "--data", fleet.path("gamma")]);
  expect([late.code, late.err]).toEqual([1, expect.stringContaining("none with that secret")]);
  const anew = await outOf(cliAt(alpha, "invite"));
  expect((await runCli(["join", anew, "--data", fleet.path("gamma")])).code).toBe(0);
}, 180_000);
