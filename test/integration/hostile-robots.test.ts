/** Members that speak of what their grants do not cover, on real nodes: robots of others, and anything at all where they only observe. */
import { expect, test } from "vitest";
import {
  countAt,
  HostileFleet,
  PulseWatch,
  refusedAndAudited,
  statusAt,
  UNTOUCHED,
} from "../support/hostile-fleet.ts";
import { type Lawless, runLawless } from "../support/hostile-peer.ts";
import { until } from "../support/until.ts";

const beat = (robot: string) =>
  ({ type: "beat", robot, kind: "beat", create: "heartbeat" }) as const;

const patch = (robot: string, task: string) =>
  ({ type: "patch-state", robot, patch: { task } }) as const;

test("ME1, P3 what a member beats and writes of robots beyond its patterns is shown by no real node, counted and audited", async () => {
  await using fleet = await HostileFleet.of(1);
  const { issuer, honest } = fleet;
  await issuer.command(beat("bank-1"));
  await issuer.command(patch("bank-1", "guard"));
  const watch = new PulseWatch(honest);
  const member = await fleet.member("evil", { roles: ["robot"], robots: ["zap-*"] });
  const evil = await runLawless(fleet, member);
  await until("it knows the robot", () => evil.core().robotIds().includes("bank-1"));
  await evil.driver.command(patch("bank-1", "robbed"));
  await refusedAndAudited(honest, "robot-not-granted", { from: member.id, what: "chain" });
  for (const robot of ["bank-1", "bank-2", "zap-1"]) await evil.driver.command(beat(robot));
  await evil.driver.command(patch("zap-1", "mine"));
  await refusedAndAudited(honest, "robot-not-granted", { from: member.id, robots: 2 });
  for (const at of honest) {
    await until("it shows what it may", () => at.robot("zap-1")?.state["task"] === "mine");
    expect(at.robot("bank-1")).toMatchObject({ state: { task: "guard" }, node: issuer.id });
    expect(at.robotIds()).toEqual(["bank-1", "zap-1"]);
  }
  expect(await watch.end()).toEqual(UNTOUCHED);
}, 60_000);

test("ME1, ME3 VE1 an observer that writes, beats and votes all the same is stored by no real node, and its votes make no verdict", async () => {
  await using fleet = await HostileFleet.of(2, { restartWithinMs: 1_000 });
  const { issuer, honest } = fleet;
  const [, b, c] = honest;
  if (b === undefined || c === undefined) throw new Error("three");
  const watch = new PulseWatch(honest);
  const observer = { roles: ["observer"], robots: [] } as const;
  const evil: Lawless[] = [];
  for (const name of ["evil-1", "evil-2", "evil-3"])
    evil.push(await runLawless(fleet, await fleet.member(name, observer), { allies: evil }));
  for (const each of evil) {
    await each.driver.command(beat("zap-1"));
    await each.driver.command(patch("zap-1", "mine"));
  }
  await refusedAndAudited(honest, "author-observer");
  expect(await watch.end()).toEqual(UNTOUCHED);
  for (const at of honest) {
    expect(at.fleetView().roster).toBe(3);
    expect(at.robotIds()).toEqual([]);
  }
  // Where both others are silent one of three is left, who may not say that they are down; with the observers' votes it would be four of six.
  await Promise.all([b.stop(), c.stop()]);
  const saysDown = ({ core }: Lawless): boolean =>
    core()
      .fleet({ monoMs: performance.now(), wallMs: Date.now() })
      .nodes.some(({ node, status }) => node === b.id && status === "down");
  await until("the observers say that it is down", () => evil.some(saysDown));
  await until("the issuer does not know", () => statusAt(issuer, b.id) === "unknown");
  expect(countAt(issuer, "verdicts_total", "down")).toBe(0);
}, 60_000);
