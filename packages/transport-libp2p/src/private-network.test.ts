import { expect, test } from "vitest";
import { NETWORK_KEY_BYTES_MAX, readNetworkKey } from "./private-network.ts";

const HEX = "0123456789abcdef".repeat(4);
const text = (key: string): Uint8Array => Buffer.from(key);
const good = `/key/swarm/psk/1.0.0/\n/base16/\n${HEX}`;

test.each([
  good,
  good.replace(HEX, HEX.toUpperCase()),
  `${good}\n`,
  good.replaceAll("\n", "\r\n"),
  `${good}\r\n`,
])("AD12 a key is read alike however its lines end and its digits are written", (key) => {
  expect(Buffer.from(readNetworkKey(text(key))).toString()).toMatch(new RegExp(`^${good}$`, "i"));
});

test.each([
  ["nothing", ""],
  ["hex digits alone", HEX],
  ["another version", good.replace("1.0.0", "2.0.0")],
  ["another encoding", good.replace("base16", "base64")],
  ["too few digits", good.slice(0, -2)],
  ["too many digits", `${good}00`],
  ["no hex", good.replace("0", "x")],
  ["zeros alone", good.replace(HEX, "0".repeat(64))],
  ["a second line", `${good}\n${HEX}`],
])("AD12 %s is no key of a private network", (_what, key) => {
  expect(() => readNetworkKey(text(key))).toThrow(
    expect.objectContaining({ code: "option-invalid" }),
  );
});

test("AD12 a file over NETWORK_KEY_BYTES_MAX is no key, however it begins", () => {
  const padded = (bytes: number): Uint8Array => text(good.padEnd(bytes, "\n"));
  expect(() => readNetworkKey(padded(NETWORK_KEY_BYTES_MAX))).not.toThrow();
  expect(() => readNetworkKey(padded(NETWORK_KEY_BYTES_MAX + 1))).toThrow(
    "Cannot use the key of the private network",
  );
});
