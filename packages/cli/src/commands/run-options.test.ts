import { expect, test } from "vitest";
import { parseAnnounced } from "./address-flags.ts";
import { dataFolder, planRun, runFlags } from "./run-options.ts";

test("CLI10 data lives in --data, else XDG_STATE_HOME, else ~/.local/state; relative XDG paths are ignored", () => {
  const home = { HOME: "/home/me" };
  expect(dataFolder("/x", home)).toBe("/x");
  expect(dataFolder(undefined, { ...home, XDG_STATE_HOME: "/s" })).toBe("/s/pulsemesh");
  expect(dataFolder(undefined, { ...home, XDG_STATE_HOME: "rel" })).toBe(
    "/home/me/.local/state/pulsemesh",
  );
  expect(dataFolder(undefined, home)).toBe("/home/me/.local/state/pulsemesh");
});

test("CLI10 planRun applies the defaults: loopback, one fleet of its own, no core overrides", () => {
  const plan = planRun({}, [{ robot: undefined, labels: {} }], { HOME: "/h" });
  expect(plan).toMatchObject({ http: { host: "127.0.0.1", port: 7_420 }, insecureHttp: false });
  expect(plan.node).toMatchObject({
    listen: ["/ip4/127.0.0.1/tcp/7421"],
    join: undefined,
    core: {},
  });
  expect(plan.node.name).toMatch(/^[A-Za-z0-9]/);
});

test("AD3 CLI10 --announce takes what others could dial, and refuses an address without host or port before anything is made", () => {
  for (const text of ["/ip4/192.0.2.7/tcp/7421", "/ip6/::1/tcp/80/ws", "/dns4/a.example/tcp/7421"])
    expect(parseAnnounced(text, "--announce")).toBe(text);
  for (const text of ["/ip4/0.0.0.0/tcp/7421", "/ip6/::/tcp/7421", "/ip4/192.0.2.7/tcp/0/ws"]) {
    expect(() => parseAnnounced(text, "--announce")).toThrow(
      expect.objectContaining({
        code: "address-invalid",
        message: expect.stringContaining(`--announce '${text}' as nobody could dial it`),
      }),
    );
  }
});

test("DP2 probes at the address of HTTP are refused, and no other process is blamed for it", () => {
  const at = (port: number) => ({ host: "127.0.0.1", port });
  const plan = (http: number, probes: number) =>
    planRun({ http: at(http), probes: at(probes) }, [{ robot: undefined, labels: {} }], {});
  expect(() => plan(7_422, 7_422)).toThrow("--http is at the same address");
  expect(plan(7_420, 7_422).probes).toEqual(at(7_422));
  expect(plan(0, 0).probes).toEqual(at(0));
});

test("VE9 OFF4 planRun hands core for how long the node may be offline, and how long its audit log may grow", () => {
  const flags = { mayBeOffline: 2_592_000_000, auditMax: 5_000 };
  const plan = planRun(flags, [{ robot: undefined, labels: {} }], {});
  expect(plan.node.core).toEqual({ mayBeOfflineMs: 2_592_000_000, auditEntriesMax: 5_000 });
});

test("CLI9 planRun hands schedules in front of all robots to core", () => {
  const plan = planRun({ observer: true }, [{ robot: undefined, labels: {}, everyMs: 9_000 }], {});
  expect(plan.node.core).toEqual({
    observer: true,
    robotEveryMs: 9_000,
    robotGraceMs: 0,
    robotMissed: 3,
  });
});

test("HT31 planRun takes the socket as an absolute path, with the mode that was given", () => {
  const robots: Parameters<typeof planRun>[1] = [{ robot: undefined, labels: {} }];
  expect(planRun({}, robots, {}).socket).toBeUndefined();
  expect(planRun({ socket: "/run/x.sock", socketMode: 0o660 }, robots, {}).socket).toEqual({
    path: "/run/x.sock",
    mode: 0o660,
  });
});

test("AD5 planRun hands on the fleet that is named, and --fleet takes nothing but an id", () => {
  const fleet = "k".repeat(52);
  const plan = planRun({ fleet, mdns: true }, [{ robot: undefined, labels: {} }], {});
  expect(plan.node).toMatchObject({ fleet, mdns: true, join: undefined });
  const flag = runFlags.find(({ flags }) => flags.startsWith("--fleet"));
  expect(flag?.parse?.(fleet, "--fleet")).toBe(fleet);
  for (const text of ["", "mine", fleet.toUpperCase(), `${fleet}k`, fleet.replace("k", "1")])
    expect(() => flag?.parse?.(text, "--fleet")).toThrow("--fleet");
});
