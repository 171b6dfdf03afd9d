/** Real nodes whose store is lost, and whose keys and files are not: what they say before they know again what they knew. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

const HOUR_MS = 3_600_000;
const TERMS = { roles: ["robot"], robots: ["bot*"], ttlMs: HOUR_MS } as const;

let dir: string;
let nodes: PulsemeshNode[] = [];
let aheadMs = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-lost-"));
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

const inviteOf = (node: PulsemeshNode): Promise<string> =>
  node.issuer?.invite(TERMS) ?? Promise.reject(new Error("no issuer"));
const statusOf = (viewer: PulsemeshNode, of: PulsemeshNode): string | undefined =>
  viewer.fleetView().nodes.find(({ node }) => node === of.id)?.status;
const refusals = (node: PulsemeshNode, reason: string): number =>
  node
    .metrics()
    .flatMap(({ samples }) => samples)
    .filter(({ labels }) => labels["reason"] === reason)
    .reduce((sum, { value }) => sum + value, 0);
const pinOf = (name: string): unknown =>
  JSON.parse(readFileSync(join(dir, name, "fleet.json"), "utf8"));
const charterOf = (node: PulsemeshNode): ReturnType<PulsemeshNode["authorityView"]>["charter"] =>
  node.authorityView().charter;

/** Loses all that is in its store, and is away for longer than it takes the authority to be stale. */
async function loseStore(node: PulsemeshNode, name: string): Promise<PulsemeshNode> {
  const listen = node.addresses().map((address) => address.replace(/\/p2p\/.*/, ""));
  await node.stop();
  rmSync(join(dir, name, "store"), { recursive: true });
  aheadMs += 30 * HOUR_MS;
  return start(name, { listen });
}

test("ME2, ME3 who lost its store is let in again and learns it all; an issuer signs no number of a charter twice, and nothing before it knows who was revoked", async () => {
  await createFleetAuthority({
    dir: join(dir, "issuer"),
    rootDir: join(dir, "root"),
    region: "eu",
    nowS: Date.now() / 1_000,
  });
  const issuer = await start("issuer");
  const b = await start("b", { invite: await inviteOf(issuer) });
  for (const name of ["c", "d"]) {
    const gone = await start(name, { invite: await inviteOf(issuer) });
    await until("it is known", () => statusOf(issuer, gone) === "up");
    await issuer.issuer?.revoke(gone.id, "test");
    await gone.stop();
  }
  await until("b has the third charter", () => charterOf(b)?.number === 3);
  const third = charterOf(b);
  const heldAtB = b.authorityView();
  const again = await loseStore(issuer, "issuer");
  // From the file beside its key; it is due by now, and not signed anew before b was met.
  expect(charterOf(again)).toEqual(third);
  expect(again.authorityView().grants).toHaveLength(1);
  await until("all came back", () => again.authorityView().revocations.length === 2);
  await until("both are up", () => statusOf(again, b) === "up" && statusOf(b, again) === "up");
  // But for their names: who was never heard here since has none, as a revocation does not say it.
  const nameless = ({ revocations }: typeof heldAtB): unknown =>
    revocations.map((revocation) => ({ ...revocation, name: undefined }));
  expect(nameless(again.authorityView())).toEqual(nameless(heldAtB));
  expect(again.authorityView().grants.map(({ node }) => node)).toEqual(
    heldAtB.grants.map(({ node }) => node),
  );
  await until("it says that it is there", () => charterOf(b)?.number === 4, 40_000);
  expect(charterOf(b)).toMatchObject({ revocations: 2 });
  expect(charterOf(again)).toEqual(charterOf(b));
  // Who is no issuer has a charter of its enrolment, which is old by now.
  const back = await loseStore(b, "b");
  await until("it knows who was revoked", () => back.authorityView().revocations.length === 2);
  await until(
    "both are up",
    () => statusOf(again, back) === "up" && statusOf(back, again) === "up",
  );
});

test("ME1, ME3 a folder of which only key and pin are left opens no closed fleet: nobody is let in but whom the operator names, and that one brings back the rest", async () => {
  await createFleetAuthority({
    dir: join(dir, "issuer"),
    rootDir: join(dir, "root"),
    region: "eu",
    nowS: Date.now() / 1_000,
  });
  const issuer = await start("issuer");
  const b = await start("b", { invite: await inviteOf(issuer) });
  await until("both are up", () => statusOf(issuer, b) === "up");
  await b.stop();
  mkdirSync(join(dir, "bare"), { mode: 0o700 });
  for (const name of ["node.key", "fleet.json"])
    cpSync(join(dir, "b", name), join(dir, "bare", name));
  expect(pinOf("bare")).toEqual({ fleet: b.fleet, closed: true });
  const bare = await start("bare");
  await expect(start("stranger", { join: bare.addresses() })).rejects.toMatchObject({
    code: "invite-needed",
  });
  // Who says by himself that he belongs there, with a folder as bare, is let in as little.
  cpSync(join(dir, "b", "fleet.json"), join(dir, "stranger", "fleet.json"));
  const stranger = await start("stranger", { join: bare.addresses() });
  await until("it was refused", () => refusals(bare, "grant-none") > 0);
  expect(bare.fleetView().nodes).toEqual([]);
  expect(bare.authorityView()).toMatchObject({ isClosed: true, root: undefined });
  await Promise.all([bare, stranger].map((node) => node.stop()));
  const back = await start("bare", { join: issuer.addresses() });
  await until("it has all again", () => back.authorityView().grants.length === 2);
  await until(
    "both are up",
    () => statusOf(issuer, back) === "up" && statusOf(back, issuer) === "up",
  );
});

test("ME2, ME7 an issuer that lost its store, and knows the root of long ago, issues again as soon as it hears of the newest", async () => {
  await createFleetAuthority({
    dir: join(dir, "issuer"),
    rootDir: join(dir, "root"),
    region: "eu",
    nowS: Date.now() / 1_000,
  });
  const old = readFileSync(join(dir, "issuer", "authority.json"), "utf8");
  const issuer = await start("issuer");
  const b = await start("b", { invite: await inviteOf(issuer) });
  const next = await rotateIssuer({
    rootDir: join(dir, "root"),
    dir: join(dir, "issuer"),
    nowS: Date.now() / 1_000,
    known: issuer.authorityView().enrolment,
  });
  await b.command({ type: "statement", token: next.token });
  await until("both have it", () =>
    [issuer, b].every((node) => node.authorityView().root?.number === 2),
  );
  await issuer.stop();
  rmSync(join(dir, "issuer", "store"), { recursive: true });
  writeFileSync(join(dir, "issuer", "authority.json"), old, { mode: 0o600 });
  const again = await start("issuer", { join: b.addresses() });
  await until("it issues", () => again.issuer !== undefined);
  expect(again.authorityView().root?.number).toBe(2);
  expect(await inviteOf(again)).toContain("pulsemesh:");
});

test("ME1 a pin of an earlier release says that its fleet is closed as soon as a node starts that knows it", async () => {
  const { fleet } = await createFleetAuthority({
    dir: join(dir, "issuer"),
    rootDir: join(dir, "root"),
    region: "eu",
    nowS: Date.now() / 1_000,
  });
  writeFileSync(join(dir, "issuer", "fleet.json"), JSON.stringify({ fleet }), { mode: 0o600 });
  await start("issuer");
  expect(pinOf("issuer")).toEqual({ fleet, closed: true });
});
