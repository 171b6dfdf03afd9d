/** The files by which others run us are valid for the programs that read them, as far as those run without an engine or a cluster. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type ComposeFile, composeConfig } from "../support/docker-compose.ts";
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
  const nodes = Object.entries(services).filter(([, { build }]) => build !== undefined);
  const robots = Object.entries(services).filter(([, { build }]) => build === undefined);
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
