/** Robots and nodes are edited and retired by operators who do not see everything: what is left when they see each other again. */
import { createCore, type Command, type CommandResult, type RobotView } from "@pulsemesh/core";
import { describe, expect, test } from "vitest";
import { SeededRandom } from "@pulsemesh/testkit";
import { Fleet } from "../fleet/fleet.ts";
import { calmNetwork } from "../network/network-model.ts";

const ALL = [0, 1, 2, 3, 4];
const LEFT = [0, 1];
const RIGHT = [2, 3, 4];
const ROBOT = "bot";

interface Story {
  readonly fleet: Fleet;
  /** `down` verdicts so far, as `viewer>subject`. */
  readonly downs: string[];
}

/** Five nodes that see each other; the robot beats at node 0 every second until told otherwise. */
function story(seed: number = 7): Story {
  const fleet = new Fleet({ seed, nodes: ALL.length, network: calmNetwork, createCore });
  const downs: string[] = [];
  fleet.add({
    emitted: (node, event) => {
      if (event.type !== "verdict" || event.kind !== "down") return;
      downs.push(`${node.index}>${fleet.indexOf(event.subject)}`);
    },
  });
  for (const node of fleet.nodes) node.start();
  fleet.runUntil(20_000);
  expect(rosters(fleet)).toEqual(ALL.map(() => 5));
  return { fleet, downs };
}

function ask(fleet: Fleet, index: number, command: Command): CommandResult {
  let answer: CommandResult | undefined;
  fleet.node(index).command(command, (result) => (answer = result));
  fleet.runFor(1_000);
  if (answer === undefined) throw new Error("no answer");
  return answer;
}

function beat(fleet: Fleet, index: number, forMs: number): void {
  for (let ms = 0; ms < forMs; ms += 1_000) {
    const robot = { robot: ROBOT, kind: "beat", create: "heartbeat" } as const;
    fleet.node(index).command({ type: "beat", ...robot });
    fleet.runFor(1_000);
  }
}

function register(everyMs: number, labels: Readonly<Record<string, string>> = {}): Command {
  const schedule = { type: "every", everyMs, graceMs: 0, missed: 3, startupMs: 60_000 } as const;
  return { type: "register", robot: ROBOT, schedule, labels };
}

function retireNode(fleet: Fleet, at: number, node: number): CommandResult {
  return ask(fleet, at, { type: "retire-node", node: fleet.node(node).id, isCertain: true });
}

function rosters(fleet: Fleet, at: readonly number[] = ALL): readonly (number | undefined)[] {
  return at.map((index) => {
    const { core, now } = fleet.node(index);
    return core?.fleet(now).roster;
  });
}

function robots(fleet: Fleet, at: readonly number[] = ALL): readonly (RobotView | undefined)[] {
  return at.map((index) => {
    const { core, now } = fleet.node(index);
    return core?.robot(ROBOT, now);
  });
}

function statuses(fleet: Fleet, at: readonly number[] = ALL): readonly string[] {
  return robots(fleet, at).map((view) => view?.status ?? "none");
}

function sever(fleet: Fleet): void {
  for (const a of LEFT) for (const b of RIGHT) fleet.cut(a, b, { isSilent: true });
}

function mend(fleet: Fleet): void {
  for (const a of LEFT) for (const b of RIGHT) fleet.heal(a, b);
}

function hashes(fleet: Fleet): number {
  const all = ALL.map((index) => {
    const { core, now } = fleet.node(index);
    return core?.fleet(now).documentHash;
  });
  return new Set(all).size;
}

describe("nodes that are gone", () => {
  test("VE1 two of five that are left know nothing until the three are retired at one of them, then judge as a fleet of two; one that starts again counts again", () => {
    const { fleet } = story();
    for (const index of RIGHT) fleet.node(index).stop("power");
    fleet.runFor(30_000);
    expect(fleet.statusOf(0, 1).status).toBe("up");
    expect(RIGHT.map((index) => fleet.statusOf(0, index).status)).toEqual(
      RIGHT.map(() => "unknown"),
    );
    for (const index of RIGHT)
      expect(retireNode(fleet, 0, index)).toMatchObject({ ok: true, retired: { isOld: false } });
    fleet.runFor(30_000);
    expect(rosters(fleet, LEFT)).toEqual([2, 2]);
    fleet.node(1).stop("kill");
    fleet.runFor(6_000);
    expect(fleet.statusOf(0, 1)).toMatchObject({ status: "down" });
    fleet.node(1).start();
    fleet.node(2).start();
    // Who starts has its start-up grace, and the time that makes a cut a long one.
    fleet.runFor(75_000);
    expect(rosters(fleet, [0, 1, 2])).toEqual([3, 3, 3]);
    expect([1, 2].map((index) => fleet.statusOf(0, index).status)).toEqual(["up", "up"]);
  });

  test("VE1 P2 P4 who retires the other side of a partition is a fleet of its own while it lasts, calls nobody there down, and is one of five again when it is over", () => {
    const { fleet, downs } = story();
    sever(fleet);
    fleet.runFor(20_000);
    for (const index of RIGHT) expect(retireNode(fleet, 0, index).ok).toBe(true);
    fleet.runFor(10_000);
    expect(rosters(fleet, LEFT)).toEqual([5, 5]);
    fleet.runFor(40_000);
    expect(rosters(fleet, LEFT)).toEqual([2, 2]);
    expect(downs.filter((verdict) => /^[01]>/.test(verdict))).toEqual([]);
    expect(rosters(fleet, RIGHT)).toEqual([5, 5, 5]);
    mend(fleet);
    fleet.runFor(20_000);
    expect(rosters(fleet)).toEqual(ALL.map(() => 5));
    for (const viewer of ALL) {
      for (const subject of ALL.filter((index) => index !== viewer))
        expect([viewer, subject, fleet.statusOf(viewer, subject).status]).toEqual([
          viewer,
          subject,
          "up",
        ]);
    }
    // What was said is taken back, so a death is a death to everybody.
    fleet.node(2).stop("power");
    fleet.runFor(60_000);
    expect([0, 1, 3, 4].map((viewer) => fleet.statusOf(viewer, 2).status)).toEqual(
      [0, 1, 3, 4].map(() => "down"),
    );
  });
});

describe("robots that are edited and retired where their home is not seen", () => {
  test("VE7 P1 edits on both sides of a partition merge field by field, and the home judges by what came of it", () => {
    const { fleet } = story();
    ask(fleet, 0, register(60_000, { role: "scan" }));
    beat(fleet, 0, 3_000);
    sever(fleet);
    fleet.runFor(5_000);
    ask(fleet, 3, register(2_000, { role: "scan" }));
    ask(fleet, 0, register(60_000, { role: "scan", team: "a" }));
    mend(fleet);
    fleet.runFor(15_000);
    for (const view of robots(fleet)) {
      expect(view).toMatchObject({
        status: "down",
        reason: "missed",
        schedule: { everyMs: 2_000 },
        labels: { role: "scan", team: "a" },
      });
    }
    expect(hashes(fleet)).toBe(1);
  });

  test("CH4 P4 a robot that lives on the other side is not hidden by its retirement here: it is back with all that it was", () => {
    const { fleet } = story();
    ask(fleet, 0, register(60_000, { role: "scan" }));
    beat(fleet, 0, 3_000);
    ask(fleet, 0, { type: "patch-state", robot: ROBOT, patch: { found: 3 } });
    sever(fleet);
    fleet.runFor(10_000);
    expect(statuses(fleet, RIGHT)).toEqual(RIGHT.map(() => "down"));
    expect(ask(fleet, 4, { type: "retire", robot: ROBOT })).toMatchObject({ ok: true });
    expect(statuses(fleet)).toEqual(["up", "up", "none", "none", "none"]);
    mend(fleet);
    beat(fleet, 0, 15_000);
    for (const view of robots(fleet))
      expect(view).toMatchObject({ status: "up", labels: { role: "scan" }, state: { found: 3 } });
    expect(hashes(fleet)).toBe(1);
  });

  test("CH4 P1 a robot that was dead on the other side is gone everywhere, its home's restart brings nothing back, and its next beat is a new robot's", () => {
    const { fleet } = story();
    ask(fleet, 0, register(1_000, { role: "scan" }));
    beat(fleet, 0, 3_000);
    fleet.runFor(5_000);
    expect(statuses(fleet)).toEqual(ALL.map(() => "down"));
    sever(fleet);
    fleet.runFor(10_000);
    expect(ask(fleet, 4, { type: "retire", robot: ROBOT })).toMatchObject({ ok: true });
    fleet.node(0).stop("power");
    mend(fleet);
    fleet.runFor(10_000);
    fleet.node(0).start();
    fleet.runFor(10_000);
    expect(statuses(fleet)).toEqual(ALL.map(() => "none"));
    beat(fleet, 2, 5_000);
    for (const view of robots(fleet)) {
      expect(view).toMatchObject({ status: "up", node: fleet.node(2).id, labels: {}, state: {} });
      expect(view?.schedule).toMatchObject({ everyMs: 60_000 });
    }
    expect(hashes(fleet)).toBe(1);
  });

  test("CH4 P4 a robot that lives on the other side, and was retired and registered again here, is what it was and no dead new one", () => {
    const { fleet } = story();
    ask(fleet, 0, register(5_000, { role: "scan" }));
    beat(fleet, 0, 3_000);
    sever(fleet);
    beat(fleet, 0, 10_000);
    expect(ask(fleet, 4, { type: "retire", robot: ROBOT })).toMatchObject({ ok: true });
    expect(ask(fleet, 4, register(60_000))).toMatchObject({ ok: true, created: true });
    mend(fleet);
    beat(fleet, 0, 20_000);
    for (const view of robots(fleet))
      expect(view).toMatchObject({
        status: "up",
        node: fleet.node(0).id,
        labels: { role: "scan" },
      });
    expect(hashes(fleet)).toBe(1);
  });

  test("CH4 a robot that was down is registered again at once where it was retired, and its home takes nothing of that back", () => {
    const { fleet } = story();
    ask(fleet, 0, register(1_000, { role: "scan" }));
    beat(fleet, 0, 3_000);
    fleet.runFor(10_000);
    fleet.node(4).command({ type: "retire", robot: ROBOT });
    expect(ask(fleet, 4, register(5_000, { role: "next" }))).toMatchObject({ created: true });
    fleet.runFor(5_000);
    const again = { labels: { role: "next" }, schedule: { everyMs: 5_000 } };
    for (const view of robots(fleet))
      expect(view).toMatchObject({ ...again, status: "new", node: fleet.node(4).id });
    beat(fleet, 0, 3_000);
    for (const view of robots(fleet))
      expect(view).toMatchObject({ ...again, status: "up", node: fleet.node(0).id });
    expect(hashes(fleet)).toBe(1);
  });
});

/** Operators at five nodes do what they like, while the fleet is cut, nodes are killed, and the robot falls silent or moves. */
class Muddle {
  readonly #fleet: Fleet;
  readonly #random: SeededRandom;
  readonly #off = new Set<number>();
  #isCut = false;
  home = 0;

  constructor(fleet: Fleet, seed: number) {
    this.#fleet = fleet;
    this.#random = new SeededRandom(seed);
  }

  step(): void {
    if (this.#random.unit() < 0.1) this.home = this.#pick(ALL.length);
    if (this.#off.has(this.home)) this.#fleet.runFor(1_000);
    else beat(this.#fleet, this.home, 1_000);
    const at = this.#pick(ALL.length);
    const dice = this.#random.unit();
    if (dice < 0.15) this.#toggleCut();
    else if (dice < 0.25) this.#toggleNode(at);
    else if (dice < 0.35) this.#fleet.runFor(this.#pick(6) * 1_000);
    else if (!this.#off.has(at)) this.#operate(at, dice);
  }

  end(): void {
    for (const at of this.#off) this.#fleet.node(at).start();
    if (this.#isCut) mend(this.#fleet);
    this.#fleet.runFor(5_000);
  }

  #operate(at: number, dice: number): void {
    const node = this.#fleet.node(at);
    const key = `by${at}`;
    if (dice > 0.9)
      return node.command({ type: "patch-state", robot: ROBOT, patch: { [key]: dice } });
    if (dice < 0.75) node.command({ type: "retire", robot: ROBOT });
    if (dice > 0.5) node.command(register(2_000 + 500 * this.#pick(3), { [key]: `${dice}` }));
  }

  #toggleCut(): void {
    if (this.#isCut) mend(this.#fleet);
    else sever(this.#fleet);
    this.#isCut = !this.#isCut;
  }

  #toggleNode(at: number): void {
    if (this.#off.delete(at)) return this.#fleet.node(at).start();
    this.#fleet.node(at).stop(this.#random.unit() < 0.5 ? "kill" : "power");
    this.#off.add(at);
  }

  #pick(count: number): number {
    return Math.floor(this.#random.unit() * count);
  }
}

describe("in any order", () => {
  test("P1 P4 CH4 VE7 whatever operators register, edit, retire and patch wherever, all nodes say the same in the end: up of a robot that beats, and of a silent one that it is down, or nothing", () => {
    for (let seed = 1; seed <= 8; seed += 1) {
      const { fleet } = story(seed);
      const muddle = new Muddle(fleet, seed);
      ask(fleet, 0, register(2_000, { role: "scan" }));
      for (let step = 0; step < 40; step += 1) muddle.step();
      muddle.end();
      const isSilent = seed % 2 === 0;
      if (isSilent) fleet.runFor(80_000);
      else beat(fleet, muddle.home, 40_000);
      const said = robots(fleet).map((view) => `${view?.status} ${view?.node}`);
      expect([seed, new Set(said).size, hashes(fleet)]).toEqual([seed, 1, 1]);
      const home = fleet.node(muddle.home).id;
      expect(said[0]).toMatch(isSilent ? /^(?:down|undefined)/ : new RegExp(`^up ${home}$`));
    }
  });
});
