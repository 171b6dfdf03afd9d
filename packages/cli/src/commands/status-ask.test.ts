import { afterEach, expect, test, vi } from "vitest";
import { fakeFetch, run } from "../command-line.test-support.ts";

const SINCE = "2027-01-15T08:00:00.000Z";
const robot = {
  robot_id: "bot",
  status: "up",
  since: SINCE,
  reason: null,
  health: "ok",
  last_check: SINCE,
  age_ms: 900,
  node: "beta",
  node_id: "B",
  region: "us",
  labels: {},
  floating: false,
  schedule: null,
  regularity: null,
  version: "1",
  witnesses: { up: 0, late: 0, down: 0, unknown: 3, of: 3 },
  state: {},
};

let urls: string[] = [];

function fakeNode(asked: readonly object[]): void {
  urls = [];
  const { fetch } = fakeFetch(({ url }) => {
    const { pathname, search } = new URL(url);
    urls.push(pathname + search);
    return Response.json(search === "" ? robot : { ...robot, asked });
  });
  vi.stubGlobal("fetch", fetch);
}

afterEach(() => {
  vi.unstubAllGlobals();
});

test.each([
  [[], "nobody: the node hears the home itself"],
  [
    [{ node: "beta", node_id: "B", outcome: "answered", waited_ms: 42 }],
    "beta, answered after 42ms",
  ],
  [[{ node: null, node_id: "B", outcome: "silent", waited_ms: 4_000 }], "B, no answer in 4s"],
  [
    [{ node: "beta", node_id: "B", outcome: "busy", waited_ms: 0 }],
    "nobody: too many are being asked, beta was not",
  ],
])("CLI51 PU9 `status ROBOT --ask` says whom the node asked: %j", async (asked, words) => {
  fakeNode(asked);
  const { out } = await run("status bot --ask");
  expect(out).toContain(`  asked      ${words}\n`);
  expect(urls).toEqual(["/api/v1/robots/bot?ask=1"]);
  expect(JSON.parse((await run("status bot --ask --json")).out)).toEqual({ ...robot, asked });
});

test("CLI51 without --ask nobody is asked, and nothing is said of it", async () => {
  fakeNode([]);
  expect((await run("status bot")).out).not.toContain("asked");
  expect(urls).toEqual(["/api/v1/robots/bot"]);
});

test.each(["status --ask", "status bot --ask -w"])(
  "CLI51 `%s` is refused before anybody is asked",
  async (args) => {
    fakeNode([]);
    const { code, err } = await run(args);
    expect([code, urls]).toEqual([2, []]);
    expect(err).toContain("pulsemesh status ROBOT --ask");
  },
);
