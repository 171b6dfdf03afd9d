import type { DiagnosticsJson, LinkJson, PeersJson } from "@pulsemesh/client";
import { expect, test } from "vitest";
import { linkFindings } from "./doctor-links.ts";

const HERE = "/ip4/192.0.2.1/tcp/7421/p2p/A";
const LOCAL = "/ip4/127.0.0.1/tcp/7421/p2p/A";
const THERE = "/ip4/192.0.2.2/tcp/7421/p2p/B";

const link = (overrides: Partial<LinkJson> = {}): LinkJson => ({
  node: "B",
  connected: "inbound",
  dialled: [{ address: THERE, outcome: "reached" }],
  dialled_back: [{ address: HERE, outcome: "reached" }],
  ...overrides,
});

function found(
  links: readonly LinkJson[],
  announce: readonly string[] = [],
  own = [LOCAL, HERE],
): ReturnType<typeof linkFindings> {
  const peers = {
    self: { name: "a", addresses: own },
    peers: [
      { id: "B", name: "bob" },
      { id: "C", name: "cat" },
    ],
  } as unknown as PeersJson;
  return linkFindings({ links, settings: { announce } } as unknown as DiagnosticsJson, peers);
}

test("CLI42 who reaches all and is reached by all is told so; alone there is nothing to tell", () => {
  expect(found([])).toEqual([]);
  const fine = [link(), link({ node: "C", dialled_back: "busy" })];
  const answer = {
    check: "reach",
    result: "ok",
    detail: "this node reaches 2 of 2 members tried, and 1 of 1 asked reach it",
  };
  expect(found(fine)).toEqual([answer]);
  // One that is away and was not dialled is not among those that are reached.
  const away = link({ node: "D", connected: null, dialled: [], dialled_back: null });
  expect(found([...fine, away])).toEqual([answer]);
});

test("CLI42 a member that cannot be dialled is named with its addresses, what came of each, and what to look at", () => {
  const dialled = [{ address: THERE, outcome: "timed-out" as const }];
  expect(found([link({ dialled })])).toMatchObject([
    {
      result: "warn",
      detail: "this node could not dial bob: /ip4/192.0.2.2/tcp/7421 timed-out",
      next: expect.stringContaining("firewall"),
    },
  ]);
  const away = link({ dialled, connected: null, dialled_back: null });
  expect(found([away])[0]?.detail).toContain("this node cannot reach bob");
  expect(found([link({ dialled: [] })])[0]).toMatchObject({
    detail: expect.stringContaining("bob says of no address"),
    next: expect.stringContaining("--announce"),
  });
  // Where nothing is known of one that is away there is nothing to add to its being away.
  expect(found([link({ connected: null, dialled: [], dialled_back: null })])).toEqual([]);
});

test("CLI42 a member that cannot dial this node is named, with what to look at", () => {
  const back = [{ address: HERE, outcome: "refused" as const }];
  expect(found([link({ dialled_back: back })])).toMatchObject([
    {
      result: "warn",
      detail: "bob cannot reach this node: /ip4/192.0.2.1/tcp/7421 refused",
      next: expect.stringContaining("port published"),
    },
  ]);
  expect(found([link({ dialled_back: [] })])).toMatchObject([
    {
      detail: expect.stringContaining("bob knows no address"),
      next: expect.stringContaining("--listen /ip4/0.0.0.0/tcp/7421"),
    },
  ]);
});

test("CLI42 an announced address that leads nobody here is named, even where another one does", () => {
  const wrong = "/dns4/old.example/tcp/7421/p2p/A";
  const back = [
    { address: HERE, outcome: "reached" as const },
    { address: wrong, outcome: "name-unknown" as const },
  ];
  const announce = ["/ip4/192.0.2.1/tcp/7421", "/dns4/old.example/tcp/7421"];
  const links = [link({ dialled_back: back })];
  expect(found(links, announce, [HERE, wrong])).toEqual([
    {
      check: "reach",
      result: "warn",
      detail: `${wrong} is announced and leads nobody here (bob: name-unknown)`,
      next: expect.stringContaining("correct or remove that --announce; name-unknown: the name"),
    },
  ]);
  const untried = [...back.slice(0, 1), { address: wrong, outcome: "not-dialled" as const }];
  expect(found([link({ dialled_back: untried })], announce, [HERE, wrong])).toMatchObject([
    { result: "ok" },
  ]);
  // What was found on this machine's own network cards need not mean something to everybody.
  expect(found(links, [], [HERE, wrong])).toMatchObject([{ result: "ok" }]);
});

test("CLI42, AD12 where a connection stands and no handshake comes about, the key of a private network is named", () => {
  const dialled = [{ address: HERE, outcome: "no-handshake" as const }];
  expect(found([link({ connected: null, dialled, dialled_back: null })])).toMatchObject([
    {
      result: "warn",
      detail: expect.stringContaining("no-handshake"),
      next: expect.stringContaining("--network-key-file"),
    },
  ]);
});
