import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dagCborCodec } from "@pulsemesh/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "../command-line.test-support.ts";

/** Whole, and of a fleet that nobody has. */
const invite = `pulsemesh:${Buffer.from(
  dagCborCodec.encode({
    v: 1,
    fleet: "a".repeat(52),
    issuer: `12D3KooW${"A".repeat(44)}`,
    addresses: ["/ip4/127.0.0.1/tcp/1"],
    secret: new Uint8Array(20),
    exp: 2_000_000_000,
  }),
).toString("base64url")}`;

let base: string;
let dir: string;
let root: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "pulsemesh-init-"));
  dir = join(base, "data");
  root = join(base, "stick");
});
afterEach(() => rmSync(base, { recursive: true }));

test("CLI46, ME6 init names where the root's keys are, and that it is the disk of the node's folder", async () => {
  const { code, out, err } = await run(["init", "--data", dir, "--root", root]);
  expect([code, out]).toEqual([0, expect.stringMatching(/^fleet [a-z2-7]{52}$/)]);
  expect(err).toContain(`are in ${root}, on the same disk as the node's folder: move them off`);
  const inside = join(base, "other");
  const second = await run(["init", "--data", inside, "--root", join(inside, "root")]);
  expect(second.err).toContain("in the node's folder, with every copy of it");
});

test("CLI46, ME6 repeated, init names the folder that holds the root's keys, and none that does not", async () => {
  const args = ["init", "--data", dir];
  const whole = await run([...args, "--root", root]);
  const again = await run([...args, "--root", root]);
  expect(again).toEqual({
    code: 0,
    out: whole.out,
    err: `It was there already; nothing was changed. Its root's keys are in ${root}.`,
  });
  const elsewhere = await run(args);
  expect(elsewhere.err).toContain(`Its root's keys are not in ${dir}-root: they are where`);
  expect(existsSync(`${dir}-root`)).toBe(false);
  expect(JSON.parse((await run([...args, "--json"])).out)).toMatchObject({ root: null });
  const named = await run([...args, "--root", root, "--json"]);
  expect(JSON.parse(named.out)).toMatchObject({ root, status: "present" });
  cpSync(root, join(dir, "root"), { recursive: true });
  const inside = await run(args);
  expect(inside.err).toContain(`are in ${join(dir, "root")}. Next: pulsemesh key move-root DIR`);
});

test("CLI46, CFG13 init, join and request refuse a folder that run would refuse, with the chmod and the flag to type", async () => {
  mkdirSync(dir);
  chmodSync(dir, 0o755);
  const lines = [
    ["init", "--root", root],
    ["join", invite],
    ["request"],
    ["run", "--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0"],
  ];
  for (const [command = "", ...flags] of lines) {
    const { code, err } = await run([command, "--data", dir, ...flags]);
    expect([command, code]).toEqual([command, 2]);
    expect(err).toContain(`chmod go= ${dir}`);
    expect(err).toContain("Nothing was changed. Next: type the chmod above, or add --shared-data");
  }
  expect([existsSync(root), readdirSync(dir)]).toEqual([false, []]);
  expect((await run(["init", "--data", dir, "--root", root, "--shared-data"])).err).toContain(
    `Next: pulsemesh run --data ${dir} --shared-data`,
  );
});

test("CLI46, ME6 init says what to type where the folder for the root's keys is missing, open, or the node's own", async () => {
  mkdirSync(root);
  chmodSync(root, 0o777);
  for (const [place, next] of [
    [join(base, "media", "stick", "root"), `mkdir -p ${join(base, "media", "stick")}`],
    [root, `Close it with: chmod 700 ${root}`],
    [join(dir, "keys"), `Name a folder outside of ${dir}`],
  ] as const) {
    const { code, err } = await run(["init", "--data", dir, "--root", place]);
    expect([code, err]).toEqual([2, expect.stringContaining(next)]);
    expect(err).toContain("Nothing was changed.");
    expect(existsSync(dir)).toBe(false);
  }
});
