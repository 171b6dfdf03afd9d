import { expect, test } from "vitest";
import { wantsColor } from "./terminal.ts";

test.each([
  [true, {}, true],
  [true, { NO_COLOR: "" }, true],
  [true, { NO_COLOR: "1" }, false],
  [true, { TERM: "dumb" }, false],
  [false, {}, false],
  [false, { FORCE_COLOR: "1" }, false],
])("CLI7 terminal %s with %j has colour: %s", (isTty, env, colour) => {
  expect(wantsColor(isTty, env)).toBe(colour);
});
