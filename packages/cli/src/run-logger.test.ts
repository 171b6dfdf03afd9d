import { expect, test } from "vitest";
import { runLogger } from "./run-logger.ts";

const now = (): number => 0;

test("CLI10 the log has a level, a time and fields, for people or as JSON", async () => {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const pretty = await runLogger(write, { level: "info", format: "pretty", now });
  pretty.debug({}, "hidden");
  pretty.warn({ peer: "a", n: 1 }, "slow");
  const json = await runLogger(write, { level: "error", format: "json", now });
  json.warn({}, "hidden");
  json.error({ error: Object.assign(new Error("disk"), { code: "store-full" }), big: 1n }, "bad");
  expect(lines[0]).toBe('[00:00:00.000] WARN: slow {"peer":"a","n":1}');
  expect(JSON.parse(lines[1] ?? "")).toEqual({
    time: "1970-01-01T00:00:00.000Z",
    level: "error",
    message: "bad",
    error: "disk (store-full)",
    big: "1",
  });
  expect(lines).toHaveLength(2);
});

test("CFG10 the level of the log changes while it is written", async () => {
  const lines: string[] = [];
  const log = await runLogger((line) => lines.push(line), { level: "warn", format: "json", now });
  log.info({}, "not yet");
  log.level = "info";
  log.info({}, "now");
  log.level = "error";
  log.warn({}, "no more");
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ message: "now" }]);
});

test("CLI6 a name that another node chose forges no line of the log, and paints nothing", async () => {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const evil = "evil\n[00:00:00.000] INFO: all is well\u001B[2J\u009B\u202E";
  const fields = { name: evil, nested: { [evil]: [evil] }, type: "Error", stack: evil };
  for (const color of [false, true]) {
    const pretty = await runLogger(write, { level: "info", format: "pretty", color, now });
    pretty.info(fields, evil);
  }
  (await runLogger(write, { level: "info", format: "json", now })).info(fields, evil);
  expect(lines).toHaveLength(3);
  const colors = /\p{Cc}\[\d+m/gu;
  expect(lines[1]).toMatch(colors);
  for (const line of lines) expect(line.replaceAll(colors, "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(JSON.parse(lines[2] ?? "")).toMatchObject({ ...fields, message: evil });
});
