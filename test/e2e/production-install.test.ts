/** The image, built by the steps of the Dockerfile and run as it says: first process, no root, nothing to write on but its volumes. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { isSent } from "../support/docker-context.ts";
import { last, readDockerfile } from "../support/dockerfile.ts";
import { Image, type ImageRun } from "../support/image.ts";
import { until } from "../support/until.ts";
import { root } from "../tool.ts";

const MEBIBYTE = 1_048_576;

let image: Image;
beforeAll(() => {
  image = new Image();
  return () => image[Symbol.dispose]();
}, 120_000);

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

async function untilReady(run: ImageRun): Promise<void> {
  await until(
    `the node is ready:\n${run.output()}`,
    () => run.output().includes("address  /"),
    60_000,
  );
}

describe("the image", () => {
  test("DP1 DP5 holds a bundle and the store's native code, and none of the sources, tests and tools", () => {
    const app = join(image.rootDir, "app");
    expect(readdirSync(app).toSorted()).toEqual([
      "LICENSE",
      "bin",
      "dist",
      "node_modules",
      "package.json",
    ]);
    const modules = readdirSync(join(app, "node_modules"));
    expect(modules).toContain("classic-level");
    expect(
      modules.filter((name) => /vitest|typescript|libp2p|fastify|node-linux/.test(name)),
    ).toEqual([]);
    const size = sizeOf(app);
    console.log(`the image adds ${(size / MEBIBYTE).toFixed(1)} MiB to its base`);
    expect(size).toBeLessThan(20 * MEBIBYTE);
  });

  test("DP1 DP5 P5 runs as the first process without root, on a root file system that nobody can write, and keeps what it acknowledged", async () => {
    const data = image.volume("data", "/data");
    const first = await image.run({ "/data": data });
    await using _first = first;
    await untilReady(first);
    expect(first.exec(["cat", "/proc/1/cmdline"]).out.split("\0")).toEqual(
      expect.arrayContaining(["/app/bin/pulsemesh.js", "run", "--max-semi-space-size=4"]),
    );
    const status = first.exec(["cat", "/proc/1/status"]).out;
    const [uid] = (last(image.stage, "USER") ?? "").split(":");
    expect(Number(uid)).toBeGreaterThan(0);
    expect(status).toMatch(new RegExp(`^Uid:(?:\\s+${uid}){4}$`, "m"));
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    expect(first.exec(image.healthcheck)).toEqual({ status: 0, out: "" });
    // On both families, so that a cluster of either reaches it.
    const probe = `fetch("http://[::1]:7422/livez").then(async (a) => console.log(await a.text()))`;
    expect(first.exec(["node", "-e", probe]).out.trim()).toBe("ok");
    for (const family of ["tcp", "tcp6"]) {
      const meshPort = /^ *\d+: 0+:1CFD /m;
      expect(first.exec(["cat", `/proc/net/${family}`]).out).toMatch(meshPort);
    }
    for (const place of ["/app/x", "/tmp/x", "/etc/x", "/join/x"]) {
      expect(first.exec(["touch", place], "0:0").out).toContain("Read-only file system");
    }
    const rssKib = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
    console.log(`the node takes ${Math.round(rssKib / 1_024)} MB right after its start`);

    expect(first.exec(["pulsemesh", "ping", "bot", "--create"])).toEqual({
      status: 0,
      out: "OK\n",
    });
    const before = first.exec(["pulsemesh", "peers", "--json"]).out;
    const end = await first.stop();
    expect(end.code).toBe(0);
    expect(end.tookMs).toBeLessThan(2_000);

    const more = { PULSEMESH_LOG_FORMAT: "pretty", PULSEMESH_SOCKET: "/data/http.sock" };
    const second = await image.run({ "/data": data }, { env: more });
    await using _second = second;
    await untilReady(second);
    // What only some commands load is in the bundle as well.
    for (const command of ["status", "peers", "audit verify", "state get bot", "status --json"]) {
      const words = ["pulsemesh", ...command.split(" "), "--url", "unix:/data/http.sock"];
      expect(second.exec(words)).toMatchObject({ status: 0 });
    }
    for (const path of ["metrics", "openapi.json"]) {
      const print = `fetch("http://127.0.0.1:7420/${path}").then(async (a) => console.log(await a.text()))`;
      expect(second.exec(["node", "-e", print]).out).toContain("pulsemesh");
    }
    const { self } = JSON.parse(second.exec(["pulsemesh", "peers", "--json"]).out);
    expect(self.id).toBe(JSON.parse(before).self.id);
    expect(second.exec(["pulsemesh", "status", "bot", "--json"]).out).toContain('"robot_id":"bot"');
    expect((await second.stop()).code).toBe(0);
  });
});

test("DP5 the build gets sources and manifests, and nothing that is large, private or built", () => {
  const rules = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
  const sent = [
    ".npmrc",
    "package.json",
    "packages/cli/src/main.ts",
    "packages/cli/bin/pulsemesh.js",
  ];
  const kept = [
    ".git/config",
    "node_modules/level/index.js",
    "packages/cli/node_modules/x/index.js",
    "packages/cli/dist/main.js",
    "packages/core/src/core.test.ts",
    "test/run.ts",
    "deploy/k8s/seed.yaml",
    ".env",
    "packages/cli/.env.local",
  ];
  expect(sent.filter((path) => !isSent(path, rules))).toEqual([]);
  expect(kept.filter((path) => isSent(path, rules))).toEqual([]);
});

test("DP5 every workspace's manifest is copied before its sources, so that npm ci finds them all", () => {
  const [build] = readDockerfile(readFileSync(join(root, "Dockerfile"), "utf8"));
  const copied = build?.instructions.filter(({ name }) => name === "COPY").map(({ text }) => text);
  const manifests = readdirSync(join(root, "packages")).map(
    (name) => `packages/${name}/package.json packages/${name}/`,
  );
  expect(copied).toEqual(expect.arrayContaining(manifests));
});
