import { expect, test } from "vitest";
import { readAddress } from "./multiaddr-text.ts";
import { lookUp, NAME_ADDRESSES_MAX } from "./name-lookup.ts";
import type { NameService } from "./name-lookup.ts";

const ID = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
const OTHER = "12D3KooWJ5nMZ5ATZGMBtmBbQy5dHFEpZcQW5vPQGFxxGBTdRJhQ";

/** Names that stand for what a table says now. */
function table(entries: Readonly<Record<string, readonly string[]>>): NameService {
  const find = (host: string): readonly string[] => {
    const found = entries[host];
    if (found === undefined) throw Object.assign(new Error(host), { code: "ENOTFOUND" });
    return found;
  };
  return {
    addresses: async (host, family) =>
      find(host).filter((ip) => family === 0 || ip.includes(":") === (family === 6)),
    texts: async (host) => find(host),
  };
}

async function targets(text: string, names: NameService, isNamed = false): Promise<unknown> {
  const address = readAddress(`${text}/p2p/${ID}`);
  if (address === undefined) return "no address";
  const found = await lookUp(address, names, isNamed);
  return found.map((target) => target.address.replace(`/p2p/${ID}`, ""));
}

test.each([
  { kind: "dns", found: ["/ip6/fd00::7/tcp/7421", "/ip4/10.0.0.7/tcp/7421"] },
  { kind: "dns4", found: ["/ip4/10.0.0.7/tcp/7421"] },
  { kind: "dns6", found: ["/ip6/fd00::7/tcp/7421"] },
])("AD2 lookUp turns a /$kind name into the IP addresses of its kind", async ({ kind, found }) => {
  const names = table({ "a.example": ["fd00::7", "10.0.0.7"] });
  expect(await targets(`/${kind}/a.example/tcp/7421`, names)).toEqual(found);
});

test("AD2 lookUp asks nobody for IP addresses and for localhost", async () => {
  const nobody = table({});
  expect(await targets("/ip4/10.0.0.7/tcp/1", nobody)).toEqual(["/ip4/10.0.0.7/tcp/1"]);
  expect(await targets("/dns/localhost/tcp/1", nobody)).toEqual([
    "/ip4/127.0.0.1/tcp/1",
    "/ip6/::1/tcp/1",
  ]);
  expect(await targets("/dns6/localhost/tcp/1", nobody)).toEqual(["/ip6/::1/tcp/1"]);
});

test("AD2 lookUp leaves a WebSocket its name, as its server may go by it", async () => {
  const names = table({ "a.example": ["10.0.0.7"] });
  const text = `/dns4/a.example/tcp/80/ws/p2p/${ID}`;
  const address = readAddress(text);
  if (address === undefined) throw new Error("no address");
  expect(await lookUp(address, names, false)).toEqual([{ address: text, host: "10.0.0.7" }]);
});

test("AD2 lookUp follows a name that changes, and says so when there is none", async () => {
  const entries: Record<string, string[]> = { "a.example": ["10.0.0.7"] };
  const names = table(entries);
  expect(await targets("/dns4/a.example/tcp/1", names)).toEqual(["/ip4/10.0.0.7/tcp/1"]);
  entries["a.example"] = ["10.0.0.8"];
  expect(await targets("/dns4/a.example/tcp/1", names)).toEqual(["/ip4/10.0.0.8/tcp/1"]);
  await expect(targets("/dns4/b.example/tcp/1", names)).rejects.toMatchObject({
    code: "ENOTFOUND",
  });
});

test("AD2 P6 lookUp does not follow to this machine a name that somebody else gave", async () => {
  const names = table({ "rebind.example": ["127.0.0.1", "10.0.0.7"] });
  const text = "/dns4/rebind.example/tcp/22";
  expect(await targets(text, names)).toEqual(["/ip4/10.0.0.7/tcp/22"]);
  expect(await targets(text, names, true)).toContain("/ip4/127.0.0.1/tcp/22");
});

test("AD2 P6 lookUp does not follow to a provider's metadata or another link a name that somebody else gave", async () => {
  const names = table({
    "rebind.example": ["169.254.169.254", "fd00:ec2::254", "10.0.0.7"],
    "_dnsaddr.rebind.example": [`dnsaddr=/ip4/169.254.169.254/tcp/80/p2p/${ID}`],
  });
  const text = "/dns/rebind.example/tcp/80";
  expect(await targets(text, names)).toEqual(["/ip4/10.0.0.7/tcp/80"]);
  expect(await targets("/dnsaddr/rebind.example", names)).toEqual([]);
  expect(await targets(text, names, true)).toContain("/ip4/169.254.169.254/tcp/80");
});

test("AD2 P6 lookUp gives up a WebSocket's name that leads to this machine as well, as whoever dials it takes what answers", async () => {
  const names = table({ "mixed.example": ["192.0.2.7", "127.0.0.1"] });
  const text = "/dns4/mixed.example/tcp/80/ws";
  expect(await targets(text, names)).toEqual([]);
  expect(await targets(text, names, true)).toEqual([text]);
});

test("AD2 P6 lookUp asks for names that others gave one at a time, so that one without an answer leaves the user's own their turn", async () => {
  const asked: string[] = [];
  const answer = Promise.withResolvers<readonly string[]>();
  const names: NameService = {
    addresses: async (host) => {
      asked.push(host);
      return host === "hangs.example" ? await answer.promise : ["10.0.0.7"];
    },
    texts: async () => [],
  };
  const first = targets("/dns4/hangs.example/tcp/1", names);
  const second = targets("/dns4/waits.example/tcp/1", names);
  expect(await targets("/dns4/mine.example/tcp/1", names, true)).toEqual(["/ip4/10.0.0.7/tcp/1"]);
  expect(asked.toSorted()).toEqual(["hangs.example", "mine.example"]);
  answer.reject(Object.assign(new Error("no answer"), { code: "EAI_AGAIN" }));
  await expect(first).rejects.toMatchObject({ code: "EAI_AGAIN" });
  expect(await second).toEqual(["/ip4/10.0.0.7/tcp/1"]);
});

test("AD2 lookUp takes of a /dnsaddr what its text records say of that very node", async () => {
  const names = table({
    "_dnsaddr.fleet.example": [
      "v=spf1 -all",
      "dnsaddr=nonsense",
      `dnsaddr=/ip4/192.0.2.7/tcp/7421/p2p/${OTHER}`,
      `dnsaddr=/dnsaddr/fleet.example/p2p/${ID}`,
      `dnsaddr=/dns4/gone.example/tcp/7421/p2p/${ID}`,
      `dnsaddr=/dns4/a.example/tcp/7421/p2p/${ID}`,
      `dnsaddr=/ip4/127.0.0.1/tcp/22/p2p/${ID}`,
    ],
    "a.example": ["10.0.0.7"],
  });
  expect(await targets("/dnsaddr/fleet.example", names)).toEqual(["/ip4/10.0.0.7/tcp/7421"]);
});

test("AD2 P6 lookUp tries at most NAME_ADDRESSES_MAX addresses of one name", async () => {
  const many = Array.from({ length: 40 }, (_, index) => `10.0.0.${index + 1}`);
  const records = many.map((ip) => `dnsaddr=/ip4/${ip}/tcp/7421/p2p/${ID}`);
  const names = table({ "a.example": many, "_dnsaddr.a.example": records });
  expect(await targets("/dns4/a.example/tcp/1", names)).toHaveLength(NAME_ADDRESSES_MAX);
  expect(await targets("/dnsaddr/a.example", names)).toHaveLength(NAME_ADDRESSES_MAX);
});
