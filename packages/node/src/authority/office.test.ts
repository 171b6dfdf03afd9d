import { expect, test } from "vitest";
import { Office, type OfficeHolder } from "./office.ts";

/** An office whose key a test changes. */
class Rig {
  key: string | undefined;
  fault: Error | undefined;
  readonly log: string[] = [];
  readonly office: Office<OfficeHolder> = new Office({
    keyHere: () =>
      this.fault === undefined ? Promise.resolve(this.key) : Promise.reject(this.fault),
    open: () => Promise.resolve(this.#open()),
    closed: async () => void this.log.push("closed"),
    logger: { info: () => {}, error: () => void this.log.push("error") },
  });

  #open(): OfficeHolder {
    const { key } = this;
    this.log.push(`open ${key}`);
    return {
      end: () => void this.log.push(`end ${key}`),
      idle: async () => void this.log.push("idle"),
      doubled: async () => void this.log.push(`doubled ${key}`),
    };
  }
}

async function* events(...types: readonly object[]): AsyncGenerator<never> {
  for (const type of types) yield type as never;
}

const ROOT = { type: "statement", kind: "root" };

test("ME7 an office is taken when the root statement that names its key arrives, also after the start", async () => {
  const rig = new Rig();
  await rig.office.start();
  expect([rig.office.current, rig.log]).toEqual([undefined, ["closed"]]);
  rig.key = "a";
  await rig.office.watch(events({ type: "statement", kind: "charter" }));
  expect(rig.office.current).toBeUndefined();
  await rig.office.watch(events(ROOT));
  expect(rig.office.current).toBeDefined();
  // The next ones change nothing; who may have missed some looks.
  await rig.office.watch(events(ROOT, { type: "lost" }));
  expect(rig.log.slice(1)).toEqual(["open a"]);
});

test("ME7 ME2 a key that is replaced is taken up without a restart, and one that the root names no more signs nothing", async () => {
  const rig = new Rig();
  rig.key = "a";
  await rig.office.start();
  rig.key = "b";
  await rig.office.watch(events(ROOT));
  expect(rig.log).toEqual(["open a", "end a", "idle", "open b"]);
  rig.key = undefined;
  await rig.office.watch(events(ROOT));
  expect(rig.office.current).toBeUndefined();
  expect(rig.log.slice(4)).toEqual(["end b", "idle", "closed"]);
});

test("ME6 a damaged key ends the start, and later leaves the office as it is", async () => {
  const rig = new Rig();
  rig.fault = new Error("damaged");
  await expect(rig.office.start()).rejects.toThrow("damaged");
  rig.fault = undefined;
  rig.key = "a";
  await rig.office.look();
  rig.fault = new Error("damaged");
  await rig.office.watch(events(ROOT));
  expect(rig.office.current).toBeDefined();
  expect(rig.log).toEqual(["open a", "error"]);
});

test("ME7, BK1 whoever issues is told of a twin", async () => {
  const rig = new Rig();
  await rig.office.watch(events({ type: "twin" }));
  rig.key = "a";
  await rig.office.start();
  await rig.office.watch(events({ type: "twin-over" }, { type: "twin" }));
  expect(rig.log).toEqual(["open a", "doubled a"]);
});

test("ME7 after its end an office is taken by nobody", async () => {
  const rig = new Rig();
  rig.key = "a";
  await rig.office.start();
  rig.office.end();
  rig.key = "b";
  await rig.office.look();
  expect(rig.log).toEqual(["open a", "end a"]);
});
