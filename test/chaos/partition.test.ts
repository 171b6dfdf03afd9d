import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Cables, namespacesMissing, type Host } from "../support/namespaces.ts";
import { logged } from "../support/node-log.ts";
import { NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

const HTTP_PORT = 7420;
const MESH_PORT = 7421;

/** Adds one node in a namespace of its own. */
async function addHost(
  fleet: ProcessFleet,
  host: Host,
  member: { readonly name: string; readonly region: string },
): Promise<NodeProcess> {
  return fleet.add(member, {
    meshPort: MESH_PORT,
    httpPort: HTTP_PORT,
    namespace: {
      name: host.namespace,
      address: host.address,
      socketPath: join(fleet.dir, `${member.name}.sock`),
    },
  });
}

async function startSides(
  fleet: ProcessFleet,
  cables: Cables,
  left: readonly string[],
  right: readonly string[],
): Promise<void> {
  for (const [side, names] of [
    ["left", left],
    ["right", right],
  ] as const) {
    for (const [index, name] of names.entries()) {
      await addHost(fleet, cables.host(side), { name, region: index % 2 === 0 ? "eu" : "us" });
    }
  }
  await fleet.allSee([...left, ...right], "up", 15_000);
}

describe("a partition between network namespaces", () => {
  beforeAll(() => {
    const missing = namespacesMissing();
    if (missing !== undefined) throw new Error(missing);
  });

  test("VE2, P1, P2, P9 of five nodes cut three to two, the three say down, the two unknown, and what both wrote merges", async () => {
    using cables = new Cables();
    await using fleet = new ProcessFleet();
    const [left, right] = [
      ["a1", "a2", "a3"],
      ["b1", "b2"],
    ];
    await startSides(fleet, cables, left, right);
    await fleet.node("a1").beat("bot");
    await fleet.node("b1").beat("other");

    cables.cut();
    await waitFor("the three to say down and the two unknown", 10_000, async () => {
      for (const at of left)
        for (const of of right) if ((await fleet.node(at).peerStatus(of)) !== "down") return false;
      for (const at of right)
        for (const of of left)
          if ((await fleet.node(at).peerStatus(of)) !== "unknown") return false;
      return true;
    });
    expect((await fleet.node("a2").patch("bot", { left: 1 })).status).toBe(200);
    expect((await fleet.node("b2").patch("bot", { right: 2 })).status).toBe(200);
    expect((await fleet.node("b1").beat("born-in-the-cut")).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    for (const at of right)
      for (const of of left)
        expect([at, of, await fleet.node(at).peerStatus(of)]).toEqual([at, of, "unknown"]);

    cables.heal();
    const names = [...left, ...right];
    await waitFor(
      "one view on all five",
      10_000,
      async () => new Set(await fleet.hashes(names)).size === 1,
    );
    await fleet.allSee(names, "up", 10_000);
    for (const name of names) {
      expect([name, (await fleet.node(name).json("/api/v1/robots/bot"))["state"]]).toEqual([
        name,
        { left: 1, right: 2 },
      ]);
      // Its record has come with the chains; its life comes with the next pulse of its home.
      await waitFor(`${name} to hear of the robot born in the cut`, 3_000, async () => {
        return (await fleet.node(name).get("/status/born-in-the-cut")).status === 200;
      });
    }
  });

  test("VE2, P2 of four nodes cut two to two nobody says down", async () => {
    using cables = new Cables();
    await using fleet = new ProcessFleet();
    const [left, right] = [
      ["a1", "a2"],
      ["b1", "b2"],
    ];
    await startSides(fleet, cables, left, right);
    cables.cut();
    await waitFor("both sides to say unknown", 10_000, async () => {
      for (const [here, there] of [
        [left, right],
        [right, left],
      ] as const) {
        for (const at of here)
          for (const of of there)
            if ((await fleet.node(at).peerStatus(of)) !== "unknown") return false;
      }
      return true;
    });
    for (let second = 0; second < 8; second += 1) {
      for (const at of [...left, ...right]) {
        for (const of of [...left, ...right]) {
          if (at !== of)
            expect([at, of, await fleet.node(at).peerStatus(of)]).not.toEqual([at, of, "down"]);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    cables.heal();
    await fleet.allSee([...left, ...right], "up", 10_000);
  });

  test("VE0, P2, PU7 of four nodes two that cannot reach each other are heard by way of the others, and nobody is in doubt of anybody", async () => {
    using cables = new Cables();
    await using fleet = new ProcessFleet();
    const names = ["a1", "a2", "b1", "b2"];
    const hosts = names.map((name) => cables.host(name.startsWith("a") ? "left" : "right"));
    for (const [index, name] of names.entries())
      await addHost(fleet, hosts[index] as Host, { name, region: index % 2 === 0 ? "eu" : "us" });
    await fleet.allSee(names, "up", 15_000);
    const startMs = Date.now();
    cables.blackholeBetween(hosts[1] as Host, hosts[3] as Host);
    expect((await fleet.node("a2").beat("bot")).status).toBe(200);
    // Four times as long as silence may last.
    await new Promise((resolve) => setTimeout(resolve, 13_000));
    await fleet.allSee(names, "up", 5_000);
    expect((await fleet.node("b2").get("/status/bot")).status).toBe(200);
    for (const name of names) {
      const changes = logged(fleet.node(name), "node-status", {}, startMs)
        .map(({ fields }) => fields)
        .filter(({ to, reason }) => to !== "up" && reason !== "stalled");
      expect([name, changes]).toEqual([name, []]);
    }
  });
});
