import { chmod, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  closePermissions,
  makeReplicaStale,
  makeSampleFolders,
  openPermissions,
  plantSecret,
  refreshReplica,
  removeSecret,
} from "../sample-folders.ts";
import { meshReporter, type MeshReporter } from "./mesh-reporter.ts";
import { permissionCheckRound, violationsShownMax } from "./permission-check.ts";
import { replicaFreshnessRound } from "./replica-freshness.ts";
import { runRobotLoop } from "./robot-loop.ts";
import {
  findingsShownMax,
  scanForSecrets,
  scannedFileBytesMax,
  secretScannerRound,
  secretsIn,
} from "./secret-scanner.ts";
import { walkEntriesMax, walkFolder } from "./walk-folder.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pulsemesh-robots-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const silent: MeshReporter = {
  beat: async () => {},
  patchState: async () => {},
  report: async () => {},
};

describe("secret scanner", () => {
  // Put together from parts, so that no scanner finds them here.
  const secrets = {
    "aws-access-key": ["AKIA", "IOSFODNN7EXAMPLE"].join(""),
    "private-key": ["-----BEGIN RSA", "PRIVATE KEY-----"].join(" "),
    "github-token": ["ghp", "a".repeat(36)].join("_"),
    "slack-token": ["xoxb", "1234567890", "abc"].join("-"),
    "assigned-secret": ['api_key = "', "0123456789abcdef", '"'].join(""),
  };

  test.each(Object.entries(secrets))("CLI14 finds %s with its line", (rule, secret) => {
    expect(secretsIn(`one\ntwo ${secret}\nthree`)).toEqual([{ line: 2, rule }]);
  });

  test.each([
    'token = "$TOKEN"',
    "password: ''",
    "AKIA",
    "-----BEGIN PUBLIC KEY-----",
    "secret = read()",
  ])("CLI14 leaves %j alone", (line) => {
    expect(secretsIn(line)).toEqual([]);
  });

  test("CLI14 a planted secret makes it failing, with file, line and rule but never the secret", async () => {
    const folders = await makeSampleFolders(folder, 0);
    const patches: unknown[] = [];
    const mesh = { ...silent, patchState: async (patch: object) => void patches.push(patch) };
    expect((await secretScannerRound(folders.source, mesh)).health).toBe("ok");
    await plantSecret(folders);
    const report = await secretScannerRound(folders.source, mesh);
    expect(patches).toEqual([{ status: "scanning" }, { status: "scanning" }]);
    expect(report).toMatchObject({
      health: "failing",
      state: {
        status: "idle",
        findings: [{ file: "backup.env", line: 2, rule: "aws-access-key" }],
      },
    });
    expect(JSON.stringify(report)).not.toContain("AKIA");
    await removeSecret(folders);
    expect((await secretScannerRound(folders.source, silent)).health).toBe("ok");
  });

  test("CLI14 files over scannedFileBytesMax and binary ones are skipped, findings cut at findingsShownMax", async () => {
    await writeFile(join(folder, "big"), secrets["aws-access-key"]);
    await truncate(join(folder, "big"), scannedFileBytesMax + 1);
    await writeFile(join(folder, "binary"), `\0${secrets["aws-access-key"]}`);
    await writeFile(
      join(folder, "many"),
      `${secrets["aws-access-key"]}\n`.repeat(findingsShownMax + 5),
    );
    expect(await scanForSecrets(folder)).toMatchObject({ files: 1, skipped: 2 });
    const { state } = await secretScannerRound(folder, silent);
    expect(state["found"]).toBe(findingsShownMax + 5);
    expect(state["findings"]).toHaveLength(findingsShownMax);
  });
});

describe("permission check", () => {
  test("CLI14 chmod 777 makes it failing and is named with its mode", async () => {
    const folders = await makeSampleFolders(folder, 0);
    expect((await permissionCheckRound(folders.release)).health).toBe("ok");
    await openPermissions(folders);
    expect(await permissionCheckRound(folders.release)).toMatchObject({
      health: "failing",
      state: { status: "violated", violations: [{ file: "app.js", mode: "0777" }] },
    });
    await closePermissions(folders);
    expect((await permissionCheckRound(folders.release)).health).toBe("ok");
  });

  test("CLI14 folders count, sticky ones and links do not, violationsShownMax are listed", async () => {
    await mkdir(join(folder, "open"));
    await chmod(join(folder, "open"), 0o777);
    await mkdir(join(folder, "sticky"));
    await chmod(join(folder, "sticky"), 0o1777);
    await symlink("/nowhere", join(folder, "link"));
    const one = await permissionCheckRound(folder);
    expect(one.state["violations"]).toEqual([{ file: "open", mode: "0777" }]);
    for (let i = 0; i < violationsShownMax + 3; i++) {
      await writeFile(join(folder, `f${i}`), "");
      await chmod(join(folder, `f${i}`), 0o666);
    }
    const many = await permissionCheckRound(folder);
    expect(many.state["found"]).toBe(violationsShownMax + 4);
    expect(many.state["violations"]).toHaveLength(violationsShownMax);
  });
});

describe("replica freshness", () => {
  test("CLI14 a stale replica is degraded with its lag, a fresh one ok again", async () => {
    const folders = await makeSampleFolders(folder, 0);
    const round = () => replicaFreshnessRound(folders.primary, folders.replica);
    expect(await round()).toMatchObject({
      health: "ok",
      state: { status: "fresh", lag_seconds: 0 },
    });
    await makeReplicaStale(folders, Date.UTC(2026, 0, 1));
    expect(await round()).toMatchObject({
      health: "degraded",
      state: { status: "stale", lag_seconds: 3_600, differing: ["orders.csv"], corrupt: [] },
    });
    await refreshReplica(folders);
    expect((await round()).health).toBe("ok");
  });

  test("CLI14 wrong bytes, a missing file and a missing manifest are failing", async () => {
    const folders = await makeSampleFolders(folder, 0);
    const round = () => replicaFreshnessRound(folders.primary, folders.replica);
    await writeFile(join(folders.replica, "orders.csv"), "rot");
    expect(await round()).toMatchObject({ health: "failing", state: { corrupt: ["orders.csv"] } });
    await rm(join(folders.replica, "orders.csv"));
    expect((await round()).health).toBe("failing");
    await rm(join(folders.replica, "manifest.json"));
    expect(await round()).toMatchObject({ health: "failing", state: { status: "no-manifest" } });
  });
});

test("CLI14 walkFolder is sorted and stops at walkEntriesMax", async () => {
  await mkdir(join(folder, "b"));
  await writeFile(join(folder, "b", "c"), "");
  await writeFile(join(folder, "a"), "");
  const all = await walkFolder(folder);
  expect(all.entries.map(({ path, kind }) => [path, kind])).toEqual([
    ["a", "file"],
    ["b", "folder"],
    ["b/c", "file"],
  ]);
  expect(all.cutShort).toBe(false);
  expect((await walkFolder(folder, 2)).cutShort).toBe(true);
  expect(walkEntriesMax).toBe(10_000);
});

describe("the way to the mesh", () => {
  interface Sent {
    readonly url: string;
    readonly method: string | undefined;
    readonly body: unknown;
  }

  function recorder(status = 200): { readonly sent: Sent[]; readonly mesh: MeshReporter } {
    const sent: Sent[] = [];
    const mesh = meshReporter("http://node", "bot", async (url, { method, body }) => {
      sent.push({ url, method, body });
      return new Response("OK", { status });
    });
    return { sent, mesh };
  }

  test("CLI14 state goes first, then the sign of life that says how it is", async () => {
    const { sent, mesh } = recorder();
    await mesh.beat();
    for (const health of ["ok", "degraded", "failing"] as const) {
      await mesh.report({ health, summary: health, state: { n: 1 } });
    }
    expect(sent.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["POST", "http://node/heartbeat/bot", ""],
      ["PATCH", "http://node/api/v1/robots/bot/state", '{"n":1}'],
      ["POST", "http://node/ping/bot", "ok"],
      ["PATCH", "http://node/api/v1/robots/bot/state", '{"n":1}'],
      ["POST", "http://node/ping/bot?health=degraded", "degraded"],
      ["PATCH", "http://node/api/v1/robots/bot/state", '{"n":1}'],
      ["POST", "http://node/ping/bot/fail", "failing"],
    ]);
  });

  test("CLI14 a robot goes on when its node is gone, and says so once", async () => {
    const stop = new AbortController();
    const said: string[] = [];
    let round = 0;
    const mesh: MeshReporter = {
      ...silent,
      report: async () => {
        if (round >= 2 && round <= 4) throw new Error("refused");
      },
    };
    const rounds = async () => ({ health: "ok", summary: "", state: {} }) as const;
    await runRobotLoop(mesh, rounds, {
      everyMs: 1_000,
      signal: stop.signal,
      say: (line) => void said.push(line),
      wait: async () => {
        if (++round === 6) stop.abort();
      },
    });
    expect(said).toEqual([expect.stringContaining("refused"), "the node answers again"]);
  });

  test("CLI14 an answer other than 2xx is an error that names the call", async () => {
    await expect(recorder(404).mesh.beat()).rejects.toThrow("POST /heartbeat/bot was answered 404");
  });
});
