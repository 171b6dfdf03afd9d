/** Real nodes, and a thief of the key that makes members, who has revoked everybody (rules ME1, ME2). */
import {
  AUTHORITY_FILES,
  type PulsemeshNode,
  readSecretKey,
  signToken,
  voidIssuer,
} from "@pulsemesh/node";
import { expect, test } from "vitest";
import { publish, RealNodes, refusals, rowsOf, statusOf } from "../support/real-nodes.ts";
import { until } from "../support/until.ts";

const nowS = (): number => Date.now() / 1_000;

/** Of each of these nodes, signed with the key in the founder's folder. */
async function revocationsOf(fleet: RealNodes, nodes: readonly PulsemeshNode[]): Promise<string[]> {
  const { seed } = await readSecretKey(fleet.path("issuer", AUTHORITY_FILES.issuer));
  const signer = fleet.issuer.authorityView().root?.issuers[0]?.key ?? "";
  const claims = { kind: "revocation", signer, reason: "stolen", cuts: [] } as const;
  const issuedS = Math.floor(nowS());
  return Promise.all(
    nodes.map(({ id }) => signToken({ ...claims, node: id, issuedS }, seed, fleet.issuer.fleet)),
  );
}

/** The root makes that key void, keeps who was granted by it, and names another at the founder's node, which alone is handed that. */
async function answer(fleet: RealNodes): Promise<void> {
  const { issuer } = fleet;
  const { root, grants, enrolment } = issuer.authorityView();
  const next = await voidIssuer({
    rootDir: fleet.path("root"),
    dir: fleet.path("issuer"),
    key: root?.issuers[0]?.key ?? "",
    kept: grants.map(({ id }) => id),
    nowS: nowS(),
    known: enrolment,
  });
  expect(await issuer.command({ type: "statements", tokens: next.statements })).toEqual({
    ok: true,
  });
}

/** Each of them is refused as revoked, and hung up on before it can say so again. */
const isOut = (at: PulsemeshNode): boolean =>
  refusals(at, "revoked") + refusals(at, "peer-denied") > 2;

const beat = (node: PulsemeshNode): Promise<unknown> =>
  node.command({ type: "beat", robot: "bot", kind: "beat", create: "heartbeat" });

test("ME1, ME2, CH6 whom a thief of the issuer's key has revoked, with everybody else, is a member again by the answer that is handed to it, or that is told by a node granted since, though no other address was named", async () => {
  await using fleet = await RealNodes.found();
  await fleet.join("a");
  await fleet.join("b");
  await fleet.allMet();
  await fleet.restart("issuer", "a", "b");
  await fleet.allUp();
  const { all } = fleet;
  const stolen = await revocationsOf(fleet, all);
  for (const node of all)
    expect(await node.command({ type: "statements", tokens: stolen })).toEqual({ ok: true });
  await until("they look for each other in vain", () => all.every(isOut));
  expect(await beat(fleet.get("b"))).toMatchObject({ ok: false, code: "robot-not-granted" });
  await answer(fleet);
  await until("the founder makes members again", () => fleet.issuer.issuer !== undefined);
  const newcomer = await fleet.join("newcomer");
  await fleet.stop("a");
  const a = await fleet.start("a", { join: newcomer.addresses() });
  expect(await publish(fleet.issuer, fleet.get("b"))).toEqual({ ok: true });
  await fleet.allUp();
  expect(rowsOf(a, "taken")).toBeGreaterThan(0);
  for (const node of fleet.all)
    expect(node.authorityView()).toMatchObject({ root: { number: 2 }, revocations: [] });
  for (const name of ["a", "b"]) expect(await beat(fleet.get(name))).toMatchObject({ ok: true });
}, 90_000);

test("ME2, AD11 an observer whom such a thief has revoked sees all again soon after the answer is handed to it, as a member of the roster does", async () => {
  await using fleet = await RealNodes.found();
  const invite = await fleet.issuer.issuer?.invite({
    roles: ["observer"],
    robots: [],
    ttlMs: 3_600_000,
  });
  const observer = await fleet.start("observer", { invite: invite ?? "", observer: true });
  const isUp = (): boolean => statusOf(observer, fleet.issuer) === "up";
  await until("it sees the founder", isUp);
  const stolen = await revocationsOf(fleet, [observer]);
  for (const node of fleet.all)
    expect(await node.command({ type: "statements", tokens: stolen })).toEqual({ ok: true });
  await until("it is hung up on", () => refusals(fleet.issuer, "peer-denied") > 2, 20_000);
  await answer(fleet);
  const deniedBefore = refusals(fleet.issuer, "peer-denied");
  expect(await publish(fleet.issuer, observer)).toEqual({ ok: true });
  // It is denied for a minute otherwise.
  await until("it sees the founder again", isUp, 15_000).catch(() => undefined);
  expect(statusOf(observer, fleet.issuer)).toBe("up");
  expect(refusals(fleet.issuer, "peer-denied") - deniedBefore).toBeLessThanOrEqual(1);
}, 60_000);
