import { ERROR_CODES, isRobotId } from "@pulsemesh/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { robotIdSchema } from "./json/words.ts";
import { PROBLEM_TEXTS } from "./problem-texts.ts";

test("HT16 every code of the registry has a title and a next step, and no other has", () => {
  expect(Object.keys(PROBLEM_TEXTS).toSorted()).toEqual(Object.keys(ERROR_CODES).toSorted());
  for (const { title, next } of Object.values(PROBLEM_TEXTS)) {
    expect(title).toMatch(/^[A-Z]/);
    expect(next).toMatch(/^[A-Z].*\.$/);
  }
});

test("HT16 every code maps to an error status", () => {
  for (const { status } of Object.values(ERROR_CODES)) {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
  }
});

test("HT15 the documented pattern of robot ids is the rule that decides", () => {
  const characters = fc.constantFrom(..."a Z 0 9 . _ : - / é \u0000 %".split(" "), " ");
  fc.assert(
    fc.property(fc.string({ unit: characters, maxLength: 140 }), (text) => {
      expect(robotIdSchema.safeParse(text).success).toBe(isRobotId(text));
    }),
  );
  expect(robotIdSchema.safeParse("a".repeat(128)).success).toBe(isRobotId("a".repeat(128)));
  expect(robotIdSchema.safeParse("a".repeat(129)).success).toBe(isRobotId("a".repeat(129)));
});
