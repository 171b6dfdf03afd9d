import { expect, test } from "vitest";
import { coalesce } from "./write-coalescing.ts";

test("what is written in one turn of the event loop leaves as one write, at its end, in order", async () => {
  const log: string[] = [];
  const socket = {
    cork: () => void log.push("cork"),
    uncork: () => void log.push("uncork"),
    write: (text: unknown) => log.push(String(text)) > 0,
  };
  coalesce(socket);
  socket.write("a");
  await Promise.resolve();
  socket.write("b");
  expect(log).toEqual(["cork", "a", "b"]);
  await new Promise((done) => setImmediate(done));
  expect(log).toEqual(["cork", "a", "b", "uncork"]);
  socket.write("c");
  await new Promise((done) => setImmediate(done));
  expect(log.slice(4)).toEqual(["cork", "c", "uncork"]);
});
