/** Commands that go on until they are told to stop: over a node that is away for a while, and to one exit code. */
import { expect, test } from "vitest";
import { CliProcess } from "../support/cli-process.ts";
import { FakeGateway } from "../support/fake-gateway.ts";

const entry = (index: number): object => ({ index, time: "t", kind: "k", data: {}, hash: "h" });

test("CLI8 CLI19 audit tail -f goes on when the node is back, and SIGTERM makes it 130", async () => {
  let asked = 0;
  await using gateway = await new FakeGateway(() => {
    asked += 1;
    if (asked === 2) return { status: 200, hang: true };
    const entries = asked === 1 ? [entry(1)] : [entry(1), entry(2)];
    const body = JSON.stringify({ entries, before: null });
    return { status: 200, body, type: "application/json" };
  }).start();
  const args = ["audit", "tail", "-f", "--json", "--timeout", "2s", "--url", gateway.url];
  await using tail = new CliProcess(args);
  await tail.untilPrinted('"index":2');
  tail.kill("SIGTERM");
  const { code, out, err } = await tail.ended;
  expect(code).toBe(130);
  expect(out.trim().split("\n")).toHaveLength(2);
  expect(err.match(/Trying again\./g)).toHaveLength(1);
});
