/** Real nodes that know each other by what their `addresses.json` says and nothing else, and a thief of the root's key (rule ME2). */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createFleetAuthority,
  createNode,
  nextRootStatement,
  type NodeOptions,
  type PulsemeshNode,
} from "@pulsemesh/node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/until.ts";

const TERMS = { roles: ["robot"], robots: ["bot*"], ttlMs: 3_600_000 } as const;
const NAMES = ["issuer", "a", "b"] as const;

type Fleet = readonly [PulsemeshNode, PulsemeshNode, PulsemeshNode];

let dir: string;
let nodes: PulsemeshNode[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-stolen-"));
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  nodes = [];
  rmSync(dir, { recursive: true, force: true });
});

async function start(
  name: string,
  port = 0,
  options: Partial<NodeOptions> = {},
): Promise<PulsemeshNode> {
  const node = await createNode({
    dataDir: join(dir, name),
    name,
    listen: [`/ip4/127.0.0.1/tcp/${port}`],
    profile: "local",
    ...options,
  });
  nodes.push(node);
  return node;
}

const nowS = (): number => Date.now() / 1_000;

const isUp = (viewer: PulsemeshNode, of: PulsemeshNode): boolean =>
  viewer.fleetView().nodes.some(({ node, status }) => node === of.id && status === "up");

/** Whether each of them shows any other one as up. */
const allUp = (all: readonly PulsemeshNode[]): boolean =>
  all.every((viewer) => all.every((of) => of === viewer || isUp(viewer, of)));

/** Times that a node let in nobody for want of a grant that counts. */
const refusals = (node: PulsemeshNode): number =>
  node
    .metrics()
    .flatMap(({ samples }) => samples)
    .filter(({ labels }) => labels["reason"]?.startsWith("grant-") === true)
    .reduce((sum, { value }) => sum + value, 0);

/** How many nodes stand in the file of each. */
const savedAt = (): readonly number[] =>
  NAMES.map((name) => {
    const file = join(dir, name, "addresses.json");
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    return text.split("/ip4/127.0.0.1/").length - 1;
  });

/** A fleet whose nodes were started anew since they were made members, so that the user named nobody to them. */
async function fleetOfThree(): Promise<Fleet> {
  await createFleetAuthority({
    dir: join(dir, "issuer"),
    rootDir: join(dir, "root"),
    region: "eu",
    nowS: nowS(),
  });
  const [i, a, b] = [await freePort(), await freePort(), await freePort()];
  const first = await start("issuer", i);
  const invite = async (): Promise<string> => (await first.issuer?.invite(TERMS)) ?? "";
  for (const [name, port] of [
    ["a", a],
    ["b", b],
  ] as const)
    await start(name, port, { invite: await invite() });
  await until("all are up", () => allUp(nodes), 20_000);
  await Promise.all(nodes.map((node) => node.stop()));
  nodes = [];
  const again = [await start("issuer", i), await start("a", a), await start("b", b)] as const;
  await until("all are up again", () => allUp(again), 30_000);
  await until("each has met both others", () => savedAt().every((count) => count === 2), 30_000);
  return again;
}

/** What a node has saved is all that it knows of where the others are. */
async function startedAgain(all: Fleet): Promise<Fleet> {
  const ports = all.map((node) => Number(/tcp\/(\d+)/.exec(node.addresses()[0] ?? "")?.[1]));
  await Promise.all(all.map((node) => node.stop()));
  nodes = [];
  expect(savedAt()).toEqual([2, 2, 2]);
  return [await start("issuer", ports[0]), await start("a", ports[1]), await start("b", ports[2])];
}

test.each([
  ["as they run on", false],
  ["once they were started again", true],
])(
  "ME2, CH6 where a thief of the root's key has made the issuer void, so that nobody is a member, all are members again by the rotation handed to one node, though no address was named: %s",
  async (_, isRestarted) => {
    const all = await fleetOfThree();
    const [first] = all;
    cpSync(join(dir, "root"), join(dir, "loot"), { recursive: true });
    rmSync(join(dir, "loot", "fleet-root-next.key"));
    const issuers = first.authorityView().root?.issuers ?? [];
    const forged = await nextRootStatement({
      rootDir: join(dir, "loot"),
      change: {
        voids: issuers.map(({ key }) => ({ key, kept: [] })),
        name: issuers.map((each) => ({ ...each, key: first.fleet })),
        charterKey: first.fleet,
      },
      nowS: nowS(),
    });
    // The thief tells each of them.
    for (const node of all)
      expect(await node.command({ type: "statement", token: forged.token })).toEqual({ ok: true });
    const isVoid = (node: PulsemeshNode): boolean =>
      node.authorityView().root?.id === forged.id && node.authorityView().grants.length === 0;
    await until("nobody is a member", () => all.every(isVoid));
    await until(
      "they look for each other in vain",
      () => all.every((node) => refusals(node) > 2),
      20_000,
    );
    const [issuer, a, b] = isRestarted ? await startedAgain(all) : all;
    const answer = await nextRootStatement({
      rootDir: join(dir, "root"),
      change: { rotate: true },
      nowS: nowS(),
      known: issuer.authorityView().enrolment,
      isStolen: true,
      isForged: true,
    });
    expect(await issuer.command({ type: "statements", tokens: answer.statements })).toEqual({
      ok: true,
    });
    await until("all are members again", () => allUp([issuer, a, b]), 60_000);
    expect(a.authorityView().root?.id).toBe(issuer.authorityView().root?.id);
  },
  150_000,
);
