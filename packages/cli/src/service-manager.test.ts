import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { serviceManager, type ServiceManagerOptions, type ServiceNode } from "./service-manager.ts";

/** A manager, what it was told, and a clock that tests move by hand. */
function setUp(env: Record<string, string>, more: Partial<ServiceManagerOptions> = {}) {
  const said: string[][] = [];
  const warnings: string[] = [];
  const timers: { everyMs: number; work: () => void }[] = [];
  let nowMs = 0;
  let inputs = 1;
  const manager = serviceManager({
    env,
    pid: 7,
    warn: (why) => void warnings.push(why),
    send: async (assignments) => void said.push([...assignments]),
    every: (everyMs, work) => {
      const timer = { everyMs, work };
      timers.push(timer);
      return { [Symbol.dispose]: () => void timers.splice(timers.indexOf(timer), 1) };
    },
    nowMs: () => nowMs,
    ...more,
  });
  const node = {
    metrics: () => [
      {
        name: "inputs_total",
        help: "",
        type: "counter",
        samples: [{ labels: { type: "timer" }, value: inputs }],
      },
    ],
    fleetView: () => ({ nodes: [{ status: "up" }, { status: "down" }] }),
  } as unknown as ServiceNode;
  return {
    manager,
    node,
    said,
    warnings,
    timers,
    /** Lets time pass up to the next time that the manager wakes. */
    wake: async ({ coreLives }: { coreLives: boolean }) => {
      const [timer] = timers;
      nowMs += timer?.everyMs ?? 0;
      if (coreLives) inputs += 1;
      timer?.work();
      await new Promise((resolve) => setImmediate(resolve));
    },
    settle: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

const socket = { NOTIFY_SOCKET: "/run/systemd/notify" };

test("DP4 without a manager nothing is said and no timer runs", () => {
  const { manager, node, said, timers } = setUp({});
  manager.starting();
  manager.ready(node);
  manager.stopping();
  expect([said, timers]).toEqual([[], []]);
});

test("DP4 starting asks for more time again and again, ready and stopping are said once", async () => {
  const { manager, node, said, timers, wake, settle } = setUp(socket);
  manager.starting();
  await wake({ coreLives: true });
  manager.ready(node);
  await settle();
  manager.stopping();
  await settle();
  expect(said).toEqual([
    ["STATUS=looking for the fleet", "EXTEND_TIMEOUT_USEC=60000000"],
    ["STATUS=looking for the fleet", "EXTEND_TIMEOUT_USEC=60000000"],
    ["READY=1", "STATUS=ready, 1 of 2 other nodes up"],
    ["STOPPING=1", "STATUS=telling the others that this is planned"],
  ]);
  expect(timers).toEqual([]);
});

test("DP4 the watchdog is fed at half its time, and not while core takes no inputs", async () => {
  const { manager, node, said, timers, wake } = setUp({
    ...socket,
    WATCHDOG_USEC: "20000000",
    WATCHDOG_PID: "7",
  });
  manager.ready(node);
  expect(timers.map(({ everyMs }) => everyMs)).toEqual([10_000]);
  await wake({ coreLives: true });
  expect(said.at(-1)).toContain("WATCHDOG=1");
  await wake({ coreLives: false });
  expect(said.at(-1)).toEqual(["STATUS=core takes no inputs"]);
  await wake({ coreLives: true });
  expect(said.at(-1)).toContain("WATCHDOG=1");
});

test("DP4 a watchdog shorter than core's own timers is fed as long as core has shown life lately", async () => {
  const { manager, node, said, wake } = setUp({ ...socket, WATCHDOG_USEC: "1000000" });
  manager.ready(node);
  for (let i = 0; i < 10; i += 1) await wake({ coreLives: false });
  expect(said.filter((words) => words.includes("WATCHDOG=1"))).toHaveLength(10);
  await wake({ coreLives: false });
  expect(said.at(-1)).not.toContain("WATCHDOG=1");
});

test("DP4 a watchdog that waits for another process is not fed", async () => {
  const { manager, node, said, wake } = setUp({
    ...socket,
    WATCHDOG_USEC: "20000000",
    WATCHDOG_PID: "8",
  });
  manager.ready(node);
  await wake({ coreLives: true });
  expect(said.flat()).not.toContain("WATCHDOG=1");
});

test("DP4 a reload is said before the node is ready again", async () => {
  const { manager, node, said, settle } = setUp(socket);
  manager.reloading();
  await settle();
  manager.ready(node);
  await settle();
  expect(said.map(([first]) => first)).toEqual(["RELOADING=1", "READY=1"]);
});

test("DP4 a reload that ends while another message is under way is said all the same, and its end in a message of its own", async () => {
  const { manager, node, said, settle } = setUp(socket);
  const status = "STATUS=ready, 1 of 2 other nodes up";
  manager.ready(node);
  manager.reloading();
  manager.ready(node);
  await settle();
  expect(said).toEqual([["READY=1", status], ["RELOADING=1"], ["READY=1", status]]);
});

test("DP4 of two reloads that wait the first has not ended for anybody: one beginning is said, and one end", async () => {
  const { manager, node, said, settle } = setUp(socket);
  const status = "STATUS=ready, 1 of 2 other nodes up";
  manager.ready(node);
  for (let i = 0; i < 2; i += 1) {
    manager.reloading();
    manager.ready(node);
  }
  await settle();
  expect(said).toEqual([
    ["READY=1", status],
    [status, "RELOADING=1"],
    ["READY=1", status],
  ]);
});

test("DP4 what cannot be said is told once, and the next is tried all the same", async () => {
  let tries = 0;
  const { manager, node, warnings, wake } = setUp(socket, {
    send: async () => {
      tries += 1;
      return "cannot start systemd-notify";
    },
  });
  manager.ready(node);
  await wake({ coreLives: true });
  await wake({ coreLives: true });
  expect([tries, warnings]).toEqual([3, ["cannot start systemd-notify"]]);
});

test("DP4 a machine that can start no process at all is told of once, and stops nothing", async () => {
  const { manager, node, warnings, wake } = setUp(socket, {
    send: async () => {
      throw new Error("spawn ENOMEM");
    },
  });
  manager.ready(node);
  await wake({ coreLives: true });
  await wake({ coreLives: true });
  expect(warnings).toEqual(["Error: spawn ENOMEM"]);
});

test("DP4 a process without a file descriptor left cannot start systemd-notify, and hears so", () => {
  const notifier = join(import.meta.dirname, "service-notifier.ts");
  const program = `
    const { sendBySystemdNotify } = await import(${JSON.stringify(notifier)});
    const { openSync } = await import("node:fs");
    try { for (;;) openSync("/dev/null"); } catch {}
    console.log(await sendBySystemdNotify(["READY=1"]));`;
  const node = `exec ${process.execPath} --input-type=module -e "$0"`;
  const { stdout, stderr } = spawnSync("sh", ["-c", `ulimit -n 64; ${node}`, program], {
    encoding: "utf8",
  });
  expect([stdout, stderr]).toEqual([
    "cannot start systemd-notify: spawn systemd-notify EMFILE\n",
    "",
  ]);
});

test("DP4 while one message is under way the later ones wait together, one value for each variable", async () => {
  const said: string[][] = [];
  const gates: (() => void)[] = [];
  const { manager, node } = setUp(socket, {
    send: (assignments) => {
      said.push([...assignments]);
      return new Promise((resolve) => gates.push(() => resolve(undefined)));
    },
  });
  manager.starting();
  manager.starting();
  manager.ready(node);
  manager.stopping();
  gates.shift()?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(said.slice(1)).toEqual([
    [
      "EXTEND_TIMEOUT_USEC=60000000",
      "READY=1",
      "STOPPING=1",
      "STATUS=telling the others that this is planned",
    ],
  ]);
});
