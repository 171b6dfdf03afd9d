import type { PeerId } from "@libp2p/interface";
import { expect, test } from "vitest";
import { FORGET_AFTER_MS, forgetGonePeers } from "./gone-peers.ts";

test("P6 what the library keeps of a peer is deleted once it is gone for FORGET_AFTER_MS, and not if it has come back", async () => {
  const host = new EventTarget();
  const [gone, back] = ["gone", "back"] as unknown as readonly [PeerId, PeerId];
  const deleted: PeerId[] = [];
  const timers: { readonly delayMs: number; readonly task: () => void }[] = [];
  forgetGonePeers(
    Object.assign(host, {
      getConnections: (peer: PeerId) => (peer === back ? ["a connection"] : []),
      peerStore: {
        delete: (peer: PeerId) => {
          deleted.push(peer);
          return Promise.reject(new Error("nothing is known of it"));
        },
      },
    }) as unknown as Parameters<typeof forgetGonePeers>[0],
    (delayMs, task) => timers.push({ delayMs, task }),
  );
  for (const detail of [gone, back])
    host.dispatchEvent(new CustomEvent("peer:disconnect", { detail }));
  expect(deleted).toEqual([]);
  expect(timers.map(({ delayMs }) => delayMs)).toEqual([FORGET_AFTER_MS, FORGET_AFTER_MS]);
  for (const { task } of timers) task();
  // A rejection that nobody took would end the test run.
  await new Promise((resolve) => setImmediate(resolve));
  expect(deleted).toEqual([gone]);
});
