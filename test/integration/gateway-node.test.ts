/** Gateway and client over a real node with a real disk: what was acknowledged by HTTP is there after a restart. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@pulsemesh/client";
import { startGateway } from "@pulsemesh/gateway";
import { createNode, type NodeOptions } from "@pulsemesh/node";
import { afterEach, beforeEach, expect, test } from "vitest";

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "pulsemesh-gateway-"));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

function options(): NodeOptions {
  return { dataDir, name: "alpha", region: "eu-west", listen: ["/ip4/127.0.0.1/tcp/0"] };
}

test("HT1, HT6, HT9 beats and state given over HTTP are shown, audited, and there after a restart", async () => {
  let etag: string;
  {
    await using node = await createNode(options());
    await using gateway = await startGateway(node, { port: 0 });
    const client = createClient({ baseUrl: gateway.url });
    expect(await client.health()).toMatchObject({ live: true, ready: true });
    await client.heartbeat("security_bot", { health: "degraded" });
    expect(await client.ping("backup", { create: true })).toEqual({ created: true });
    expect((await client.status("security_bot")).text).toBe("security_bot is alive");
    await client.patchState("security_bot", { status: "scanning", task: 7 });
    ({ etag } = await client.patchState("security_bot", { task: null }));
    expect(await client.robot("security_bot")).toMatchObject({
      health: "degraded",
      node: "alpha",
      region: "eu-west",
      state: { status: "scanning" },
    });
    // It is the home itself (PU9).
    expect(await client.robot("security_bot", { ask: true })).toMatchObject({ asked: [] });
    await expect(client.robot("nobody", { ask: true })).rejects.toMatchObject({ status: 404 });
    const deep = { a: JSON.parse(`${"[".repeat(40)}${"]".repeat(40)}`) as unknown };
    await expect(client.patchState("backup", deep)).rejects.toMatchObject({
      code: "state-too-deep",
      status: 422,
    });
    expect(await client.auditVerify()).toMatchObject({ ok: true });
  }
  await using node = await createNode(options());
  await using gateway = await startGateway(node, { port: 0 });
  const client = createClient({ baseUrl: gateway.url });
  expect(await client.getState("security_bot")).toEqual({ state: { status: "scanning" }, etag });
  expect((await client.robots()).map(({ robot_id }) => robot_id)).toEqual([
    "backup",
    "security_bot",
  ]);
  expect(await client.auditVerify()).toMatchObject({ ok: true });
});

test("HT4, VE7 of 150 beats of one robot at once some are refused 429, with Retry-After and nothing changed", async () => {
  await using node = await createNode(options());
  await using gateway = await startGateway(node, { port: 0 });
  const answers = await Promise.all(
    Array.from({ length: 150 }, async () => {
      const answer = await fetch(`${gateway.url}/heartbeat/eager`, { method: "POST" });
      const { status, headers } = answer;
      return { status, retryAfter: headers.get("retry-after"), text: await answer.text() };
    }),
  );
  const refused = answers.filter(({ status }) => status !== 200);
  expect(refused.length).toBeGreaterThan(0);
  for (const { status, retryAfter, text } of refused) {
    expect([status, retryAfter]).toEqual([429, "1"]);
    expect(JSON.parse(text)).toMatchObject({
      status: 429,
      code: "beats-too-many",
      changed: false,
      title: "Too many beats",
    });
  }
});

test("HT4 a node that runs as an observer refuses beats, pings and patches 403, and says who takes them", async () => {
  await using node = await createNode({ ...options(), observer: true });
  await using gateway = await startGateway(node, { port: 0 });
  for (const path of ["/heartbeat/x", "/ping/x?create=1", "/ping/x/fail"]) {
    const answer = await fetch(`${gateway.url}${path}`, { method: "POST" });
    expect([answer.status, await answer.json()]).toMatchObject([403, { code: "observer" }]);
  }
  expect((await fetch(`${gateway.url}/status/x`)).status).toBe(404);
});

test("HT11 events of a real node reach a client, and end with the node", async () => {
  await using node = await createNode(options());
  await using gateway = await startGateway(node, { port: 0 });
  const client = createClient({ baseUrl: gateway.url });
  const stop = new AbortController();
  const opened = Promise.withResolvers<void>();
  const seen: string[] = [];
  const reading = (async () => {
    const events = client.events({ robot: "a", signal: stop.signal, onOpen: opened.resolve });
    for await (const event of events) {
      seen.push(event.type);
      if (event.type === "pulsemesh.robot-state" && "x" in (event.data["state"] as object)) return;
    }
  })();
  await opened.promise;
  await client.heartbeat("b");
  await client.heartbeat("a");
  await client.patchState("a", { x: 1 });
  await reading;
  expect(seen).toContain("pulsemesh.robot-beat");
  expect(seen).toContain("pulsemesh.robot-status");
});
