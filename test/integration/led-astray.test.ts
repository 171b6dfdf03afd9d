/** Real nodes that were away when it mattered: who met a thief of the root's key first, and who was away together with others (rules ME2, ME3). */
import { cpSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { nextRootStatement, type PulsemeshNode, rotateIssuer } from "@pulsemesh/node";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { publish, RealNodes, refusals, rowsOf, statusOf } from "../support/real-nodes.ts";
import { until } from "../support/until.ts";

const DAY_MS = 86_400_000;
/** Somewhere else than before, where nobody looks for it. */
const ELSEWHERE = { listen: ["/ip4/127.0.0.1/tcp/0"] } as const;

let aheadMs = 0;

beforeEach(() => {
  const realMs = Date.now.bind(Date);
  aheadMs = 0;
  vi.spyOn(Date, "now").mockImplementation(() => realMs() + aheadMs);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const rootOf = (node: PulsemeshNode): string | undefined => node.authorityView().root?.id;
const nowS = (): number => Date.now() / 1_000;

/** The root names another issuer, in the folder of the node that makes members. */
async function replaceIssuer(fleet: RealNodes): Promise<void> {
  const { issuer } = fleet;
  const { token } = await rotateIssuer({
    rootDir: fleet.path("root"),
    dir: fleet.path("issuer"),
    nowS: nowS(),
    known: issuer.authorityView().enrolment,
  });
  expect(await issuer.command({ type: "statement", token })).toEqual({ ok: true });
}

/** The root's key was stolen, and the committed next one has taken over. */
async function rotateRoot(fleet: RealNodes): Promise<void> {
  const { issuer } = fleet;
  const { token } = await nextRootStatement({
    rootDir: fleet.path("root"),
    change: { rotate: true },
    nowS: nowS(),
    known: issuer.authorityView().enrolment,
  });
  expect(await issuer.command({ type: "statement", token })).toEqual({ ok: true });
}

/** Was made a member, and holds nothing but its keys, what it was enrolled with, and where it has met whom. */
async function passed(fleet: RealNodes, name: string): Promise<void> {
  await fleet.join(name);
  await fleet.allMet();
  await fleet.stop(name);
  rmSync(fleet.path(name, "store"), { recursive: true });
}

/** Meanwhile whoever calls at that port is hung up on, and counted. */
async function withNobodyAt<T>(
  port: number,
  meanwhile: (nobody: { readonly calls: number }) => Promise<T>,
): Promise<T> {
  const nobody = { calls: 0 };
  const server = createServer((socket) => {
    nobody.calls += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  try {
    return await meanwhile(nobody);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

test("ME2, CH6 who knows nobody, and believes a thief of a root key that was replaced as it met his node first, goes on looking for the honest member that stands in its addresses.json, and is of that one's fleet again, though nobody has named it", async () => {
  await using fleet = await RealNodes.found();
  const first = fleet.issuer.authorityView().root?.issuers[0]?.key ?? "";
  await passed(fleet, "thief");
  await passed(fleet, "older");
  cpSync(fleet.path("root"), fleet.path("loot"), { recursive: true });
  rmSync(fleet.path("loot", "fleet-root-next.key"));
  await rotateRoot(fleet);
  await replaceIssuer(fleet);
  const genuine = rootOf(fleet.issuer);
  await fleet.stop("issuer");
  // His nodes seek nobody who could tell them of the rotation.
  rmSync(fleet.path("thief", "addresses.json"));
  const thief = await fleet.start("thief", ELSEWHERE);
  const forged = await rotateIssuer({
    rootDir: fleet.path("loot"),
    dir: fleet.path("thief"),
    replaces: first,
    nowS: nowS(),
  });
  expect(await thief.command({ type: "statement", token: forged.token })).toEqual({ ok: true });
  await until("he issues", () => thief.issuer !== undefined);
  const friend = await fleet.join("friend", thief);
  const older = await withNobodyAt(await fleet.portOf("issuer"), async (nobody) => {
    const node = await fleet.start("older", { join: friend.addresses(), ...ELSEWHERE });
    await until("he is believed", () => statusOf(node, friend) === "up");
    expect(rootOf(node)).toBe(forged.id);
    const before = nobody.calls;
    // Hearsay would be forgotten by then.
    const isVain = (): boolean => nobody.calls > before && nobody.calls >= 3;
    await until("it has looked for the honest one in vain", isVain);
    return node;
  });
  const issuer = await fleet.start("issuer");
  const areUp = (): boolean => statusOf(older, issuer) === "up" && statusOf(issuer, older) === "up";
  await until("both are up", areUp);
  expect([rootOf(older), rootOf(issuer)]).toEqual([genuine, genuine]);
  // They hear of the rotation before they are hung up on, and have no grant by it.
  await until("the thief's are none", () => refusals(older, "grant-none") > 0);
  expect(statusOf(older, friend)).not.toBe("up");
}, 60_000);

test("ME2, ME3 two that were away together, while a newer issuer has granted the only one that is left, are of the fleet again once one of them is handed what the fleet has", async () => {
  await using fleet = await RealNodes.found();
  await fleet.join("a");
  await fleet.join("b");
  await fleet.allMet();
  await fleet.stop("a", "b");
  await replaceIssuer(fleet);
  const newcomer = await fleet.join("newcomer");
  await fleet.allUp();
  const grantsAt = (node: PulsemeshNode): number => node.authorityView().grants.length;
  await until("it knows all", () => grantsAt(newcomer) === grantsAt(fleet.issuer));
  await fleet.stop("issuer");
  aheadMs += 2 * DAY_MS;
  const b = await fleet.start("b");
  const a = await fleet.start("a", { join: newcomer.addresses() });
  await until("they have each other", () => statusOf(a, b) === "up" && statusOf(b, a) === "up");
  await until("the newcomer is judged", () => refusals(a, "authority-stale") > 0);
  await until("its word was refused", () => rowsOf(a, "company") > 0);
  expect(a.authorityView().root?.number).toBe(1);
  expect(await publish(newcomer, a)).toEqual({ ok: true });
  await fleet.allUp();
  expect([a, b].map(rootOf)).toEqual([rootOf(newcomer), rootOf(newcomer)]);
}, 60_000);
