import { expect, test } from "vitest";
import {
  channelProtocol,
  fleetsOffered,
  helloProtocol,
  isFleetId,
  PROTOCOL_NAME_LENGTH_MAX,
  topicName,
} from "./protocol-ids.ts";

const FLEET = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst";

test("SG2 fleet and version stand in every protocol and topic", () => {
  expect(helloProtocol(FLEET)).toBe(`/pulsemesh/${FLEET}/hello/1`);
  expect(channelProtocol(FLEET, "direct")).toBe(`/pulsemesh/${FLEET}/direct/1`);
  expect(channelProtocol(FLEET, "sync")).toBe(`/pulsemesh/${FLEET}/sync/1`);
  expect(topicName(FLEET, "pulse")).toBe(`/pulsemesh/1/${FLEET}/pulse`);
});

test("SG2 fleetsOffered reads fleets off protocol lists and nothing else", () => {
  const other = FLEET.replace("a", "7");
  expect(
    fleetsOffered(["/ipfs/id/1.0.0", helloProtocol(FLEET), channelProtocol(other, "sync")]),
  ).toEqual([FLEET]);
  expect(fleetsOffered([helloProtocol(FLEET), helloProtocol(other), helloProtocol(FLEET)])).toEqual(
    [other, FLEET].toSorted(),
  );
  expect(
    fleetsOffered([
      "/pulsemesh/short/hello/1",
      `/pulsemesh/${FLEET}/hello/2`,
      `${helloProtocol(FLEET)}/more`,
    ]),
  ).toEqual([]);
});

test("P6 fleetsOffered skips names above PROTOCOL_NAME_LENGTH_MAX", () => {
  expect(fleetsOffered([`/pulsemesh/${"a".repeat(PROTOCOL_NAME_LENGTH_MAX)}/hello/1`])).toEqual([]);
});

test("SG2 a fleet id is 52 characters of lower-case base32", () => {
  expect(isFleetId(FLEET)).toBe(true);
  for (const text of [
    "",
    FLEET.slice(1),
    `${FLEET}a`,
    FLEET.toUpperCase(),
    FLEET.replace("a", "1"),
  ])
    expect(isFleetId(text)).toBe(false);
});
