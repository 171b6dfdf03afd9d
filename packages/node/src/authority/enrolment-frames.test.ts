import { dagCborCodec, STATEMENT_LENGTH_MAX } from "@pulsemesh/core";
import { fuzz } from "@pulsemesh/testkit";
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

fuzz(
  "ME7 random bytes are neither question nor answer, or one that is within its bounds",
  (random) => {
    const bytes = random.bytes(random.integer(64));
    const question = decodeQuestion(bytes);
    if (question !== undefined) expect(decodeQuestion(encodeQuestion(question))).toEqual(question);
    const answer = decodeAnswer(bytes);
    if (answer !== undefined) expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
  },
);
