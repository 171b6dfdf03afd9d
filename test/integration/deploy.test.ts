/** The files by which others run us are valid for the programs that read them, as far as those run without an engine or a cluster. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type ComposeFile, composeConfig, nodesOf, oneShotsOf } from "../support/docker-compose.ts";
import { root } from "../tool.ts";

const composeText = readFileSync(join(root, "docker-compose.yml"), "utf8");

function composed(text: string): ComposeFile {
  const result = composeConfig(text);
  if ("error" in result) throw new Error(result.error);
  return result.file;
}

const compose = composed(composeText);

test("DP6 docker-compose 1.29 takes the compose file, with its version and, as newer ones want it, without", () => {
  const current = composed(composeText.replace(/^version:.*\n/m, ""));
  expect({ ...current, version: "" }).toEqual({ ...compose, version: "" });
  expect(composeConfig(composeText.replace("read_only:", "readonly:"))).toMatchObject({
    error: expect.stringContaining("readonly"),
  });
});

test("DP6 the compose file has two regions with two nodes each, one more, a robot a region, and no way in from outside", () => {
  const { services, volumes, networks } = compose;
  const [nodeNames, oneShots] = [nodesOf(compose), oneShotsOf(compose)];
  const nodes = Object.entries(services).filter(([name]) => nodeNames.includes(name));
  const robots = Object.entries(services).filter(
    ([name]) => ![...nodeNames, ...oneShots].includes(name),
  );
  const regions = nodes.map(([, { environment }]) => environment?.["PULSEMESH_REGION"]);
  expect(regions).toEqual(["eu", "eu", "us", "us", "third"]);
  expect(robots.map(([, each]) => each.network_mode)).toEqual(["service:eu-1", "service:us-1"]);
  for (const [name, node] of nodes) {
    expect(node).toMatchObject({ read_only: true, cap_drop: ["ALL"] });
    expect(node.volumes).toContain(`${name}:/data:rw`);
    expect(node.environment?.["PULSEMESH_NAME"]).toBe(name);
    expect(Object.keys(node.networks ?? {})).toContain("wan");
  }
  expect(Object.keys(volumes)).toEqual(expect.arrayContaining(nodes.map(([name]) => name)));
  expect(Object.keys(networks).toSorted()).toEqual(["eu", "us", "wan"]);
  expect(composeText).not.toMatch(/^\s+ports:|insecure/im);
});

test("DP6 ME7 one service makes the authority before the first node starts, another an invite for each of the others, and no node has the root's keys", () => {
  const { services } = compose;
  expect(oneShotsOf(compose)).toEqual(["fleet", "invites"]);
  expect(services["fleet"]).toMatchObject({ network_mode: "none", read_only: true });
  expect(services["fleet"]?.volumes).toEqual(["eu-1:/data:rw", "root:/root-keys:rw"]);
  expect(services["invites"]).toMatchObject({ network_mode: "service:eu-1", read_only: true });
  expect(services["eu-1"]?.depends_on).toEqual({
    fleet: { condition: "service_completed_successfully" },
  });
  const [first, ...others] = nodesOf(compose);
  expect(first).toBe("eu-1");
  for (const name of others) {
    const { environment, volumes } = services[name] ?? {};
    expect(environment?.["PULSEMESH_JOIN_FILE"]).toBe(`/join/${name}`);
    expect(volumes).toEqual([`${name}:/data:rw`, "join:/join:ro"]);
  }
});

test("DP1 a folder with something else in it is not installed into, and keeps what it has", () => {
  const folder = mkdtempSync(join(tmpdir(), "pulsemesh-deploy-"));
  try {
    for (const part of ["bin", "src", "dist"]) mkdirSync(join(folder, part));
    const install = (): unknown => {
      const { status, stderr } = spawnSync(join(root, "deploy/install.sh"), [folder], {
        encoding: "utf8",
      });
      return [status, stderr];
    };
    const refused = [2, expect.stringContaining("it holds something else")];
    // A workspace in which somebody has built.
    writeFileSync(join(folder, "dist", "main.js"), "");
    expect(install()).toEqual(refused);
    // As /usr/local looks.
    for (const part of ["src", "dist"]) rmSync(join(folder, part), { recursive: true });
    expect(install()).toEqual(refused);
    expect(readdirSync(folder)).toEqual(["bin"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A checkout of what the script looks at, with an npm that makes files of nothing but who ran it and where it is at home. */
function makeCheckout(folder: string): void {
  const files: Readonly<Record<string, string>> = {
    "packages/cli/package.json": "{}",
    "packages/cli/bin/pulsemesh.js": "",
    "package.json": "{}",
    "package-lock.json": "{}",
    ".npmrc": "",
    LICENSE: "",
    "npm/npm": `#!/bin/sh
out=\${PULSEMESH_BUILD_DIR:-node_modules/classic-level}
case $1 in ci) out=node_modules/classic-level;; esac
mkdir -p "$out" && printf '%s %s' "$(id -u)" "$HOME" > "$out/main.js"
`,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text, { mode: 0o755 });
  }
  mkdirSync(join(folder, "deploy"));
  copyFileSync(join(root, "deploy/install.sh"), join(folder, "deploy/install.sh"));
}

test.runIf(process.getuid?.() === 0).each([0, 12_345])(
  "DP1 where root installs, programs of the checkout run as its owner (%i), and what is installed is root's",
  (owner) => {
    const folder = mkdtempSync(join(tmpdir(), "pulsemesh-install-"));
    try {
      chmodSync(folder, 0o755);
      const checkout = join(folder, "checkout");
      const [npm, home] = [join(checkout, "npm"), "/root-at-home"];
      makeCheckout(checkout);
      execFileSync("chown", ["-R", `${owner}:${owner}`, checkout]);
      const env = { ...process.env, PATH: `${npm}:${process.env["PATH"]}`, HOME: home };
      const to = join(folder, "installed");
      execFileSync(join(checkout, "deploy/install.sh"), [to], { env, stdio: "pipe" });
      for (const file of ["dist/main.js", "node_modules/classic-level/main.js"]) {
        const [by, homeThere] = readFileSync(join(to, file), "utf8").split(" ");
        expect([file, by]).toEqual([file, String(owner)]);
        // A user who is in no list has none.
        expect(homeThere === home).toBe(owner === 0);
      }
      const names = readdirSync(to, { recursive: true, encoding: "utf8" });
      expect(names).toEqual(
        expect.arrayContaining(["LICENSE", "bin/pulsemesh.js", "package.json"]),
      );
      for (const name of ["", ...names]) expect(statSync(join(to, name)).uid).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
