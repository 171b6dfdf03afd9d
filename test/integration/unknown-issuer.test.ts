/** Real nodes that know nobody but themselves, and start once the fleet has another issuer than the one that made them members (rule ME2). */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createFleetAuthority,
  createNode,
  nextRootStatement,
  type NodeOptions,
  type PulsemeshNode,
  rotateIssuer,
} from "@pulsemesh/node";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { until } from "../support/until.ts";

const DAY_MS = 86_400_000;
const TERMS = { roles: ["robot"], robots: ["bot*"], ttlMs: 3_600_000 } as const;

let dir: string;
let nodes: PulsemeshNode[] = [];
let aheadMs = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-unknown-"));
  const realMs = Date.now.bind(Date);
  aheadMs = 0;
  vi.spyOn(Date, "now").mockImplementation(() => realMs() + aheadMs);
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  nodes = [];
  rmSync(dir, { recursive: true, force: true });
  vi.restoreAllMocks();
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

const statusOf = (viewer: PulsemeshNode, of: PulsemeshNode): string | undefined =>
  viewer.fleetView().nodes.find(({ node }) => node === of.id)?.status;

const refusals = (node: PulsemeshNode, reason: string): number =>
  node
    .metrics()
    .flatMap(({ samples }) => samples)
    .filter(({ labels }) => labels["reason"] === reason)
    .reduce((sum, { value }) => sum + value, 0);

/** Rows of others that came to this. */
const rowsOf = (node: PulsemeshNode, result: string): number =>
  node
    .metrics()
    .filter(({ name }) => name === "root_rows_total")
    .flatMap(({ samples }) => samples)
    .find(({ labels }) => labels["result"] === result)?.value ?? 0;

const ownGrants = (of: PulsemeshNode): number =>
  of.authorityView().grants.filter(({ node }) => node === of.id).length;

/** Signs the root's next statement, with another issuer, in the folder of the node that makes members. */
async function replaceIssuer(issuer: PulsemeshNode): Promise<void> {
  const next = await rotateIssuer({
    rootDir: join(dir, "root"),
    dir: join(dir, "issuer"),
    nowS: Date.now() / 1_000,
    known: issuer.authorityView().enrolment,
  });
  await issuer.command({ type: "statement", token: next.token });
}

/** The root's key was stolen, and the committed next one has taken over. */
async function rotateRoot(issuer: PulsemeshNode): Promise<void> {
  const next = await nextRootStatement({
    rootDir: join(dir, "root"),
    change: { rotate: true },
    nowS: Date.now() / 1_000,
    known: issuer.authorityView().enrolment,
  });
  await issuer.command({ type: "statement", token: next.token });
}

const inviteOf = (issuer: PulsemeshNode): Promise<string> =>
  issuer.issuer?.invite(TERMS) ?? Promise.reject(new Error("no issuer"));

/** Was a member for a moment, and knows who else is. */
async function passed(name: string, issuer: PulsemeshNode): Promise<void> {
  const node = await start(name, { invite: await inviteOf(issuer) });
  await until("it is known", () => statusOf(issuer, node) === "up");
  await until("it knows the issuer", () => statusOf(node, issuer) === "up");
  await node.stop();
}

/** As after `pulsemesh join`: what it was made a member with is beside its key, and nothing else. */
async function joined(name: string, issuer: PulsemeshNode): Promise<void> {
  await passed(name, issuer);
  rmSync(join(dir, name, "store"), { recursive: true });
}

/**
 * Of a fleet that has another issuer by now: one that the first has made a member, without its store, and one that the second has.
 * @param meanwhile what happens before there is another issuer
 */
async function twoGenerations(
  meanwhile: (issuer: PulsemeshNode) => Promise<void> = () => Promise.resolve(),
): Promise<{ readonly younger: PulsemeshNode }> {
  await createFleetAuthority({
    dir: join(dir, "issuer"),
    rootDir: join(dir, "root"),
    region: "eu",
    nowS: Date.now() / 1_000,
  });
  const issuer = await start("issuer");
  await passed("older", issuer);
  cpSync(join(dir, "older"), join(dir, "older-knowing"), { recursive: true });
  rmSync(join(dir, "older", "store"), { recursive: true });
  await meanwhile(issuer);
  await replaceIssuer(issuer);
  const younger = await start("younger", { invite: await inviteOf(issuer) });
  await until("it is known", () => statusOf(issuer, younger) === "up");
  const grantsAt = (node: PulsemeshNode): number => node.authorityView().grants.length;
  await until("it has all", () => grantsAt(younger) === grantsAt(issuer));
  await issuer.stop();
  aheadMs += 2 * DAY_MS;
  return { younger };
}

test("ME2, P9 who knows nobody, and starts once the fleet has another issuer than the one that made it a member, hears of that one from whom its operator names", async () => {
  const { younger } = await twoGenerations();
  const older = await start("older", { join: younger.addresses() });
  expect(older.authorityView().root?.number).toBe(1);
  const isJudged = (): boolean =>
    statusOf(older, younger) === "up" || refusals(older, "grant-unknown") > 0;
  await until("the one that it finds is judged", isJudged, 20_000);
  expect([refusals(older, "grant-unknown"), older.authorityView().root?.number]).toEqual([0, 2]);
  await until("both are up", () => statusOf(younger, older) === "up");
});

test("ME2 a thief of a root key that was replaced, whose node somebody was to find who knows nobody, is believed until a genuine member is found, and by nobody afterwards", async () => {
  let first = "";
  const { younger } = await twoGenerations(async (issuer) => {
    first = issuer.authorityView().root?.issuers[0]?.key ?? "";
    await joined("thief", issuer);
    cpSync(join(dir, "root"), join(dir, "loot"), { recursive: true });
    rmSync(join(dir, "loot", "fleet-root-next.key"));
    await rotateRoot(issuer);
  });
  const places = younger.addresses();
  const listen = places.map((address) => address.replace(/\/p2p\/.*/, ""));
  const genuine = younger.authorityView().root?.id;
  await younger.stop();
  const forged = await rotateIssuer({
    rootDir: join(dir, "loot"),
    dir: join(dir, "thief"),
    replaces: first,
    nowS: Date.now() / 1_000,
  });
  const thief = await start("thief");
  await thief.command({ type: "statement", token: forged.token });
  await until("he issues", () => thief.issuer !== undefined);
  const friend = await start("friend", { invite: await inviteOf(thief) });
  const older = await start("older", { join: [...friend.addresses(), ...places] });
  await until("he is believed", () => statusOf(older, friend) === "up");
  expect(older.authorityView().root?.id).toBe(forged.id);
  const back = await start("younger", { listen });
  await until("a member is found", () => statusOf(older, back) === "up", 20_000);
  expect(older.authorityView().root?.id).toBe(genuine);
  // They hear of the rotation before they are hung up on, and have no grant by it.
  await until("his are refused", () => refusals(older, "grant-none") > 0, 20_000);
  const granted = older.authorityView().grants.map(({ node }) => node);
  expect([granted.includes(friend.id), granted.includes(back.id)]).toEqual([false, true]);
});

test("ME2 whose own grant was made void by such a thief is a member again by the genuine member that it finds, started again a day later too", async () => {
  let first = "";
  const { younger } = await twoGenerations(async (issuer) => {
    first = issuer.authorityView().root?.issuers[0]?.key ?? "";
    await joined("thief", issuer);
    cpSync(join(dir, "root"), join(dir, "loot"), { recursive: true });
    rmSync(join(dir, "loot", "fleet-root-next.key"));
    await rotateRoot(issuer);
  });
  const signing = { rootDir: join(dir, "loot"), nowS: Date.now() / 1_000 };
  const forged = await rotateIssuer({ ...signing, dir: join(dir, "thief"), replaces: first });
  const thief = await start("thief");
  await thief.command({ type: "statement", token: forged.token });
  await until("he issues", () => thief.issuer !== undefined);
  const friend = await start("friend", { invite: await inviteOf(thief) });
  const astray = await start("older", { join: friend.addresses() });
  await until("he is believed", () => statusOf(astray, friend) === "up");
  const { root, grants } = friend.authorityView();
  const issuers = root?.issuers ?? [];
  const kept = grants.filter(({ node }) => node === friend.id).map(({ id }) => id);
  // Nobody is left whom he has not granted something, be it by the first issuer or, renewed, by his own.
  const voids = [{ key: first, kept: [] }, ...issuers.map(({ key }) => ({ key, kept }))];
  const name = issuers.map((issuer) => ({ ...issuer, key: friend.fleet }));
  const last = await nextRootStatement({
    ...signing,
    change: { voids, name, charterKey: friend.fleet },
  });
  // His node would tell it before it hangs up.
  await astray.command({ type: "statement", token: last.token });
  expect(ownGrants(astray)).toBe(0);
  await astray.stop();
  aheadMs += 2 * DAY_MS;
  const older = await start("older", { join: younger.addresses() });
  await until("both are up", () => statusOf(younger, older) === "up", 20_000);
  expect([older.authorityView().root?.id, ownGrants(older)]).toEqual([
    younger.authorityView().root?.id,
    1,
  ]);
});

test("ME2, ME3 who knows but nodes that do not come back takes no row of whom its operator names, until he hands over what the fleet has, as `key publish` does", async () => {
  const { younger } = await twoGenerations();
  const older = await start("older-knowing", { join: younger.addresses() });
  await until("it is judged", () => refusals(older, "authority-stale") > 0, 20_000);
  expect(rowsOf(older, "company")).toBeGreaterThan(0);
  expect(older.authorityView().root?.number).toBe(1);
  const tokens = younger.authorityView().enrolment;
  expect(await older.command({ type: "statements", tokens })).toEqual({ ok: true });
  await until("both are up", () => statusOf(younger, older) === "up", 20_000);
  expect(older.authorityView().root?.number).toBe(2);
});
