/** What commands make of answers that no node gave. */
import { afterEach, expect, test, vi } from "vitest";
import { fakeFetch, run } from "./command-line.test-support.ts";

function answerWith(json: unknown): void {
  vi.stubGlobal("fetch", fakeFetch(() => Response.json(json)).fetch);
}

afterEach(() => vi.unstubAllGlobals());

test.each([
  "peers",
  "status",
  "status bot",
  "state get bot",
  "state set bot a=1",
  "robot add bot --every 1m",
  "robot edit bot --every 1m",
  "robot list",
  "robot retire bot",
  "node retire n",
  "leave",
  "audit tail",
  "audit verify",
  "ping bot --no-spool --retry-for 0s",
])("CLI17 `%s` of something that is no node exits 3 and says what answered", async (args) => {
  answerWith([{ not: "a node" }]);
  const { code, out, err } = await run(args);
  expect([code, out]).toEqual([3, ""]);
  expect(err).toContain("http://127.0.0.1:7420 answered 200 in a way that no Pulsemesh node");
  expect(err).toMatch(/Next: Check that the address is that of a node's HTTP port/);
  expect(err).not.toMatch(/TypeError|undefined/);
});

test("CLI18 doctor says that something else answers, and why, once", async () => {
  answerWith({});
  const { code, out } = await run("doctor --data /nonexistent/pulsemesh");
  expect(code).toBe(1);
  const line = out.split("\n").find((each) => each.includes("fail  node"));
  expect(line).toMatch(/node {9}http:\/\/127\.0\.0\.1:7420 answered 200 .*'fleet' is not text/);
  expect(out).toContain("Next: something else answers there");
});
