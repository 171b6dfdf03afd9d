import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunFlags } from "./run-options.ts";
import type { RobotFlagList } from "./run-robots.ts";
import { type RunSetup, setUpRun } from "./run-setup.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-setup-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function setUp(
  text: string,
  flags: RunFlags = {},
  robots: RobotFlagList = [{ robot: undefined, labels: {} }],
): Promise<RunSetup> {
  const config = join(dir, "c.yaml");
  writeFileSync(config, text);
  return await setUpRun({ flags: { config, ...flags }, robots, env: { HOME: "/h" } });
}

test("CFG1 flags win over the file, the file over defaults; a list is taken as a whole", async () => {
  const text = `
node: {name: file, region: eu, observer: true}
http: {listen: "127.0.0.1:1"}
mesh: {listen: [/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2], mdns: true}
`;
  const { plan } = await setUp(text, {
    name: "flag",
    mdns: false,
    listen: ["/ip4/127.0.0.1/tcp/3"],
  });
  expect(plan).toMatchObject({ http: { host: "127.0.0.1", port: 1 } });
  expect(plan.node).toMatchObject({
    name: "flag",
    region: "eu",
    mdns: false,
    observer: true,
    listen: ["/ip4/127.0.0.1/tcp/3"],
    profile: undefined,
  });
});

const robots = `
defaults: {every: 30s, grace: 5s, labels: {team: sec, env: prod}}
robots:
  - id: plain
  - {id: own, every: 10s, missed: 5, labels: {env: test}}
  - {id: nightly, cron: "0 3 * * *", tz: Europe/Berlin, floating: true}
`;

test("CFG5 robots of the file take what the defaults say, cron lines their own", async () => {
  const setup = await setUp(robots);
  expect(setup.robots).toMatchObject([
    { robot: "plain", schedule: { everyMs: 30_000, graceMs: 5_000, missed: 1 } },
    {
      robot: "own",
      schedule: { everyMs: 10_000, graceMs: 5_000, missed: 5 },
      labels: { env: "test", team: "sec" },
    },
    {
      robot: "nightly",
      schedule: { type: "cron", line: "0 3 * * *", timeZone: "Europe/Berlin" },
      floating: true,
    },
  ]);
  expect(setup.plan.node.core).toMatchObject({ robotEveryMs: 30_000, robotGraceMs: 5_000 });
});

test("CFG5 each word that a flag says of a robot, or of all, wins over the file", async () => {
  const setup = await setUp(robots, {}, [
    { robot: undefined, graceMs: 7_000, labels: { env: "flag" } },
    { robot: "own", missed: 2, labels: { by: "flag" } },
    { robot: "nightly", everyMs: 60_000, labels: {} },
    { robot: "fresh", labels: {} },
  ]);
  expect(setup.robots.map(({ robot }) => robot)).toEqual(["plain", "own", "nightly", "fresh"]);
  expect(setup.robots).toMatchObject([
    { schedule: { everyMs: 30_000, graceMs: 7_000 }, labels: { env: "flag", team: "sec" } },
    { schedule: { everyMs: 10_000, missed: 2 }, labels: { env: "test", by: "flag" } },
    { schedule: { type: "every", everyMs: 60_000 } },
    { schedule: { everyMs: 30_000, graceMs: 7_000 }, labels: { team: "sec" } },
  ]);
});

test("CFG2 a bad file stops everything, with all faults in the message", async () => {
  await expect(setUp("nod: 1\nhttp: 2\n")).rejects.toMatchObject({
    code: "config-invalid",
    message: expect.stringMatching(/c\.yaml:1:1: .*\n.*c\.yaml:2:7: /),
  });
});

test("CFG11 a certificate without its key is refused", async () => {
  await expect(setUp("", { tlsCert: "/x.crt" })).rejects.toMatchObject({ code: "tls-invalid" });
});
