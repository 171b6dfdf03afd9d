import { afterEach, expect, test, vi } from "vitest";
import { createClient } from "@pulsemesh/client";
import { OLDER_NODE_ANSWERS } from "@pulsemesh/testkit";
import { fakeFetch, run } from "./command-line.test-support.ts";
import { checkPeers } from "./commands/doctor-mesh.ts";

const answer = ({ url }: { readonly url: string }): Response =>
  Response.json(OLDER_NODE_ANSWERS[new URL(url).pathname]);

afterEach(() => {
  vi.unstubAllGlobals();
});

test.each(["peers", "status", "status bot", "robot list"])(
  "HT22 UP1 `%s` shows what a node of an earlier release says, and makes up nothing of what it leaves out",
  async (args) => {
    vi.stubGlobal("fetch", fakeFetch(answer).fetch);
    const { out, err } = await run(args);
    expect(out).toContain("beta");
    expect(out + err).not.toMatch(/undefined|NaN/);
  },
);

test("HT22 UP1 doctor reads the peers of a node of an earlier release", async () => {
  vi.stubGlobal("fetch", fakeFetch(answer).fetch);
  const findings = await checkPeers(createClient({ baseUrl: "http://127.0.0.1:7420" }));
  expect(findings.length).toBeGreaterThan(0);
  expect(JSON.stringify(findings)).not.toMatch(/undefined|NaN/);
});
