import { expect, test } from "vitest";
import { runLogger } from "./run-logger.ts";

test("CLI10 the log has a level, a time and fields, as text or as JSON", () => {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const now = (): number => 0;
  const text = runLogger(write, { level: "info", format: "text", now });
  text.debug({}, "hidden");
  text.warn({ peer: "a", n: 1 }, "slow");
  const json = runLogger(write, { level: "error", format: "json", now });
  json.warn({}, "hidden");
  json.error({ error: Object.assign(new Error("disk"), { code: "store-full" }), big: 1n }, "bad");
  expect(lines[0]).toBe("00:00:00.000 warn  slow peer=a n=1");
  expect(JSON.parse(lines[1] ?? "")).toEqual({
    time: "1970-01-01T00:00:00.000Z",
    level: "error",
    message: "bad",
    error: "disk (store-full)",
    big: "1",
  });
  expect(lines).toHaveLength(2);
});
