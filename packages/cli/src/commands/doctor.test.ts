import type { PeersJson, PulsemeshClient } from "@pulsemesh/client";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { checkDataFolder, checkDisk, checkNodeVersion } from "./doctor-machine.ts";
import { checkClock, checkNode, checkPeers } from "./doctor-mesh.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pulsemesh-doctor-"));
  await chmod(folder, 0o700);
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await rm(folder, { recursive: true, force: true });
});

function clientWith(peers: () => Promise<PeersJson>): PulsemeshClient {
  return { peers } as unknown as PulsemeshClient;
}

function peersJson(
  inSight: number,
  statuses: readonly string[],
  address = "/ip4/192.0.2.1/tcp/7421",
): PeersJson {
  return {
    fleet: "f".repeat(52),
    self: { id: "12D3", name: "a", region: "eu", addresses: [address], boot: 1 },
    peers: statuses.map((status, i) => ({
      name: `n${i}`,
      status,
      reason: null,
      addresses: ["/x"],
    })),
    view: { roster: statuses.length + 1, in_sight: inSight, unreachable: [], document_hash: "0" },
  } as unknown as PeersJson;
}

test("CLI18 a private data folder is ok, an open one and an open key fail with the chmod to type", async () => {
  expect(await checkDataFolder(folder)).toMatchObject([{ result: "ok" }]);
  await writeFile(join(folder, "node.key"), "secret", { mode: 0o640 });
  await chmod(join(folder, "node.key"), 0o640);
  await chmod(folder, 0o755);
  expect(await checkDataFolder(folder)).toMatchObject([
    { result: "fail", next: `chmod go= ${folder}` },
    { result: "fail", next: `chmod go= ${join(folder, "node.key")}` },
  ]);
  expect(await checkDataFolder(join(folder, "none"))).toMatchObject([{ result: "ok" }]);
  expect(await checkDataFolder(join(folder, "node.key"))).toMatchObject([{ result: "fail" }]);
});

test("BK5 CLI18 what a restore has left that was broken off is named, with the line to type, also where there is no data", async () => {
  for (const data of [folder, join(folder, "none")]) {
    const left = `${data}.restore-4194399-12ab34cd`;
    await mkdir(left);
    await writeFile(join(left, "node.key"), "secret");
    expect(await checkDataFolder(data)).toMatchObject([
      { result: "ok" },
      { result: "warn", next: `unless one runs: rm -r ${left}` },
    ]);
    await rm(left, { recursive: true });
  }
});

test("CLI18 disk space is read where the folder is, or will be", async () => {
  await mkdir(join(folder, "a"));
  const [there] = await checkDisk(join(folder, "a"));
  const [later] = await checkDisk(join(folder, "a", "b", "c"));
  expect(later?.detail.split(" at ")[1]).toBe(there?.detail.split(" at ")[1]);
});

test.each([
  ["26.10.0", "ok"],
  ["24.1.0", "warn"],
  ["20.0.0", "fail"],
])("CLI18 Node %s is %s", (version, result) => {
  expect(checkNodeVersion(version).result).toBe(result);
});

test("BK1 CLI18 a node that runs twice fails, with what to stop", async () => {
  const healthy = peersJson(1, []);
  const twice = { ...healthy, self: { ...healthy.self, twin: { boot: 7, seq: 1 } } };
  const findings = await checkNode(
    clientWith(async () => twice),
    "http://x",
  );
  expect(findings.find(({ check }) => check === "twin")).toMatchObject({
    result: "fail",
    detail: expect.stringContaining("boot 7"),
    next: expect.stringContaining("stop one of the two"),
  });
});

test("CLI18 a node that is not there fails and says how to start one; nothing else is asked of it", async () => {
  const gone = clientWith(async () => Promise.reject(new Error("Cannot reach a node.")));
  expect(await checkNode(gone, "http://x")).toMatchObject([
    { check: "node", result: "fail", next: expect.stringContaining("pulsemesh run") },
  ]);
  expect(await checkPeers(gone)).toEqual([]);
});

test("CLI44 a node that still waits for its fleet is a warning that says where to look", async () => {
  const notReady = Object.assign(new Error("Not ready."), { code: "not-ready" });
  const waiting = clientWith(async () => Promise.reject(notReady));
  expect(await checkNode(waiting, "http://x")).toMatchObject([
    { check: "node", result: "warn", next: expect.stringContaining("see its log") },
  ]);
});

test("CLI18 a node that only this machine can reach is a warning with the flag to give", async () => {
  const local = clientWith(async () => peersJson(1, [], "/ip4/127.0.0.1/tcp/7421"));
  expect((await checkNode(local, "http://x"))[1]).toMatchObject({
    result: "warn",
    next: expect.stringContaining("--listen"),
  });
  const open = clientWith(async () => peersJson(1, []));
  expect((await checkNode(open, "http://x"))[1]).toMatchObject({ result: "ok" });
});

test("CLI18 no majority in sight fails, each missing peer is a warning with its address", async () => {
  const some = await checkPeers(clientWith(async () => peersJson(2, ["up", "down"])));
  expect(some.map(({ check, result }) => [check, result])).toEqual([
    ["roster", "ok"],
    ["peer", "warn"],
  ]);
  const few = await checkPeers(clientWith(async () => peersJson(2, ["up", "unknown", "unknown"])));
  expect(few[0]).toMatchObject({ result: "fail", detail: expect.stringContaining("2 of 4") });
});

test("CLI18 without a majority, members that were silent for long are named, as they count until they are retired", async () => {
  const few = peersJson(1, ["unknown", "unknown"]);
  const ages = [120_000, 7_200_000];
  const peers = few.peers.map((peer, i) => ({ ...peer, last_pulse_age_ms: ages[i] ?? null }));
  const [roster] = await checkPeers(clientWith(async () => ({ ...few, peers })));
  expect(roster?.next).toContain("n1 were not heard for over an hour");
  expect(roster?.next).toContain("pulsemesh node retire");
  const lively = few.peers.map((peer) => ({ ...peer, last_pulse_age_ms: 120_000 }));
  const [other] = await checkPeers(clientWith(async () => ({ ...few, peers: lively })));
  expect(other?.next).toBe("check the network between this machine and the nodes below");
});

test("CLI18 a clock more than 5 s from the node's is a warning", async () => {
  const answerAt = (ms: number): void =>
    void vi.stubGlobal(
      "fetch",
      async () => new Response("ok", { headers: { date: new Date(ms).toUTCString() } }),
    );
  answerAt(Date.now());
  expect(await checkClock("http://x")).toMatchObject({ result: "ok" });
  answerAt(Date.now() - 60_000);
  expect(await checkClock("http://x")).toMatchObject({ result: "warn" });
});

test("CLI18 VE9 a member that may be offline is no finding while it is away, and nobody is told to retire it", async () => {
  const away = peersJson(3, ["up", "up", "unknown"]);
  const peers = away.peers.map((peer) =>
    peer.status === "unknown"
      ? { ...peer, reason: "offline-allowed", last_pulse_age_ms: 9 * 86_400_000 }
      : peer,
  );
  const found = await checkPeers(clientWith(async () => ({ ...away, peers })));
  expect(found.map(({ check, result }) => `${check} ${result}`)).toEqual(["roster ok", "peer ok"]);
  const few = { ...away, peers, view: { ...away.view, in_sight: 1 } };
  const [roster] = await checkPeers(clientWith(async () => few));
  expect(roster?.next).toContain("keep a majority of nodes that are always on");
  expect(roster?.next).not.toContain("retire");
});
