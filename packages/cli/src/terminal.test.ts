import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { UNREAD_BYTES_MAX, droppable, wantsColor } from "./terminal.ts";

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

/** A stream that keeps what is written until somebody reads it. */
class SlowReader extends EventEmitter {
  writableLength = 0;
  read = "";
  #waiting = "";

  write(text: string): boolean {
    this.#waiting += text;
    this.writableLength += text.length;
    return false;
  }

  readAll(): void {
    this.read += this.#waiting;
    this.#waiting = "";
    this.writableLength = 0;
  }
}

test("CFG10 CLI21 more than UNREAD_BYTES_MAX does not wait for a reader that stands still; what was dropped is counted", () => {
  const reader = new SlowReader();
  const stream = reader as unknown as Parameters<typeof droppable>[0];
  const write = droppable(
    stream,
    () => true,
    () => {},
  );
  const line = `${"x".repeat(1_023)}\n`;
  for (let i = 0; i < UNREAD_BYTES_MAX / line.length + 50; i++) write(line);
  expect(reader.writableLength).toBeLessThanOrEqual(UNREAD_BYTES_MAX + line.length);
  reader.readAll();
  write("last\n");
  write("very last\n");
  reader.readAll();
  expect(
    reader.read.endsWith(
      "x\npulsemesh: 49 messages were dropped here, as nobody read them.\nlast\nvery last\n",
    ),
  ).toBe(true);
});

test("CLI21 data is never dropped: who asked for it gets all of it", () => {
  const reader = new SlowReader();
  const stream = reader as unknown as Parameters<typeof droppable>[0];
  const write = droppable(
    stream,
    () => false,
    () => {},
  );
  for (let i = 0; i < 3; i++) write("x".repeat(UNREAD_BYTES_MAX));
  expect(reader.writableLength).toBe(3 * UNREAD_BYTES_MAX);
});
