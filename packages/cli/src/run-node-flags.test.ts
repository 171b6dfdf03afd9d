import { expect, test } from "vitest";
import { nodeFlagsFor, RUN_NODE_FLAGS } from "./run-node-flags.ts";

test("CLI20 run gets the flags, other commands none", () => {
  expect(nodeFlagsFor(["run", "--mdns"], "--enable-source-maps ")).toEqual(RUN_NODE_FLAGS);
  expect(nodeFlagsFor(["dev-robot", "run"], "")).toEqual([]);
});

test.each(["--max-semi-space-size=16", "--conditions=x --max_semi_space_size=2"])(
  "CLI20 what the user chose stands: %s",
  (given) => {
    expect(nodeFlagsFor(["run"], given)).toEqual([]);
  },
);
