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

function fakeNode(asked: readonly object[], said: object = {}): void {
  urls = [];
  const { fetch } = fakeFetch(({ url }) => {
    const { pathname, search } = new URL(url);
    urls.push(pathname + search);
    return Response.json(search === "" ? robot : { ...robot, asked, ...said });
  });
  vi.stubGlobal("fetch", fetch);
}

afterEach(() => {
  vi.unstubAllGlobals();
});

test.each([
  [
    [{ node: "beta", node_id: "B", outcome: "answered", waited_ms: 42 }],
    "beta, answered after 42ms",
  ],
  [[{ node: null, node_id: "B", outcome: "silent", waited_ms: 4_000 }], "B, no answer in 4s"],
  [
    [{ node: "beta", node_id: "B", outcome: "silent", waited_ms: 4_000, connected: true }],
    "beta, connected, no answer in 4s",
  ],
  [
    [{ node: "beta", node_id: "B", outcome: "silent", waited_ms: 4_000, connected: false }],
    "beta, no connection in 4s",
  ],
  [[{ node: "beta", node_id: "B", outcome: "asleep", waited_ms: 40 }], "beta, asleep after 40ms"],
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

test.each([
  [{ not_asked: "heard" }, "nobody: the node hears the home itself"],
  [
    { not_asked: "unheard" },
    "nobody: the node would hear the home itself, and hears nothing of it now",
  ],
  [{ not_asked: "self" }, "nobody: the node is its home"],
  [{ not_asked: "no-member" }, "nobody: its home is no member"],
  [{ not_asked: "no-home", node_id: null }, "nobody: no home of it is known"],
  // A node of an earlier release, and one of a later.
  [{ node_id: null }, "nobody: no home of it is known"],
  [{}, "nobody"],
  [{ not_asked: "it-is-night" }, "nobody"],
])("CLI51 PU9 where nobody was asked `status ROBOT --ask` says why: %j", async (said, words) => {
  fakeNode([], said);
  const { out } = await run("status bot --ask");
  expect(out).toContain(`  asked      ${words}\n`);
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
