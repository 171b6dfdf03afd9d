import { expect, test } from "vitest";
import { TokenGuard } from "./token.ts";

const token = "Zm9vYmFyYmF6cXV4";

test.each([
  [`Bearer ${token}`, true],
  [`bearer   ${token} `, true],
  [undefined, false],
  ["", false],
  ["Bearer", false],
  [token, false],
  [`Basic ${token}`, false],
  [`Bearer ${token}x`, false],
  [`Bearer ${token.slice(1)}`, false],
  [`Bearer ${token.toLowerCase()}`, false],
  [`Bearer ${token} ${token}`, false],
])("CFG12 the header %j is admitted: %s", (header, admitted) => {
  expect(new TokenGuard(token).admits(header)).toBe(admitted);
});

test("CFG12 without a token everybody is admitted, and another token takes the place of the old at once", () => {
  const guard = new TokenGuard(undefined);
  expect(guard.admits(undefined)).toBe(true);
  guard.set(token);
  expect(guard.admits(undefined)).toBe(false);
  guard.set("another-token-of-mine");
  expect(guard.admits(`Bearer ${token}`)).toBe(false);
  expect(guard.admits("Bearer another-token-of-mine")).toBe(true);
});
