import { dagCborCodec, STATEMENT_LENGTH_MAX } from "@pulsemesh/core";
import { damage, fuzz, FUZZ_TIMEOUT_MS } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import {
  decodeAnswer,
  decodeQuestion,
  encodeAnswer,
  encodeQuestion,
  ENROLMENT_STATEMENTS_MAX,
} from "./enrolment-frames.ts";

test("ME7 questions and answers are read as they were written", () => {
  for (const invite of [undefined, "pulsemesh:x"]) {
    const question = { invite, request: "pulsemesh-request:y" };
    expect(decodeQuestion(encodeQuestion(question))).toEqual(question);
  }
  const yes = { ok: true, statements: ["a.b.c", "d.e.f"] } as const;
  const no = { ok: false, code: "invite-used", detail: "somebody else has used it" } as const;
  for (const answer of [yes, no]) expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
});

test("P6, ME7 an answer holds ENROLMENT_STATEMENTS_MAX statements at most, and each may be as long as any", () => {
  const of = (count: number, length = 1): unknown =>
    decodeAnswer(
      dagCborCodec.encode({ s: Array.from({ length: count }, () => "x".repeat(length)) }),
    );
  expect(of(ENROLMENT_STATEMENTS_MAX)).toBeDefined();
  expect(of(ENROLMENT_STATEMENTS_MAX + 1)).toBeUndefined();
  expect(of(1, STATEMENT_LENGTH_MAX)).toBeDefined();
  expect(of(1, STATEMENT_LENGTH_MAX + 1)).toBeUndefined();
});

test("ME7 what is neither question nor answer is none", () => {
  const bad = [null, 7, [], "x", {}, { i: 7, r: "x" }, { i: null, r: 7 }, { s: [7] }, { s: "x" }];
  const codes = [
    { c: "Bad Code", d: "x" },
    { c: "", d: "x" },
    { c: "x".repeat(41), d: "x" },
    { c: "a" },
  ];
  for (const value of [...bad, ...codes]) {
    const bytes = dagCborCodec.encode(value);
    expect([value, decodeQuestion(bytes), decodeAnswer(bytes)]).toEqual([
      value,
      undefined,
      undefined,
    ]);
  }
});

test(
  "ME7 fuzz: damaged questions and answers are none, or others within the same bounds",
  { timeout: FUZZ_TIMEOUT_MS },
  () => {
    const question = encodeQuestion({ invite: "pulsemesh:x", request: "pulsemesh-request:y" });
    const answer = encodeAnswer({ ok: true, statements: ["a.b.c", "d.e.f"] });
    const refusal = encodeAnswer({ ok: false, code: "invite-used", detail: "it is used up" });
    const honest = [question, answer, refusal];
    fuzz("enrolment frames", (random) => {
      const bytes = damage(random, random.pick(honest), honest);
      const asked = decodeQuestion(bytes);
      if (asked !== undefined) expect(decodeQuestion(encodeQuestion(asked))).toEqual(asked);
      const answered = decodeAnswer(bytes);
      if (answered !== undefined) expect(decodeAnswer(encodeAnswer(answered))).toEqual(answered);
    });
  },
);
