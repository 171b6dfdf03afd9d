import { expect, test } from "vitest";
import {
  ASK_WHY_MS,
  ASK_WHY_MS_MAX,
  ASKING_FORMERS_MAX,
  ASKING_STRANGERS_MAX,
  LastQuestions,
} from "./last-questions.ts";
import type { AskerKind } from "./last-questions.ts";

class Rig {
  readonly over: string[] = [];
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly task: () => void }>();
  readonly questions = new LastQuestions((delayMs, task) => {
    const timer = { atMs: this.#nowMs + delayMs, task };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  });

  refuse(node: string, kind: AskerKind = "former"): void {
    void this.questions.wait(node, kind).then(() => this.over.push(node));
  }

  /** Who is hung up on within that time. */
  async pass(durationMs: number): Promise<readonly string[]> {
    this.#nowMs += durationMs;
    for (const timer of this.#timers) {
      if (timer.atMs > this.#nowMs) continue;
      this.#timers.delete(timer);
      timer.task();
    }
    await new Promise((resolve) => setImmediate(resolve));
    return this.over.splice(0);
  }
}

test("ME2, AD11 who is refused has ASK_WHY_MS for its first question, and from one that was not answered to the next, and ASK_WHY_MS_MAX in all", async () => {
  const rig = new Rig();
  rig.refuse("a");
  expect(await rig.pass(ASK_WHY_MS - 1)).toEqual([]);
  const end = rig.questions.begin("a");
  expect(await rig.pass(1_000)).toEqual([]);
  end();
  expect(await rig.pass(ASK_WHY_MS_MAX - ASK_WHY_MS - 1_000)).toEqual([]);
  rig.questions.begin("a");
  expect(await rig.pass(1)).toEqual(["a"]);
  rig.refuse("b");
  expect(await rig.pass(ASK_WHY_MS)).toEqual(["b"]);
  rig.refuse("c");
  rig.questions.begin("c")();
  expect(await rig.pass(ASK_WHY_MS - 1)).toEqual([]);
  expect(await rig.pass(1)).toEqual(["c"]);
});

test("ME2, AD11 a question that came before the refusal counts, and while one is under way none is missed", async () => {
  const rig = new Rig();
  const first = rig.questions.begin("a");
  rig.refuse("a");
  expect(await rig.pass(ASK_WHY_MS)).toEqual([]);
  const second = rig.questions.begin("a");
  first();
  expect(await rig.pass(ASK_WHY_MS - 1)).toEqual([]);
  second();
  expect(await rig.pass(1)).toEqual(["a"]);
});

test("ME2, P6 who was told, is gone, or has asked as often as one may is not waited for", async () => {
  const rig = new Rig();
  for (const node of ["told", "asking"]) rig.refuse(node);
  rig.questions.over("told");
  expect(await rig.pass(0)).toEqual(["told"]);
  for (let at = 0; at < 3; at += 1) rig.questions.begin("asking")();
  expect(await rig.pass(0)).toEqual([]);
  rig.questions.begin("asking")();
  expect(await rig.pass(0)).toEqual(["asking"]);
});

/** So many of a kind are waited for, and one more is not; who of another kind comes then is. */
async function expectAtMost(max: number, kind: AskerKind, other: AskerKind): Promise<void> {
  const rig = new Rig();
  const many = Array.from({ length: max }, (_, at) => `n${at}`);
  for (const node of many) rig.refuse(node, kind);
  rig.refuse("one more", kind);
  rig.refuse("a", other);
  rig.refuse("b", "expelled");
  expect(await rig.pass(ASK_WHY_MS - 1)).toEqual(["one more"]);
  expect(await rig.pass(1)).toEqual([...many, "a", "b"]);
}

test("P6 of those whose grant was none here ASKING_STRANGERS_MAX are waited for at a time, and they keep out nobody else", async () => {
  await expectAtMost(ASKING_STRANGERS_MAX, "stranger", "former");
});

test("ME2, P6 of those whose grant was one here ASKING_FORMERS_MAX are waited for at a time, and they keep out nobody else", async () => {
  await expectAtMost(ASKING_FORMERS_MAX, "former", "stranger");
});

test("ME2 whom this node has expelled lately is waited for beside any number of the same", async () => {
  const rig = new Rig();
  const many = Array.from({ length: 2 * ASKING_FORMERS_MAX }, (_, at) => `n${at}`);
  for (const node of many) rig.refuse(node, "expelled");
  expect(await rig.pass(ASK_WHY_MS - 1)).toEqual([]);
  expect(await rig.pass(1)).toEqual(many);
});
