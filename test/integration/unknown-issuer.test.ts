/** Real nodes that know nobody but themselves, and start once the fleet has another issuer than the one that made them members (rule ME2). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createFleetAuthority,
  createNode,
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

/** Of a fleet that has another issuer by now: one that the first has made a member, without its store, and one that the second has. */
async function twoGenerations(): Promise<{ readonly younger: PulsemeshNode }> {
  await createFleetAuthority({
    dir: join(dir, "issuer"),
    rootDir: join(dir, "root"),
    region: "eu",
    nowS: Date.now() / 1_000,
  });
  const issuer = await start("issuer");
  const inviteOf = (): Promise<string> =>
    issuer.issuer?.invite(TERMS) ?? Promise.reject(new Error("no issuer"));
  const older = await start("older", { invite: await inviteOf() });
  await until("it is known", () => statusOf(issuer, older) === "up");
  await older.stop();
  // As after `pulsemesh join`: what it was made a member with is beside its key.
  rmSync(join(dir, "older", "store"), { recursive: true });
  await replaceIssuer(issuer);
  const younger = await start("younger", { invite: await inviteOf() });
  await until("it is known", () => statusOf(issuer, younger) === "up");
  await until("it has all", () => younger.authorityView().grants.length === 3);
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
