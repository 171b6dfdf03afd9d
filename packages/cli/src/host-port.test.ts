import { expect, test } from "vitest";
import { formatHostPort, hostPortOfMultiaddr, parseHostPort } from "./host-port.ts";

test.each([
  ["127.0.0.1:7420", "127.0.0.1", 7420],
  [":7420", "127.0.0.1", 7420],
  ["7420", "127.0.0.1", 7420],
  ["0.0.0.0:0", "0.0.0.0", 0],
  ["[::1]:7420", "::1", 7420],
  ["node-1.example:80", "node-1.example", 80],
])("CLI5 parseHostPort reads %s", (text, host, port) => {
  const at = parseHostPort(text, "--http");
  expect(at).toEqual({ host, port });
  expect(parseHostPort(formatHostPort(at), "--http")).toEqual(at);
});

test.each(["", "x", "127.0.0.1:70000", "::1:80", "a:b:1", "http://x:1", "127.0.0.1:-1"])(
  "CLI5 parseHostPort refuses %j and names the flag",
  (text) => {
    expect(() => parseHostPort(text, "--http")).toThrow("--http");
  },
);

test("CLI3 a host without a port is answered with the usual one", () => {
  expect(() => parseHostPort("0.0.0.0", "--http")).toThrow("Did you mean 0.0.0.0:7420?");
});

test.each([
  ["/ip4/127.0.0.1/tcp/7421", { host: "127.0.0.1", port: 7421 }],
  ["/ip6/::1/tcp/7421/p2p/12D3", { host: "::1", port: 7421, ipv6Only: true }],
  ["/unix/tmp/x", undefined],
])("hostPortOfMultiaddr of %s", (text, at) => {
  expect(hostPortOfMultiaddr(text)).toEqual(at);
});
