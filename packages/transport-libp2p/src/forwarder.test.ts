import { TopicValidatorResult } from "@libp2p/gossipsub";
import type { GossipsubMessage } from "@libp2p/gossipsub";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FORWARD_WITHIN_MS, Forwarder } from "./forwarder.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("CH6 accepted messages are passed on together, FORWARD_WITHIN_MS after the first, each once and in order", () => {
  const passed: string[] = [];
  const forwarder = new Forwarder({
    reportMessageValidationResult: (id, from, result) => {
      expect(result).toBe(TopicValidatorResult.Accept);
      // In text: the library compares it with the names of peers, and nothing equals an object.
      expect(typeof from).toBe("string");
      passed.push(`${id} of ${from}`);
    },
  });
  const message = (msgId: string): Pick<GossipsubMessage, "msgId" | "propagationSource"> => ({
    msgId,
    propagationSource: {
      toString: () => "peer",
    } as unknown as GossipsubMessage["propagationSource"],
  });
  forwarder.add(message("a"));
  vi.advanceTimersByTime(FORWARD_WITHIN_MS - 1);
  forwarder.add(message("b"));
  expect(passed).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(passed).toEqual(["a of peer", "b of peer"]);
  forwarder.add(message("c"));
  vi.advanceTimersByTime(FORWARD_WITHIN_MS);
  expect(passed).toEqual(["a of peer", "b of peer", "c of peer"]);
  vi.advanceTimersByTime(10 * FORWARD_WITHIN_MS);
  expect(passed).toHaveLength(3);
});
