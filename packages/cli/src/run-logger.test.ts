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

test("CLI6 a name that another node chose forges no line of the log", () => {
  const lines: string[] = [];
  const options = { level: "info", now: () => 0 } as const;
  const fields = { name: "evil\n00:00:00.000 info  all is well\u001B[2J\u009B" };
  runLogger((line) => lines.push(line), { ...options, format: "text" }).info(fields, "joined");
  runLogger((line) => lines.push(line), { ...options, format: "json" }).info(fields, "joined");
  for (const line of lines) expect(line).not.toMatch(/\p{Cc}/u);
  expect(JSON.parse(lines[1] ?? "")).toMatchObject(fields);
});
