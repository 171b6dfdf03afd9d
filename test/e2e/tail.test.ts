/** Heartbeat from logs: a log file as real programs treat it, a pipe, a node that goes away, and the mesh's word about the robot. */
import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CliProcess, runCli } from "../support/cli-process.ts";
import { FakeGateway } from "../support/fake-gateway.ts";
import { freePort } from "../support/free-port.ts";
import { type NodeProcess, ProcessFleet, waitFor } from "../support/node-process.ts";

const folder = mkdtempSync(join(tmpdir(), "pulsemesh-tail-"));
const fleet = new ProcessFleet();

afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Waits until the log is followed: a line written before might be taken for an old one. */
async function following(tail: CliProcess, what: string = "following"): Promise<void> {
  await tail.until(what, 20_000, () => tail.err.includes(what));
}

const beatsOf = ({ requests }: FakeGateway): readonly string[] =>
  requests.map(({ url, body }) =>
    `${url.replace("/ping/importer", "").replace(/\?.*/, "")} ${body}`.trim(),
  );

describe("pulsemesh tail", () => {
  test("TL1 TL2 TL3 follows a log through missing, half lines, rotation and truncation, and says fails with their lines", async () => {
    const log = join(folder, "app.log");
    await using gateway = await new FakeGateway().start();
    await using tail = new CliProcess([
      ..."tail importer --match done --fail-match ERROR --at-most 100ms --url".split(" "),
      gateway.url,
      "--file",
      log,
    ]);
    const taken = (count: number): Promise<void> =>
      tail.until(`${count} beats`, 20_000, () => gateway.requests.length === count);
    await following(tail, "there is no such file");
    writeFileSync(log, "noise\nbatch 1 do");
    await following(tail, "is there now");
    expect(gateway.requests).toEqual([]);
    appendFileSync(log, "ne\n");
    await taken(1);
    appendFileSync(log, "an ERROR \u001B[31m é\n");
    await taken(2);
    renameSync(log, `${log}.1`);
    writeFileSync(log, "batch 2 done\n");
    await taken(3);
    appendFileSync(`${log}.1`, "ERROR told to the old file\n");
    await taken(4);
    truncateSync(log);
    appendFileSync(log, "done\n");
    await taken(5);
    expect(beatsOf(gateway)).toEqual([
      "",
      "/fail an ERROR \u001B[31m é",
      "",
      "/fail ERROR told to the old file",
      "",
    ]);
    tail.kill("SIGTERM");
    const end = await tail.ended;
    expect([end.code, end.out]).toEqual([0, ""]);
  });

  test("TL3 a thousand lines are one beat at once and one later; the end of stdin ends its last line and the command", async () => {
    await using gateway = await new FakeGateway().start();
    const lines = Array.from({ length: 1_000 }, (_, n) => `request ${n} done`).join("\n");
    const stdin = `${lines}\nERROR 1\nERROR 2\nlast one done`;
    const args = "tail importer --create --stdin --match done --fail-match ERROR --url".split(" ");
    const end = await runCli([...args, gateway.url], { stdin });
    expect(end).toEqual({ code: 0, signal: null, out: "", err: "" });
    expect(beatsOf(gateway)).toEqual(["", "/fail ERROR 1\nERROR 2", ""]);
    expect(gateway.requests[0]?.url).toBe("/ping/importer?create=1");
  });

  test("TL4 Ctrl-C exits 130, also while the node is away, and what was seen is kept", async () => {
    const spool = join(folder, "spool");
    const at = ["--url", `http://127.0.0.1:${await freePort()}`];
    const log = join(folder, "late.log");
    writeFileSync(log, "done\n");
    await using tail = new CliProcess(
      ["tail", "importer", "--file", log, "--from-start", "--match", "done", ...at],
      { env: { PULSEMESH_SPOOL: spool } },
    );
    await tail.until("the first try", 20_000, () => tail.err.includes("it is kept"));
    appendFileSync(log, "done\n");
    tail.kill("SIGINT");
    expect((await tail.ended).code).toBe(130);
    const listed = await runCli(["spool", "list", "--json", "--spool", spool]);
    const kept = listed.out.trim().split("\n");
    expect(kept).toHaveLength(1);
    expect(JSON.parse(kept[0] ?? "")).toMatchObject({ robot_id: "importer", kind: "success" });
  });
});

describe("a log at a real node", () => {
  let node: NodeProcess;

  beforeAll(async () => {
    const args = ["--robot", "importer", "--every", "2s", "--missed", "2"];
    node = await fleet.add({ name: "alpha", region: "eu" }, { args });
  });

  test("TL1 CLI31 the robot lives as its log does; what it said while the node was away is told, and revives nothing", async () => {
    const log = join(folder, "real.log");
    writeFileSync(log, "");
    const robot = async (): Promise<string> => {
      const { status, health } = (await node.json("/api/v1/robots/importer")) as unknown as {
        readonly status: string;
        readonly health: string;
      };
      return `${status} ${health}`;
    };
    const until = (want: string): Promise<number> =>
      waitFor(`the robot to be ${want}`, 20_000, async () => (await robot()) === want);
    await using tail = new CliProcess(
      [
        ..."tail importer --match done --fail-match ERROR --at-most 100ms --retry-for 0s".split(
          " ",
        ),
        "--file",
        log,
        "--url",
        `http://127.0.0.1:${node.options.httpPort}`,
      ],
      { env: { PULSEMESH_SPOOL: join(folder, "real-spool") } },
    );
    // Written again and again, as nothing says when the file is open.
    await waitFor("the robot to be up", 20_000, async () => {
      appendFileSync(log, "done\n");
      return (await robot()) === "up ok";
    });
    appendFileSync(log, "ERROR disk full\n");
    await until("up failing");
    await node.end("SIGTERM");
    appendFileSync(log, "ERROR while nobody listened\n");
    await tail.until("the beat to be kept", 20_000, () => tail.err.includes("it is kept"));
    await node.start();
    await until("down failing");
    appendFileSync(log, "done\n");
    await until("up ok");
    const { entries } = (await node.json("/api/v1/audit?limit=1000")) as unknown as {
      readonly entries: readonly { readonly kind: string; readonly data: unknown }[];
    };
    const told = entries.filter(
      ({ kind, data }) => kind === "beat" && JSON.stringify(data).includes("nobody listened"),
    );
    expect(told.map(({ data }) => data)).toMatchObject([{ robot: "importer", spooled: true }]);
    tail.kill("SIGTERM");
    expect((await tail.ended).code).toBe(0);
    expect(tail.err).toContain("beats are taken again");
  });
});
