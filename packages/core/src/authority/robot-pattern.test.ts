import fc from "fast-check";
import { expect, test } from "vitest";
import { ROBOT_ID_LENGTH_MAX } from "../ids.ts";
import { allowsPatterns, allowsRobot, isRobotPattern } from "./robot-pattern.ts";

test("ME1 a robot pattern is a robot id, the beginning of one and a star, or a star", () => {
  const good = ["*", "zap-*", "zap", "a", "a.b:c_d*", "9*", "a".repeat(ROBOT_ID_LENGTH_MAX)];
  const bad = [
    "",
    "**",
    "a**",
    "a*b",
    "-a*",
    "a b",
    "a/b",
    "ä*",
    " *",
    "a".repeat(ROBOT_ID_LENGTH_MAX + 1),
    7,
    null,
  ];
  expect(good.filter((pattern) => !isRobotPattern(pattern))).toEqual([]);
  expect(bad.filter((pattern) => isRobotPattern(pattern))).toEqual([]);
});

test("ME1 a pattern allows what it names, and what begins as it does", () => {
  expect(allowsRobot(["zap-*", "solo"], "zap-1")).toBe(true);
  expect(allowsRobot(["zap-*", "solo"], "zap-")).toBe(true);
  expect(allowsRobot(["zap-*", "solo"], "solo")).toBe(true);
  expect(allowsRobot(["zap-*", "solo"], "solo2")).toBe(false);
  expect(allowsRobot(["zap-*", "solo"], "za")).toBe(false);
  expect(allowsRobot([], "a")).toBe(false);
  expect(allowsRobot(["*"], "anything")).toBe(true);
});

const text = fc.stringMatching(/^[ab]{1,4}$/);
const pattern = fc.oneof(
  fc.constant("*"),
  text,
  text.map((beginning) => `${beginning}*`),
);

test("ME1 patterns allow patterns exactly where they allow every robot of these", () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 3 }), pattern, text, (outer, inner, robot) => {
      if (allowsPatterns(outer, [inner]) && allowsRobot([inner], robot))
        expect(allowsRobot(outer, robot)).toBe(true);
      // Robots of a pattern that go on in a way no other pattern here does tell whether one pattern covers it whole.
      const witness = inner.endsWith("*") ? `${inner.slice(0, -1)}zzzzz` : inner;
      expect(allowsPatterns(outer, [inner])).toBe(allowsRobot(outer, witness));
    }),
  );
});
