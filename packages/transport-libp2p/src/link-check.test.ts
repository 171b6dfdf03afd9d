import type { Connection } from "@libp2p/interface";
import { expect, test } from "vitest";
import { checkLinks, LINK_CHECK_MS_MAX, LINKS_CHECKED_MAX } from "./link-check.ts";
import type { LinkCheckDeps } from "./link-check.ts";

const inbound = { direction: "inbound" } as Connection;

function deps(overrides: Partial<LinkCheckDeps> = {}): LinkCheckDeps {
  return {
    members: () => ["a"],
    connections: () => [inbound],
    addressesOf: (node) => [`/${node}/1`],
    dialing: {
      knock: async () => ({ outcome: "refused", hosts: [] }),
      outcomesOf: (node) => [{ address: `/${node}/1`, outcome: "timed-out" }],
    },
    dialBack: { ask: async () => ({ ok: false, why: "busy" }) },
    random: () => 0,
    after: () => () => undefined,
    ...overrides,
  };
}

test("AD6 P6 a check looks at LINKS_CHECKED_MAX members, those that could not be dialled first", async () => {
  const members = Array.from({ length: 40 }, (_, index) => `n${index + 10}`);
  const away = new Set(members.slice(-3));
  const links = await checkLinks(
    deps({ members: () => members, connections: (node) => (away.has(node) ? [] : [inbound]) }),
  );
  expect(links).toHaveLength(LINKS_CHECKED_MAX);
  const isAway = links.filter(({ connected }) => connected === undefined);
  expect(isAway.map(({ node }) => node)).toEqual([...away]);
  expect(isAway[0]).toEqual({
    node: "n47",
    connected: undefined,
    dialled: [{ address: "/n47/1", outcome: "timed-out" }],
    dialledBack: undefined,
  });
});

test("AD6 a check looks at connected members also where most are neither connected nor were ever dialled, or cannot be dialled", async () => {
  const members = Array.from({ length: 60 }, (_, index) => `n${index + 10}`);
  const connected = new Set(members.slice(-12));
  const half = LINKS_CHECKED_MAX / 2;
  for (const { isDialled, seen } of [
    { isDialled: false, seen: connected.size },
    { isDialled: true, seen: half },
  ]) {
    const given = deps();
    const links = await checkLinks({
      ...given,
      members: () => members,
      connections: (node) => (connected.has(node) ? [inbound] : []),
      dialing: {
        ...given.dialing,
        outcomesOf: (node) => (isDialled ? given.dialing.outcomesOf(node) : []),
      },
    });
    expect(links).toHaveLength(LINKS_CHECKED_MAX);
    expect(links.filter((link) => link.connected === "inbound")).toHaveLength(seen);
  }
});

test("AD6 P6 a check ends after LINK_CHECK_MS_MAX, whoever does not answer", async () => {
  const { promise: never } = Promise.withResolvers<never>();
  const signals: AbortSignal[] = [];
  const timers: { readonly delayMs: number; readonly task: () => void }[] = [];
  const links = checkLinks(
    deps({
      dialing: {
        knock: (_node, _address, signal) => {
          signals.push(signal);
          return never;
        },
        outcomesOf: () => [],
      },
      dialBack: { ask: () => never },
      after: (delayMs, task) => {
        timers.push({ delayMs, task });
        return () => undefined;
      },
    }),
  );
  expect(timers.map(({ delayMs }) => delayMs)).toEqual([LINK_CHECK_MS_MAX]);
  timers[0]?.task();
  expect(await links).toEqual([
    {
      node: "a",
      connected: "inbound",
      dialled: [{ address: "/a/1", outcome: "timed-out" }],
      dialledBack: { ok: false, why: "no-answer" },
    },
  ]);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
});
