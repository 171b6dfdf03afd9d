/** Multicast DNS among real processes, each in a network namespace of its own: nothing leaves the switch that joins them. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { MdnsHost } from "../support/mdns-host.ts";
import { Cables, namespacesMissing, type Host } from "../support/namespaces.ts";
import { NodeProcess, ProcessFleet, type NodeProcessOptions } from "../support/node-process.ts";
import { until } from "../support/until.ts";

const PORT = 7_421;

describe("members find each other on the local network", () => {
  beforeAll(() => {
    const missing = namespacesMissing();
    if (missing !== undefined) throw new Error(missing);
  });

  test("CH6 three members without any address meet, and one that comes back at another address is found by those that stayed", async () => {
    using cables = new Cables();
    const [one, two, three] = [cables.host("left"), cables.host("right"), cables.host("right")];
    await using a = new MdnsHost(one, { part: "member", name: "a" }, PORT);
    await using b = new MdnsHost(two, { part: "member", name: "b" }, PORT);
    {
      await using c = new MdnsHost(three, { part: "member", name: "c" }, PORT);
      await until(
        "all have met",
        () => [a, b, c].every((host) => host.count({ type: "up" }) === 2),
        25_000,
      );
    }
    await until(
      "it is gone",
      () => [a, b].every((host) => host.count({ type: "down" }) === 1),
      20_000,
    );
    await using again = new MdnsHost(three, { part: "member", name: "c" }, PORT + 1);
    await until(
      "it is back",
      () =>
        again.count({ type: "up" }) === 2 &&
        [a, b].every((host) => host.count({ type: "up", node: again.node }) === 2),
      25_000,
    );
  });

  test("SG2 P6 who answers for our fleet and is of another is refused and counted once, and dialled once however often he answers", async () => {
    using cables = new Cables();
    const [one, two, three] = [cables.host("left"), cables.host("left"), cables.host("right")];
    await using liar = new MdnsHost(two, { part: "liar", name: "liar" }, PORT);
    await using foreigner = new MdnsHost(three, { part: "foreigner", name: "foreigner" }, PORT);
    await until("they have started", () => liar.node !== undefined && foreigner.node !== undefined);
    await using a = new MdnsHost(one, { part: "member", name: "a" }, PORT);
    await until("the liar is refused", () => a.count({ type: "rejected" }) > 0, 25_000);
    // Several questions more, and forty answers.
    await sleep(8_000);
    expect(a.lines.filter(({ type }) => type === "rejected")).toEqual([
      { type: "rejected", reason: "foreign-fleet", node: liar.node },
    ]);
    expect(a.dials).toBe(1);
    expect(liar.count({ type: "connected" })).toBe(1);
    expect(a.count({ type: "up" })).toBe(0);
    // Honest nodes of two fleets on one network never even look at each other.
    expect([foreigner.dials, foreigner.count({ type: "rejected" })]).toEqual([0, 0]);
  });

  test("P9 without a route for multicast it runs, says what is missing, and finds others once there is one", async () => {
    using cables = new Cables();
    const [one, two] = [cables.host("left"), cables.host("right")];
    cables.dropMulticastRoute(one);
    await using a = new MdnsHost(one, { part: "member", name: "a" }, PORT);
    await until("it says so", () => a.count({ type: "warned" }) === 1, 15_000);
    cables.addMulticastRoute(one);
    await using b = new MdnsHost(two, { part: "member", name: "b" }, PORT);
    await until(
      "they meet",
      () => [a, b].every((host) => host.count({ type: "up" }) === 1),
      25_000,
    );
  });

  test("CH6 ME1 a node with --mdns that knows its fleet and no address finds the one that has moved meanwhile", async () => {
    using cables = new Cables();
    await using fleet = new ProcessFleet();
    const hosts = [cables.host("left"), cables.host("right"), cables.host("left")] as const;
    const place = (name: string, host: Host): Partial<NodeProcessOptions> => {
      const socketPath = join(fleet.dir, `${name}.sock`);
      const namespace = { name: host.namespace, address: host.address, socketPath };
      return { meshPort: PORT, httpPort: 7_420, namespace, args: ["--mdns", "--profile", "local"] };
    };
    await fleet.add({ name: "a", region: "eu" }, place("a", hosts[0]));
    const joiner = await fleet.add({ name: "b", region: "eu" }, place("b", hosts[1]));
    await fleet.allSee(["a", "b"], "up", 15_000);
    await joiner.end("SIGTERM");
    await fleet.node("a").end("SIGTERM");
    rmSync(join(fleet.dir, "b", "addresses.json"));
    rmSync(join(fleet.dir, "a", "addresses.json"));
    // The first one is on another machine now, under another address.
    const moved = { ...fleet.node("a").options, ...place("moved", hosts[2]), name: "moved" };
    const stayed = {
      ...joiner.options,
      ...place("stayed", hosts[1]),
      name: "stayed",
      join: [],
    };
    fleet.nodes.push(new NodeProcess(moved), new NodeProcess(stayed));
    await Promise.all([fleet.node("moved").start(), fleet.node("stayed").start()]);
    await until(
      "they have found each other",
      async () =>
        (await fleet.node("stayed").peerStatus("moved")) === "up" &&
        (await fleet.node("moved").peerStatus("stayed")) === "up",
      40_000,
    );
  });
});
