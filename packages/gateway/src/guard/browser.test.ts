import { expect, test } from "vitest";
import { isCrossSite, isLocalHost } from "./browser.ts";

test.each([
  "localhost",
  "localhost:7420",
  "LOCALHOST:7420",
  "127.0.0.1",
  "127.0.0.1:80",
  "127.8.9.1:7420",
  "[::1]",
  "[::1]:7420",
])("HT18 the Host %s is this machine", (host) => {
  expect(isLocalHost(host)).toBe(true);
});

test.each([
  "",
  ":7420",
  "evil.example",
  "evil.example:7420",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "10.0.0.1",
  "0.0.0.0:7420",
  "127.1:7420",
  "2130706433",
  "[::]",
  "[::ffff:10.0.0.1]",
  "localhost:7420:1",
  "localhost:123456",
  "localhost@evil.example",
  "evil.example#localhost",
  "[::1",
])("HT18 the Host %j is refused: it may be a rebound name", (host) => {
  expect(isLocalHost(host)).toBe(false);
});

test("HT18 an HTTP/1.0 probe without Host is served: browsers always send one", () => {
  expect(isLocalHost(undefined)).toBe(true);
});

const host = "127.0.0.1:7420";

test.each([
  [{ host }, false],
  [{ host, origin: "http://127.0.0.1:7420" }, false],
  [{ host, origin: "https://127.0.0.1:7420" }, false],
  [{ host, origin: "HTTP://127.0.0.1:7420", "sec-fetch-site": "same-origin" }, false],
  [{ host, "sec-fetch-site": "none" }, false],
  [{ host, origin: "http://evil.example" }, true],
  [{ host, origin: "http://127.0.0.1:3000" }, true],
  [{ host, origin: "http://localhost:7420" }, true],
  [{ host, origin: "null" }, true],
  [{ host, origin: "" }, true],
  [{ host, origin: "file://" }, true],
  [{ origin: "http://127.0.0.1:7420" }, true],
  [{ host, "sec-fetch-site": "cross-site" }, true],
  [{ host, "sec-fetch-site": "same-site" }, true],
  [{ host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, true],
] as const)("HT18 a write with %j: cross-site is %s", (headers, expected) => {
  expect(isCrossSite(headers, "host" in headers ? headers.host : undefined, true)).toBe(expected);
});

test("HT18 a link on another site may lead to a page that only reads, a script may not fetch it", () => {
  const link = { host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  expect(isCrossSite(link, host, false)).toBe(false);
  expect(isCrossSite({ ...link, "sec-fetch-mode": "no-cors" }, host, false)).toBe(true);
});
