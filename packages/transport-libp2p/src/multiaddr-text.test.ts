import { memberAddressBytes } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import {
  ADDRESS_LENGTH_MAX,
  isBelievable,
  READ_CACHE_ENTRIES_MAX,
  readAddress,
  readListenAddress,
  reachOf,
} from "./multiaddr-text.ts";

const ID = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";

test.each([
  {
    title: "CH6 readAddress reads an IPv4 address",
    text: `/ip4/192.0.2.7/tcp/7421/p2p/${ID}`,
    reach: "public",
    websocket: false,
  },
  {
    title: "CH6 readAddress reads an IPv6 loopback address",
    text: `/ip6/::1/tcp/7421/p2p/${ID}`,
    reach: "loopback",
    websocket: false,
  },
  {
    title: "CH6 readAddress reads a DNS name",
    text: `/dns4/node.example/tcp/7421/p2p/${ID}`,
    reach: "public",
    websocket: false,
  },
  {
    title: "CH6 readAddress reads a WebSocket address",
    text: `/ip4/127.0.0.1/tcp/7421/ws/p2p/${ID}`,
    reach: "loopback",
    websocket: true,
  },
])("$title, as text and as bytes", ({ text, reach, websocket }) => {
  const address = readAddress(text);
  expect(address).toMatchObject({ node: ID, text, reach, websocket });
  expect(readAddress(address?.bytes ?? "")).toEqual(address);
});

test.each([
  {
    title: "CH6 readAddress refuses an address without a peer id",
    text: "/ip4/192.0.2.7/tcp/7421",
  },
  { title: "CH6 readAddress refuses port 0", text: `/ip4/192.0.2.7/tcp/0/p2p/${ID}` },
  { title: "CH6 readAddress refuses an unspecified host", text: `/ip4/0.0.0.0/tcp/7421/p2p/${ID}` },
  { title: "CH6 readAddress refuses UDP", text: `/ip4/192.0.2.7/udp/7421/quic-v1/p2p/${ID}` },
  {
    title: "CH6 readAddress refuses a relayed address",
    text: `/ip4/192.0.2.7/tcp/7421/p2p/${ID}/p2p-circuit/p2p/${ID}`,
  },
  {
    title: "CH6 readAddress refuses a peer id that is none",
    text: "/ip4/192.0.2.7/tcp/7421/p2p/robot",
  },
  { title: "CH6 readAddress refuses a URL", text: "https://example.com" },
  { title: "CH6 readAddress refuses nothing at all", text: "" },
])("$title", ({ text }) => {
  expect(readAddress(text)).toBeUndefined();
});

test("P6 readAddress refuses text above ADDRESS_LENGTH_MAX without looking at it", () => {
  const label = `${"a".repeat(60)}.`;
  const host = (length: number): string => label.repeat(5).slice(0, length);
  const text = (length: number): string => `/dns4/${host(length)}/tcp/1/p2p/${ID}`;
  const fixed = text(0).length;
  expect(readAddress(text(ADDRESS_LENGTH_MAX - fixed))).toBeDefined();
  expect(readAddress(text(ADDRESS_LENGTH_MAX - fixed + 1))).toBeUndefined();
});

test("P6 readAddress stays right when more than READ_CACHE_ENTRIES_MAX addresses pass through its cache", () => {
  const first = readAddress(memberAddressBytes(0));
  for (let index = 0; index <= READ_CACHE_ENTRIES_MAX; index += 1)
    readAddress(memberAddressBytes(index));
  expect(readAddress(memberAddressBytes(0))).toEqual(first);
  expect(first?.text).toBe(`/ip4/127.0.0.1/tcp/7421/p2p/${first?.node}`);
});

test("CH6 readListenAddress takes what can be listened on or announced and nothing else", () => {
  for (const text of [
    "/ip4/0.0.0.0/tcp/7421",
    "/ip6/::/tcp/0",
    "/ip4/127.0.0.1/tcp/0/ws",
    "/dns4/node.example/tcp/7421",
  ]) {
    expect(readListenAddress(text)).toBe(text);
  }
  for (const text of [
    "7421",
    "127.0.0.1:7421",
    "/ip4/127.0.0.1",
    "/ip4/127.0.0.1/udp/1",
    "/ip4/300.0.0.1/tcp/1",
    "x".repeat(400),
  ]) {
    expect(readListenAddress(text)).toBeUndefined();
  }
});

test.each([
  {
    reach: "loopback",
    hosts: ["127.0.0.1", "127.9.9.9", "0.1.2.3", "::1", "::ffff:127.0.0.1", "localhost"],
  },
  {
    reach: "link",
    hosts: [
      "169.254.169.254",
      "::ffff:169.254.169.254",
      "100.100.100.200",
      "fd00:ec2::254",
      "fe80::1",
    ],
  },
  {
    reach: "private",
    hosts: ["10.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd00::1"],
  },
  { reach: "public", hosts: ["192.0.2.7", "172.32.0.1", "2001:db8::1", "node.example"] },
])("CH6 reachOf tells $reach hosts", ({ reach, hosts }) => {
  expect(hosts.map(reachOf)).toEqual(hosts.map(() => reach));
});

test("P6 CH6 loopback addresses are believed from this machine only, link-local ones from the link, private ones from private networks, public ones from anywhere", () => {
  const all = ["127.0.0.1", "169.254.169.254", "10.0.0.1", "192.0.2.7"];
  const believed = (remote: string): readonly string[] =>
    all.filter((host) => {
      const address = readAddress(`/ip4/${host}/tcp/7421/p2p/${ID}`);
      return address !== undefined && isBelievable(address, remote);
    });
  expect(believed("127.0.0.1")).toEqual(all);
  expect(believed("169.254.7.7")).toEqual(all.slice(1));
  expect(believed("192.168.0.9")).toEqual(all.slice(2));
  expect(believed("203.0.113.1")).toEqual(all.slice(3));
});
