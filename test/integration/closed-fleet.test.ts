/** Real nodes of a fleet with an authority, in this process: who is invited is in, who is not stays out, and who is revoked goes. */
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command, PulsemeshError } from "@pulsemesh/core";
import {
  createFleetAuthority,
  createNode,
  joinFleet,
  type NodeOptions,
  type PulsemeshNode,
  readSecretKey,
  rotateIssuer,
  signToken,
} from "@pulsemesh/node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../support/until.ts";

const HOUR_MS = 3_600_000;
const TERMS = { roles: ["robot"], robots: ["bot*"], ttlMs: HOUR_MS } as const;

let dir: string;
let nodes: PulsemeshNode[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-closed-"));
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  nodes = [];
  rmSync(dir, { recursive: true, force: true });
});

const beat = (robot: string): Command => ({
  type: "beat",
  robot,
  kind: "beat",
  create: "heartbeat",
});

async function start(name: string, options: Partial<NodeOptions> = {}): Promise<PulsemeshNode> {
  const node = await createNode({
    dataDir: join(dir, name),
    name,
    listen: ["/ip4/127.0.0.1/tcp/0"],
    profile: "local",
    ...options,
  });
  nodes.push(node);
  return node;
}

/** A node where the authority of a fleet is made, and which issues. */
async function startIssuer(options: Partial<NodeOptions> = {}): Promise<PulsemeshNode> {
  await createFleetAuthority({
    dir: join(dir, "issuer"),
    rootDir: join(dir, "root"),
    region: "eu",
    nowS: Date.now() / 1_000,
  });
  return start("issuer", options);
}

/** How a start ended, as one word. */
const codeOf = (starting: Promise<PulsemeshNode>): Promise<string> =>
  starting.then(
    () => "started",
    (error: unknown) => (error as PulsemeshError).code,
  );

const inviteOf = (node: PulsemeshNode, terms: Partial<typeof TERMS> = {}): Promise<string> =>
  node.issuer?.invite({ ...TERMS, ...terms }) ?? Promise.reject(new Error("no issuer"));

const statusOf = (viewer: PulsemeshNode, of: PulsemeshNode): string | undefined =>
  viewer.fleetView().nodes.find(({ node }) => node === of.id)?.status;

const refusals = (node: PulsemeshNode, reason: string): number =>
  node
    .metrics()
    .flatMap(({ samples }) => samples)
    .filter(({ labels }) => labels["reason"] === reason)
    .reduce((sum, { value }) => sum + value, 0);

test("ME1, ME7 three steps make two members: an authority, an invite, and a start with it; restarted, both still are", async () => {
  const issuer = await startIssuer();
  const member = await start("b", { invite: await inviteOf(issuer) });
  await until(
    "both are up",
    () => statusOf(issuer, member) === "up" && statusOf(member, issuer) === "up",
  );
  expect(member.fleet).toBe(issuer.fleet);
  expect(member.issuer).toBeUndefined();
  for (const key of ["node.key", "audit.key", "cosign.key", "authority.json"])
    expect(statSync(join(dir, "b", key)).mode & 0o777).toBe(0o600);
  const { grants, charter } = member.authorityView();
  expect(grants.map(({ standing }) => standing)).toEqual(["granted", "granted"]);
  expect(charter?.number).toBeGreaterThan(0);
  await member.stop();
  await until("it is not up", () => statusOf(issuer, member) !== "up");
  // Neither the invite nor an address is named any more.
  const again = await start("b");
  await until(
    "both are up again",
    () => statusOf(issuer, again) === "up" && statusOf(again, issuer) === "up",
  );
  expect(again.id).toBe(member.id);
});

test("ME3, AD10 a node that was not invited is let in nowhere, and hears nothing", async () => {
  const issuer = await startIssuer();
  await issuer.command(beat("secret"));
  const named = { join: issuer.addresses(), fleet: issuer.fleet };
  for (const how of [named, { join: issuer.addresses() }, { fleet: issuer.fleet }])
    expect(await codeOf(start("stranger", how))).toBe("invite-needed");
  expect(existsSync(join(dir, "stranger", "fleet.json"))).toBe(false);
  // Who says by himself that he belongs there is told the same by others.
  const pin = readFileSync(join(dir, "issuer", "fleet.json"));
  writeFileSync(join(dir, "stranger", "fleet.json"), pin, { mode: 0o600 });
  const stranger = await start("stranger", { join: issuer.addresses() });
  await until("it was refused", () => refusals(issuer, "grant-none") > 0);
  expect(stranger.fleetView().nodes).toEqual([]);
  expect(stranger.robotIds()).toEqual([]);
  expect(issuer.fleetView().nodes).toEqual([]);
});

test("ME7 an invite is for one node, who may use it again, and nobody else", async () => {
  const issuer = await startIssuer();
  const invite = await inviteOf(issuer);
  const member = await start("b", { invite });
  await member.stop();
  rmSync(join(dir, "b", "authority.json"));
  const again = await start("b", { invite });
  await until("it is up", () => statusOf(issuer, again) === "up");
  // Who died between the two files that make a member is one all the same, by whatever he is started.
  for (const how of [{ invite }, {}, { join: issuer.addresses() }]) {
    await nodes.pop()?.stop();
    rmSync(join(dir, "b", "fleet.json"));
    expect(await codeOf(start("b", how))).toBe("started");
    expect(nodes.at(-1)?.fleet).toBe(issuer.fleet);
    expect(existsSync(join(dir, "b", "fleet.json"))).toBe(true);
  }
  await expect(start("c", { invite })).rejects.toMatchObject({ code: "invite-used" });
  await expect(start("c", { invite: `${invite}x` })).rejects.toMatchObject({
    code: "invite-malformed",
  });
});

test("ME7, ME3 whose grant has ended while it was away is a member again by a new invite, under its own key", async () => {
  const issuer = await startIssuer();
  const place = { dir: join(dir, "b"), name: "b", region: "eu", nowS: Date.now() / 1_000 };
  const { node, grant, statements } = await joinFleet({ ...place, by: await inviteOf(issuer) });
  const key = await readSecretKey(join(dir, "issuer", "issuer.key"));
  const times = { notBeforeS: 1_770_000_000, expS: 1_771_000_000, issuedS: 1_770_000_000 };
  const ended = await signToken({ ...grant, ...times }, key.seed, issuer.fleet);
  const left = { statements: [...statements.slice(0, -1), ended] };
  writeFileSync(join(dir, "b", "authority.json"), JSON.stringify(left));
  const again = await start("b", { invite: await inviteOf(issuer) });
  await until("it is up", () => statusOf(issuer, again) === "up");
  expect(again.id).toBe(node);
});

test("ME1, CH3 a revoked node is hung up on by all, what it wrote before stays, and what it writes after is seen by nobody", async () => {
  const issuer = await startIssuer();
  const [b, c] = [
    await start("b", { invite: await inviteOf(issuer) }),
    await start("c", { invite: await inviteOf(issuer) }),
  ];
  await until("all see all", () => [issuer, b, c].every((node) => node.fleetView().inSight === 3));
  await b.command(beat("bot-b"));
  await b.command({ type: "patch-state", robot: "bot-b", patch: { task: "before" } });
  await until("both show it", () =>
    [issuer, c].every((node) => node.robot("bot-b")?.state["task"] === "before"),
  );
  await issuer.issuer?.revoke(b.id, "stolen");
  await until("it is gone from the roster", () =>
    [issuer, c].every((node) => node.fleetView().nodes.every((it) => it.node !== b.id)),
  );
  await b.command({ type: "patch-state", robot: "bot-b", patch: { task: "after" } });
  // It hears it before it is hung up on, or by whoever refuses it, and acknowledges nothing from then on.
  await until("it knows", () => b.authorityView().revocations.some(({ node }) => node === b.id));
  expect(await b.command(beat("bot-b"))).toMatchObject({
    code: "robot-not-granted",
    detail: expect.stringContaining("revoked"),
  });
  await until("it was told", async () =>
    (await b.diagnose()).refusedBy.some(({ reason }) => reason === "revoked"),
  );
  await until("it was refused", () => refusals(issuer, "revoked") + refusals(c, "revoked") > 0);
  for (const node of [issuer, c]) expect(node.robot("bot-b")?.state).toEqual({ task: "before" });
  expect(issuer.fleetView().documentHash).toBe(c.fleetView().documentHash);
  await c.stop();
  const again = await start("c");
  expect(again.robot("bot-b")?.state).toEqual({ task: "before" });
  expect(again.authorityView().revocations.map(({ node }) => node)).toEqual([b.id]);
});

test("ME1, ME7 a revoked node stays one after a restart, and no invite makes it a member again", async () => {
  const issuer = await startIssuer();
  const b = await start("b", { invite: await inviteOf(issuer) });
  await until("it is known", () => statusOf(issuer, b) === "up");
  await issuer.issuer?.revoke(b.id, "test");
  await until("it was told", async () => (await b.diagnose()).refusedBy.length > 0);
  expect(b.authorityView().revocations).toHaveLength(1);
  await b.stop();
  const place = { dir: join(dir, "b"), name: "b", region: "eu", nowS: Date.now() / 1_000 };
  const by = await inviteOf(issuer);
  await expect(joinFleet({ ...place, by })).rejects.toMatchObject({ code: "key-revoked" });
  expect(await (await start("b")).command(beat("bot-b"))).toMatchObject({
    code: "robot-not-granted",
  });
});

test("ME7, P8 who became a member by join finds the issuer by itself, and is ready once somebody has let it in", async () => {
  const issuer = await startIssuer();
  const listen = issuer.addresses().map((text) => text.replace(/\/p2p\/.*/, ""));
  const place = { dir: join(dir, "b"), name: "b", region: "eu", nowS: Date.now() / 1_000 };
  await joinFleet({ ...place, by: await inviteOf(issuer) });
  await issuer.stop();
  const member = await start("b");
  await member.command(beat("bot-1"));
  expect(member.ready()).toBe(false);
  await start("issuer", { listen });
  await until("it is ready", () => member.ready());
  // From then on it knows of others, and need not wait for them.
  await Promise.all(nodes.map((node) => node.stop()));
  const again = await start("b");
  await until("it is ready alone", () => again.ready());
});

test("ME7 a node runs in the region of its grant, unless it says another one", async () => {
  const issuer = await startIssuer();
  const place = { dir: join(dir, "b"), name: "b", region: "default", nowS: Date.now() / 1_000 };
  const us = await issuer.issuer?.invite({ ...TERMS, region: "us" });
  await joinFleet({ ...place, by: us ?? "" });
  const member = await start("b");
  expect(member.fleetView().self.region).toBe("us");
  await until("others see it there", () =>
    issuer.fleetView().nodes.some(({ region }) => region === "us"),
  );
  expect(issuer.fleetView().self.region).toBe("eu");
  await member.stop();
  expect((await start("b", { region: "asia" })).fleetView().self.region).toBe("asia");
});

test("ME1 a robot beyond its grant is refused at the node itself", async () => {
  const issuer = await startIssuer();
  const member = await start("b", { invite: await inviteOf(issuer) });
  expect(await member.command(beat("bot-1"))).toMatchObject({ ok: true });
  expect(await member.command(beat("other"))).toMatchObject({
    ok: false,
    code: "robot-not-granted",
  });
});

test("ME1, ME3 an observer sees all, counts for nothing and writes nothing", async () => {
  const issuer = await startIssuer();
  const invite = await issuer.issuer?.invite({ roles: ["observer"], robots: [], ttlMs: HOUR_MS });
  const observer = await start("watcher", { invite });
  await issuer.command(beat("bot"));
  await until("it is seen", () => observer.robot("bot")?.status === "up");
  expect(await observer.command(beat("bot"))).toMatchObject({ ok: false, code: "observer" });
  expect(issuer.fleetView()).toMatchObject({ roster: 1, nodes: [] });
});

test("ME7 an invite of another fleet than the one that is meant is not used", async () => {
  const issuer = await startIssuer();
  const invite = await inviteOf(issuer);
  await expect(start("b", { invite, fleet: "b".repeat(52) })).rejects.toMatchObject({
    code: "fleet-mismatch",
  });
  expect(issuer.issuer?.invites).toMatchObject([{ usedBy: [] }]);
  expect((await start("b", { invite, fleet: issuer.fleet })).fleet).toBe(issuer.fleet);
});

test("AD4, ME7 who joins by a member and by an issuer that is away waits for the issuer", async () => {
  const issuer = await startIssuer({ open: true });
  const listen = issuer.addresses();
  const member = await start("b", { join: listen });
  await until("both are up", () => statusOf(member, issuer) === "up");
  await issuer.stop();
  const warnings: string[] = [];
  const ignore = (): void => undefined;
  const logger = {
    debug: ignore,
    info: ignore,
    error: ignore,
    warn: (_fields: object, message: string) => void warnings.push(message),
  };
  const joining = start("c", { join: [...member.addresses(), ...listen], logger });
  await until("it has asked in vain", () => warnings.join().includes("trying again"));
  await start("issuer", {
    open: true,
    listen: listen.map((text) => text.replace(/\/p2p\/.*/, "")),
  });
  expect((await joining).fleet).toBe(issuer.fleet);
});

test("ME7 where the root names no issuer whose key is here nobody is kept waiting", async () => {
  const issuer = await startIssuer();
  const invite = await inviteOf(issuer);
  await (await start("b", { invite })).stop();
  writeFileSync(join(dir, "b", "issuer.key"), readFileSync(join(dir, "b", "node.key")), {
    mode: 0o600,
  });
  const powerless = await start("b");
  expect(powerless.issuer).toBeUndefined();
  await expect(start("c", { join: powerless.addresses() })).rejects.toMatchObject({
    code: "invite-needed",
  });
});

test("ME2, ME7 an issuer's key that is replaced while its node runs is taken up without a restart", async () => {
  const issuer = await startIssuer();
  const next = await rotateIssuer({
    rootDir: join(dir, "root"),
    dir: join(dir, "issuer"),
    nowS: Date.now() / 1_000,
    known: issuer.authorityView().enrolment,
  });
  const before = issuer.issuer;
  expect(await issuer.command({ type: "statement", token: next.token })).toEqual({ ok: true });
  await until("it has taken up the new key", () => issuer.issuer !== before);
  const member = await start("b", { invite: await inviteOf(issuer) });
  await until("it is up", () => statusOf(issuer, member) === "up");
  const [grant] = issuer.authorityView().grants.filter(({ node }) => node === member.id);
  expect(grant?.issuer).toBe(next.issuer);
  await issuer.issuer?.revoke(member.id, "test");
  expect(issuer.authorityView().revocations).toHaveLength(1);
});

test("ME7 an issuer's key that is moved into another member's folder issues there", async () => {
  const issuer = await startIssuer();
  await joinFleet({
    dir: join(dir, "new"),
    name: "new",
    region: "eu",
    nowS: Date.now() / 1_000,
    by: await inviteOf(issuer),
  });
  await issuer.stop();
  renameSync(join(dir, "issuer", "issuer.key"), join(dir, "new", "issuer.key"));
  const next = await start("new");
  const member = await start("b", { invite: await inviteOf(next) });
  await until("it is up", () => statusOf(next, member) === "up");
});

test("ME7 a node that takes everybody gives a day, and only where not everybody can reach it", async () => {
  const issuer = await startIssuer({ open: true });
  expect(readFileSync(join(dir, "issuer", "authority.json"), "utf8")).not.toBe("");
  await issuer.stop();
  await expect(
    start("issuer", { open: true, announce: [`/ip4/192.0.2.7/tcp/7421/p2p/${issuer.id}`] }),
  ).rejects.toMatchObject({ code: "option-invalid" });
  // Where it listens counts, whatever it announces; and it counts before a fleet is made.
  for (const places of [
    { listen: ["/ip4/192.0.2.7/tcp/0"], announce: ["/ip4/127.0.0.1/tcp/7421"] },
    { announce: ["/dns4/eu-1/tcp/7421"] },
  ])
    expect(await codeOf(start("fresh", { open: true, ...places }))).toBe("option-invalid");
  expect(existsSync(join(dir, "fresh"))).toBe(false);
});
