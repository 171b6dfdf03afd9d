/** New keys for a root and an issuer while the fleet runs, by real processes. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nextRootStatement } from "@pulsemesh/node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CliEnd, CliProcess, runCli } from "../support/cli-process.ts";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/until.ts";

let dir: string;
let root: string;
let running: CliProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-rotate-"));
  root = join(dir, "root");
});
afterEach(async () => {
  await Promise.all(running.map((process) => process[Symbol.asyncDispose]()));
  running = [];
  rmSync(dir, { recursive: true, force: true });
});

interface Running {
  readonly url: string;
  readonly process: CliProcess;
}

/** `pulsemesh run` in a folder of its own, until it is there. */
async function start(name: string, ...args: readonly string[]): Promise<Running> {
  const port = await freePort();
  const process = new CliProcess([
    "run",
    `--data=${join(dir, name)}`,
    `--name=${name}`,
    "--profile=local",
    `--http=127.0.0.1:${port}`,
    `--listen=/ip4/127.0.0.1/tcp/${await freePort()}`,
    ...args,
  ]);
  running.push(process);
  await process.untilPrinted("try: curl");
  return { url: `http://127.0.0.1:${port}`, process };
}

const cli = (at: Running, ...args: readonly string[]): Promise<CliEnd> =>
  runCli([...args, "--url", at.url]);

async function ok(end: Promise<CliEnd>): Promise<string> {
  const { code, out, err } = await end;
  if (code !== 0) throw new Error(`exit ${code}: ${err}`);
  return out.trim();
}

interface Held {
  readonly root: {
    readonly id: string;
    readonly number: number;
    readonly issuers: readonly { readonly key: string }[];
    readonly disputed: readonly number[];
  };
  readonly charter: { readonly number: number };
  readonly grants: readonly { readonly name: string | null; readonly issuer: string }[];
}

async function heldAt({ url }: Running): Promise<Held> {
  return (await (await fetch(`${url}/api/v1/authority`)).json()) as Held;
}

const rootAt = async (at: Running): Promise<string> => (await heldAt(at)).root.id;

test("ME2, CLI47 the root is rotated while two nodes run: both hold number 2, and a thief of the old key loses", async () => {
  await ok(runCli(["init", "--data", join(dir, "alpha"), "--root", root]));
  const alpha = await start("alpha");
  const beta = await start("beta", "--join", await ok(cli(alpha, "invite")));
  const copy = join(dir, "thief");
  cpSync(root, copy, { recursive: true });
  const signed = JSON.parse(
    await ok(cli(beta, "key", "rotate", "root", "--root", root, "--json")),
  ) as { readonly id: string; readonly number: number };
  expect(signed.number).toBe(2);
  for (const node of [alpha, beta])
    await until("number 2", async () => (await rootAt(node)) === signed.id);
  // What he signs is taken as the proof of the theft, and changes nothing.
  const thief = await nextRootStatement({ rootDir: copy, change: {}, nowS: Date.now() / 1_000 });
  const post = await fetch(`${alpha.url}/api/v1/authority/statements`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: thief.token }),
  });
  expect(post.status).toBe(204);
  for (const node of [alpha, beta]) {
    await until("the alarm", async () => (await heldAt(node)).root.disputed.length > 0);
    expect((await heldAt(node)).root).toMatchObject({ id: signed.id, disputed: [2] });
  }
  const behind = await cli(alpha, "key", "rotate", "root", "--root", copy, "--stolen");
  expect([behind.code, behind.err]).toEqual([2, expect.stringContaining("grant list --json")]);
  expect(await ok(cli(beta, "grant", "list"))).toContain("root statement 2");
}, 120_000);

test("ME2, ME3, CLI47 an issuer is replaced: its members stay, and after a start of its node the new one invites", async () => {
  await ok(runCli(["init", "--data", join(dir, "alpha"), "--root", root]));
  const alpha = await start("alpha");
  const beta = await start("beta", "--join", await ok(cli(alpha, "invite")));
  const old = (await heldAt(beta)).root.issuers[0]?.key;
  const asked = ["key", "rotate", "issuer", "--root", root, "--data", join(dir, "alpha")];
  const { issuer } = JSON.parse(await ok(cli(alpha, ...asked, "--json"))) as {
    readonly issuer: string;
  };
  expect(issuer).not.toBe(old);
  await until("number 2", async () => (await heldAt(beta)).root.number === 2);
  await alpha.process[Symbol.asyncDispose]();
  const again = await start("alpha");
  const gamma = await start("gamma", "--join", await ok(cli(again, "invite")));
  await until("three members", async () => (await heldAt(gamma)).grants.length === 3);
  const { grants, root: held, charter } = await heldAt(gamma);
  expect(held.issuers.map(({ key }) => key)).toEqual([issuer]);
  expect(charter.number).toBeGreaterThan(1);
  expect(grants.map((grant) => grant.issuer).toSorted()).toEqual(
    [old ?? "", old ?? "", issuer].toSorted(),
  );
}, 120_000);
