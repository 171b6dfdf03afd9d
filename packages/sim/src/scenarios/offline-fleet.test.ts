import { describe, expect, test } from "vitest";
import { AWAY, DAY_MS, HOUR_MS, MINUTE_MS, OfflineStory, robotOf } from "./offline-story.ts";

const LONG = process.env["PULSEMESH_LONG"] === "1";
/** At the latest; a dial back-off of 4 s, and a few round trips. */
const EQUAL_WITHIN_MS = 10_000;

/** What rule OFF4 says of a disk: an author's chain of one small robot, and an entry of the audit log, keys included. */
const CHAIN_BYTES = 80_000;
const AUDIT_ENTRY_BYTES = 260;
const AUDIT_ENTRIES = 1_000;

/** What a node knows of the others, by their names. */
function peersOf(story: OfflineStory, index: number): readonly string[] {
  const { core, now } = story.fleet.node(index);
  return (core?.fleet(now).nodes ?? [])
    .map(({ name, status }) => `${name} ${status}`)
    .toSorted((a, b) => (a < b ? -1 : 1));
}

describe("a fleet of which one node is away for long", () => {
  test("P9 P1 P5 OFF4 after 30 days alone with 1,000 changes on each side, all show the same within 10 s, for less than 300 KB, nothing is lost, and no disk was ever filled", () => {
    const story = new OfflineStory(3, { auditEntriesMax: AUDIT_ENTRIES });
    const { fleet } = story;
    story.cutOff();
    const untilMs = fleet.nowMs + 30 * DAY_MS;
    /** The most that any node had on disk at the end of a day: of its own chain, of its audit log, and of everything. */
    const most = { chainBytes: 0, auditRows: 0, auditEntryBytes: 0, bytes: 0 };
    story.every(DAY_MS, untilMs, () => {
      for (const { id, index } of fleet.nodes) {
        const chain = story.onDisk(index, `chain/reported/${id}/`);
        const parts = story.onDisk(index, "part/");
        const audit = story.onDisk(index, "audit/");
        most.chainBytes = Math.max(most.chainBytes, chain.bytes + parts.bytes);
        most.auditRows = Math.max(most.auditRows, audit.rows);
        most.auditEntryBytes = Math.max(most.auditEntryBytes, audit.bytes / audit.rows);
        most.bytes = Math.max(most.bytes, story.onDisk(index, "").bytes);
      }
    });
    for (const index of [0, 1, 2]) {
      let writes = 0;
      story.every((30 * DAY_MS) / 1_000, untilMs, () =>
        story.write(index, robotOf(index), `field-${writes++ % 7}`),
      );
    }
    fleet.runUntil(untilMs);
    expect(peersOf(story, 1)).toEqual(["node-0 unknown", "node-2 up"]);
    expect(story.writes).toBe(3_000);
    expect(most.chainBytes).toBeGreaterThan(CHAIN_BYTES / 2);
    expect(most.chainBytes).toBeLessThan(CHAIN_BYTES);
    expect(most.auditRows).toBeGreaterThan(AUDIT_ENTRIES);
    expect(most.auditRows).toBeLessThanOrEqual(AUDIT_ENTRIES + 500);
    expect(most.auditEntryBytes).toBeLessThan(AUDIT_ENTRY_BYTES);
    expect(most.bytes).toBeLessThan(3 * CHAIN_BYTES + (AUDIT_ENTRIES + 500) * AUDIT_ENTRY_BYTES);
    const healing = story.heal(EQUAL_WITHIN_MS);
    expect(healing?.ms).toBeLessThan(EQUAL_WITHIN_MS);
    expect(healing?.bytes).toBeLessThan(300_000);
    fleet.runFor(10 * MINUTE_MS);
    fleet.end();
    expect([...story.refused, ...story.missing(), ...fleet.violations]).toEqual([]);
    expect(peersOf(story, 1)).toEqual(["node-0 up", "node-2 up"]);
  });

  test("P9 P1 P5 CH2 CH4 both sides write each minute through five compactions, restarts, a goodbye and a retirement: one view, and nothing comes back", () => {
    // The long run has the real pace of compaction, and its month.
    const forMs = LONG ? 30 * DAY_MS : 22 * HOUR_MS;
    const story = new OfflineStory(4, LONG ? {} : { snapshotAfterDeltas: 250 });
    const { fleet } = story;
    const { acknowledged } = story;
    story.cutOff();
    const startMs = fleet.nowMs;
    const untilMs = startMs + forMs;
    for (const index of [0, 1, 2]) {
      let writes = 0;
      story.every(MINUTE_MS, untilMs, () =>
        story.write(index, robotOf(index), `field-${writes++ % 7}`),
      );
    }
    // Both sides write about one robot, each a field of its own, and about the one that is retired meanwhile.
    story.every(HOUR_MS, untilMs, () => {
      story.write(0, robotOf(1), "by-0");
      story.write(2, robotOf(1), "by-2");
      story.command(0, { type: "patch-state", robot: robotOf(3), patch: { late: fleet.nowMs } });
    });
    for (let i = 1; i < 8; i++) {
      const how = i % 3 === 0 ? "power" : "kill";
      fleet.at(startMs + (i * forMs) / 8 + MINUTE_MS / 2, () => story.restart(AWAY, how));
    }
    fleet.at(startMs + forMs / 3 + MINUTE_MS / 2, () => story.restart(1, "power"));
    fleet.at(startMs + forMs / 2, () => story.command(3, { type: "retire", robot: robotOf(3) }));
    fleet.at(startMs + forMs / 2 + HOUR_MS, () => {
      story.command(3, { type: "stop", mode: "leave", restartWithinMs: 0 }, () =>
        fleet.at(fleet.nowMs + 1, () => fleet.node(3).stop("kill")),
      );
    });
    // Those who heard the goodbye know it from their disks.
    for (const index of [1, 2])
      fleet.at(startMs + forMs / 2 + index * 2 * HOUR_MS + MINUTE_MS / 2, () =>
        story.restart(index, "kill"),
      );
    fleet.runUntil(untilMs);
    expect(fleet.node(AWAY).core?.robotIds()).toContain(robotOf(3));
    expect(fleet.node(1).core?.robotIds()).not.toContain(robotOf(3));
    expect(Math.min(...story.compactions.slice(0, 3))).toBeGreaterThanOrEqual(5);
    const healing = story.heal(EQUAL_WITHIN_MS);
    expect(healing?.ms).toBeLessThan(EQUAL_WITHIN_MS);
    expect(healing?.bytes).toBeLessThan(LONG ? 3_000_000 : 1_000_000);
    fleet.runFor(20 * MINUTE_MS);
    fleet.end();
    expect([...story.refused, ...story.missing(), ...fleet.violations]).toEqual([]);
    expect(acknowledged.get(robotOf(1))?.size).toBe(9);
    // Retired stays retired, whatever the other side wrote about it later, and who has left counts no more.
    for (const index of [0, 1, 2]) {
      const { core, now } = fleet.node(index);
      expect(core?.robotIds()).toEqual([0, 1, 2].map(robotOf));
      expect(core?.fleet(now).roster).toBe(3);
    }
  });

  test("OFF1 CH4 P1 P9 a device that comes back with a clock three days ahead is up at once, all hold the same, and show what it wrote when they may", () => {
    const story = new OfflineStory(3);
    const { fleet } = story;
    const device = fleet.node(AWAY);
    const shown = (): readonly unknown[] =>
      fleet.nodes.map(({ core, now }) => core?.robot(robotOf(AWAY), now)?.state["field"]);
    story.cutOff();
    story.write(AWAY, robotOf(AWAY), "field");
    fleet.runFor(HOUR_MS);
    device.clock.stepWall(3 * DAY_MS);
    fleet.runFor(5 * MINUTE_MS);
    story.write(AWAY, robotOf(AWAY), "field");
    fleet.runFor(HOUR_MS);
    expect(story.heal(EQUAL_WITHIN_MS)).toBeDefined();
    fleet.runFor(5 * MINUTE_MS);
    expect(peersOf(story, 1)).toEqual(["node-0 up", "node-2 up"]);
    expect(shown()).toEqual([2, 1, 1]);
    // Its clock is set right: it goes on to show what it wrote, and what it writes now stands above that.
    device.clock.stepWall(-3 * DAY_MS);
    fleet.runFor(5 * MINUTE_MS);
    expect(shown()).toEqual([2, 1, 1]);
    story.write(AWAY, robotOf(AWAY), "field");
    fleet.runFor(2 * DAY_MS + HOUR_MS);
    expect(shown()).toEqual([3, 3, 3]);
    story.write(1, robotOf(1), "field");
    fleet.runFor(10 * MINUTE_MS);
    fleet.end();
    expect([...story.refused, ...story.missing(), ...fleet.violations]).toEqual([]);
  });

  test("OFF2 P9 CH1 P6 a device that started more than EPOCHS_MAX times while it was away costs its neighbours nothing when it is back", () => {
    const story = new OfflineStory(3, { pulseEveryMs: 10_000, syncEveryMs: 30_000 });
    const { fleet } = story;
    const boot = (): void => {
      story.restart(AWAY, "kill");
      fleet.runFor(3_000);
      story.write(AWAY, robotOf(AWAY), "boots");
      fleet.runFor(2_000);
    };
    // Epochs that all hold, and that the device will not name any more when it comes back.
    for (let i = 0; i < 3; i++) boot();
    story.cutOff();
    for (let i = 0; i < 80; i++) boot();
    const healing = story.heal(EQUAL_WITHIN_MS);
    expect(healing?.ms).toBeLessThan(EQUAL_WITHIN_MS);
    fleet.runFor(MINUTE_MS);
    const before = story.compactions[AWAY];
    for (let i = 0; i < 5; i++) {
      story.write(AWAY, robotOf(AWAY), "boots");
      fleet.runFor(5_000);
    }
    expect(story.compactions[AWAY]).toBe(before);
    for (const node of fleet.nodes) {
      const prefix = `chain/reported/${fleet.node(AWAY).id}/`;
      const rows = node.disk.scan({ gte: prefix, lt: `${prefix}~` });
      expect(new Set(rows.map(({ key }) => key.split("/")[3])).size).toBe(1);
    }
    fleet.end();
    expect([...story.refused, ...story.missing(), ...fleet.violations]).toEqual([]);
  });
});
