/** New keys for a root and an issuer while the fleet runs, by real processes. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nextRootStatement } from "@pulsemesh/node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCli } from "../support/cli-process.ts";
import { CliFleet, cliAt, outOf, type RunningNode } from "../support/cli-fleet.ts";
import { until } from "../support/until.ts";

let fleet: CliFleet;
let root: string;
beforeEach(() => {
  fleet = new CliFleet();
  root = fleet.path("root");
});
afterEach(() => fleet.end());

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

async function heldAt({ url }: RunningNode): Promise<Held> {
  return (await (await fetch(`${url}/api/v1/authority`)).json()) as Held;
}

const rootAt = async (at: RunningNode): Promise<string> => (await heldAt(at)).root.id;

test("ME2, CLI47 the root is rotated while two nodes run: both hold number 2, and a thief of the old key loses", async () => {
  await outOf(runCli(["init", "--data", fleet.path("alpha"), "--root", root]));
  const alpha = await fleet.start("alpha");
  const beta = await fleet.start("beta", "--join", await outOf(cliAt(alpha, "invite")));
  const copy = fleet.path("thief");
  cpSync(root, copy, { recursive: true });
  const signed = JSON.parse(
    await outOf(cliAt(beta, "key", "rotate", "root", "--root", root, "--json")),
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
    // It was answered before it came.
    expect((await heldAt(node)).root).toMatchObject({
      id: signed.id,
      disputed: [2],
      unanswered: [],
    });
  }
  const behind = await cliAt(alpha, "key", "rotate", "root", "--root", copy, "--stolen");
  expect([behind.code, behind.err]).toEqual([2, expect.stringContaining("grant list --json")]);
  expect(await outOf(cliAt(beta, "grant", "list"))).toContain("root statement 2");
}, 120_000);

test("ME2, ME3, CLI47 an issuer is replaced: its members stay, and after a start of its node the new one invites", async () => {
  await outOf(runCli(["init", "--data", fleet.path("alpha"), "--root", root]));
  const alpha = await fleet.start("alpha");
  const beta = await fleet.start("beta", "--join", await outOf(cliAt(alpha, "invite")));
  const old = (await heldAt(beta)).root.issuers[0]?.key;
  const asked = ["key", "rotate", "issuer", "--root", root, "--data", fleet.path("alpha")];
  const { issuer } = JSON.parse(await outOf(cliAt(alpha, ...asked, "--json"))) as {
    readonly issuer: string;
  };
  expect(issuer).not.toBe(old);
  await until("number 2", async () => (await heldAt(beta)).root.number === 2);
  await alpha.process[Symbol.asyncDispose]();
  const again = await fleet.start("alpha");
  const gamma = await fleet.start("gamma", "--join", await outOf(cliAt(again, "invite")));
  await until("three members", async () => (await heldAt(gamma)).grants.length === 3);
  const { grants, root: held, charter } = await heldAt(gamma);
  expect(held.issuers.map(({ key }) => key)).toEqual([issuer]);
  expect(charter.number).toBeGreaterThan(1);
  expect(grants.map((grant) => grant.issuer).toSorted()).toEqual(
    [old ?? "", old ?? "", issuer].toSorted(),
  );
}, 120_000);

test("ME6, CLI47 a node whose issuer's key is sealed starts with its passphrase alone, and issues then, also with the next key", async () => {
  const [data, phrase] = [fleet.path("alpha"), fleet.path("phrase")];
  await outOf(runCli(["init", "--data", data, "--root", root]));
  for (const [path, text] of [
    [phrase, "correct horse battery"],
    [fleet.path("wrong"), "some other passphrase"],
  ] as const)
    writeFileSync(path, `${text}\n`, { mode: 0o600 });
  await outOf(runCli(["key", "seal-issuer", "--data", data, "--passphrase-file", phrase]));
  const sealed = readFileSync(join(data, "issuer.key"), "utf8");
  for (const args of [[], ["--issuer-passphrase-file", fleet.path("wrong")]]) {
    const flags = ["--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0"];
    const refused = await runCli(["run", "--data", data, ...flags, ...args]);
    expect([refused.code, refused.err]).toEqual([
      2,
      expect.stringMatching(
        /issuer\.key: it is sealed with .*\n.*Next: .*--issuer-passphrase-file/,
      ),
    ]);
  }
  expect(readFileSync(join(data, "issuer.key"), "utf8")).toBe(sealed);
  const alpha = await fleet.start("alpha", "--issuer-passphrase-file", phrase);
  const beta = await fleet.start("beta", "--join", await outOf(cliAt(alpha, "invite")));
  const asked = ["key", "rotate", "issuer", "--root", root, "--data", data];
  await outOf(cliAt(alpha, ...asked, "--issuer-passphrase-file", phrase));
  await until("number 2", async () => (await heldAt(beta)).root.number === 2);
  expect(readFileSync(join(data, "issuer.key"), "utf8")).toContain("scrypt");
  await until("the new one invites", async () => (await cliAt(alpha, "invite")).code === 0);
}, 120_000);
