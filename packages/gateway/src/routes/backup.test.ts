import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ScriptedNode } from "../../../../test/support/scripted-node.ts";
import { buildServer } from "../server.ts";
import { BACKUP_STALL_MS, untilStalled } from "./backup.ts";

const node = new ScriptedNode();
let app: ReturnType<typeof buildServer>;
beforeEach(() => {
  app = buildServer(node, { localOnly: true });
});
afterEach(() => app.close());

const ask = { method: "GET", url: "/api/v1/backup" } as const;

test("BK4 the rows come as bytes, and no page of another site gets them", async () => {
  const answer = await app.inject(ask);
  expect(answer.statusCode).toBe(200);
  expect(answer.headers["content-type"]).toBe("application/octet-stream");
  expect([...answer.rawPayload]).toEqual([1, 2, 3]);
  const foreign = await app.inject({ ...ask, headers: { origin: "https://evil.example" } });
  expect(foreign.json()).toMatchObject({ status: 403, code: "origin-forbidden" });
});

test("BK4 P6 one backup at a time: a second one is answered backup-running, and one after it is served", async () => {
  const held = Promise.withResolvers<void>();
  node.storedRows = async function* () {
    await held.promise;
    yield new Uint8Array([4]);
  };
  const first = app.inject(ask);
  await new Promise((resolve) => setImmediate(resolve));
  const second = app.inject(ask);
  await new Promise((resolve) => setImmediate(resolve));
  held.resolve();
  const refused = await second;
  expect(refused.statusCode).toBe(503);
  expect(refused.json()).toMatchObject({ status: 503, code: "backup-running" });
  expect([...(await first).rawPayload]).toEqual([4]);
  expect((await app.inject(ask)).statusCode).toBe(200);
});

test("BK4 P6 whoever asks for nothing more for BACKUP_STALL_MS is hung up on, and not before", async () => {
  vi.useFakeTimers();
  try {
    let stalls = 0;
    let isClosed = false;
    const portions = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (let n = 1; ; n++) yield new Uint8Array(n);
      } finally {
        isClosed = true;
      }
    };
    const rows = untilStalled(portions(), () => (stalls += 1));
    for (let n = 0; n < 3; n++) {
      await rows.next();
      vi.advanceTimersByTime(BACKUP_STALL_MS - 1);
    }
    expect(stalls).toBe(0);
    vi.advanceTimersByTime(1);
    expect(stalls).toBe(1);
    await rows.return(undefined);
    expect(isClosed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
