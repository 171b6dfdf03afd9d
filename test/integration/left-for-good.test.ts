/** Real nodes: what a disk is worth of which the node has left the fleet. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createFleetAuthority,
  createNode,
  type NodeOptions,
  type PulsemeshNode,
} from "@pulsemesh/node";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { until } from "../support/until.ts";

const DAY_MS = 86_400_000;
const TERMS = { roles: ["robot"], robots: ["bot*"], ttlMs: 3_600_000 } as const;

let dir: string;
let nodes: PulsemeshNode[] = [];
let aheadMs = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-left-"));
  const realMs = Date.now.bind(Date);
  aheadMs = 0;
  vi.spyOn(Date, "now").mockImplementation(() => realMs() + aheadMs);
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  nodes = [];
  rmSync(dir, { recursive: true, force: true });
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

/** On the same port again, where the others look for it. */
async function restart(node: PulsemeshNode, name: string): Promise<PulsemeshNode> {
  const listen = node.addresses().map((address) => address.replace(/\/p2p\/.*/, ""));
  await node.stop();
  return start(name, { listen });
}

const inviteOf = (node: PulsemeshNode): Promise<string> =>
  node.issuer?.invite(TERMS) ?? Promise.reject(new Error("no issuer"));
const statusOf = (viewer: PulsemeshNode, of: PulsemeshNode): string | undefined =>
  viewer.fleetView().nodes.find(({ node }) => node === of.id)?.status;
const standingOf = (viewer: PulsemeshNode, of: PulsemeshNode): string | undefined =>
  viewer.authorityView().grants.find(({ node }) => node === of.id)?.standing;
const refusals = (node: PulsemeshNode, reason: string): number =>
  node
    .metrics()
    .flatMap(({ samples }) => samples)
    .filter(({ labels }) => labels["reason"] === reason)
    .reduce((sum, { value }) => sum + value, 0);

test("ME3, ME7, VE9 who has left may come back while its grant lasts, and no longer: no issuer renews it, restarted or not, nor is its end overlooked", async () => {
  await createFleetAuthority({
    dir: join(dir, "issuer"),
    rootDir: join(dir, "root"),
    region: "eu",
    nowS: Date.now() / 1_000,
  });
  const issuer = await start("issuer");
  const invites = [await inviteOf(issuer), await inviteOf(issuer)];
  const [b, c] = await Promise.all([
    start("b", { invite: invites[0] }),
    start("c", { invite: invites[1] }),
  ]);
  await until("all are up", () => [b, c].every((node) => statusOf(issuer, node) === "up"));
  await b.stop({ mode: "leave" });
  await until("b has left", () => [issuer, c].every((node) => node.fleetView().roster === 2));
  const back = await start("b");
  await until("b is back", () => statusOf(issuer, back) === "up" && statusOf(c, back) === "up");
  await back.stop({ mode: "leave" });
  await until("b has left", () => [issuer, c].every((node) => node.fleetView().roster === 2));
  // Its grant is over, as is that of c, which lives; and for a moment nobody has heard of the authority for a day.
  aheadMs = 15 * DAY_MS;
  const again = await restart(issuer, "issuer");
  await until("c is granted anew", () => standingOf(again, c) === "granted");
  await until("b's has ended", () => standingOf(again, b) === "expired");
  const found = await start("b");
  await until("b was refused", () => refusals(again, "grant-expired") > 0);
  await until("c refused it as well", () => refusals(c, "grant-expired") > 0);
  expect(standingOf(again, found)).toBe("expired");
  await until("c has heard of today", () => standingOf(c, found) === "expired");
  expect(standingOf(again, found)).toBe("expired");
  expect([again, c].map((node) => statusOf(node, found))).not.toContain("up");
});
