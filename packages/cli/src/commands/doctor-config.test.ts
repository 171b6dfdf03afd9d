import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkConfig } from "./doctor-config.ts";

let folder = "";
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "pulsemesh-doctor-config-"))));
afterEach(async () => await rm(folder, { recursive: true, force: true }));

async function found(text: string): ReturnType<typeof checkConfig> {
  const path = join(folder, "fleet.yaml");
  await writeFile(path, text);
  return await checkConfig(path, {});
}

test("CLI43 a good config file says where the node is to be found", async () => {
  expect(await checkConfig(undefined, {})).toEqual({ findings: [] });
  const good = await found(
    "node:\n  data: state\nhttp:\n  listen: 127.0.0.1:7000\nmesh:\n  listen:\n    - /ip6/::1/tcp/7001\n",
  );
  expect(good).toMatchObject({
    findings: [{ check: "config", result: "ok", detail: expect.stringContaining("is good") }],
    data: join(folder, "state"),
    listen: ["/ip6/::1/tcp/7001"],
    url: "http://127.0.0.1:7000",
  });
});

test("CLI43 each fault of a bad one fails with its line and what to write", async () => {
  const { findings, url } = await found("mesh:\n  lisen: /ip4/0.0.0.0/tcp/7421\n");
  expect(findings).toMatchObject([
    { result: "fail", detail: expect.stringMatching(/fleet\.yaml:2:3: .*lisen/) },
  ]);
  expect(url).toBeUndefined();
});
