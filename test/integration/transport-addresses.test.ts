/** How members are found by what addresses say: IPv6, names that change, records, and members that come up late. */
import { createLibp2pTransport, discoverFleet, systemNames } from "@pulsemesh/transport-libp2p";
import type { NameService, SavedAddresses } from "@pulsemesh/transport-libp2p";
import { afterEach, expect, test } from "vitest";
import { DnsServer } from "../support/dns-server.ts";
import { freePort } from "../support/free-port.ts";
import { OUR_FLEET, seedOf, until } from "../support/libp2p-harness.ts";
import { Scene } from "../support/victim.ts";
import type { Victim } from "../support/victim.ts";

/** Most connections that a node opens. */
const OWN_DIALS = 16;

const scene = new Scene();
afterEach(() => scene.end());

/** Names that stand for what is in `table` now. */
function names(table: Readonly<Record<string, readonly string[]>>): NameService {
  const find = async (host: string): Promise<readonly string[]> => {
    const found = table[host];
    if (found === undefined) throw Object.assign(new Error(host), { code: "ENOTFOUND" });
    return found;
  };
  return { addresses: find, texts: find };
}

function hasMet(a: Victim, b: Victim): () => boolean {
  return () => a.ups.includes(b.transport.node) && b.ups.includes(a.transport.node);
}

/** As core does it: whoever says hello is a member soon. */
function allAreMembers(...members: readonly Victim[]): void {
  for (const { transport } of members)
    transport.members(
      members.map((other) => other.transport.node).filter((node) => node !== transport.node),
      [],
    );
}

test("AD2 a member that listens on IPv6 is joined by its address and by a dns6 name", async () => {
  const member = await scene.victim("member", { listen: ["/ip6/::1/tcp/0"] });
  expect(member.address).toMatch(/^\/ip6\/::1\/tcp\/\d+\/p2p\//);
  const byAddress = await scene.victim("a", { join: [member.address] });
  await until("met by address", hasMet(member, byAddress));
  const text = member.address.replace("/ip6/::1/", "/dns6/localhost/");
  const byName = await scene.victim("b", { join: [text] });
  await until("met by name", hasMet(member, byName));
});

test("AD2 one that listens on /ip6/:: and /ip4/0.0.0.0 with one port is reached both ways", async () => {
  const port = await freePort();
  const member = await scene.victim("member", {
    listen: [`/ip6/::/tcp/${port}`, `/ip4/0.0.0.0/tcp/${port}`],
  });
  const { node } = member.transport;
  for (const [name, host] of [
    ["a", "ip6/::1"],
    ["b", "ip4/127.0.0.1"],
    ["c", "dns4/localhost"],
  ]) {
    const joiner = await scene.victim(name, { join: [`/${host}/tcp/${port}/p2p/${node}`] });
    await until(`met by ${host}`, hasMet(member, joiner));
  }
});

test("AD2 a first join goes by a name, and by a record that names the member", async () => {
  const member = await scene.victim("member");
  const { node } = member.transport;
  const port = Number(member.address.split("/")[4]);
  const known = names({
    "node.example": ["127.0.0.1"],
    "_dnsaddr.fleet.example": [`dnsaddr=${member.address}`],
  });
  for (const address of [
    `/dns4/node.example/tcp/${port}/p2p/${node}`,
    `/dnsaddr/fleet.example/p2p/${node}`,
  ]) {
    expect(await discoverFleet([address], seedOf("joiner"), { names: known })).toBe(OUR_FLEET);
  }
});

test("AD2 records come from the name servers of this machine, and one about another node is not followed", async () => {
  const member = await scene.victim("member");
  const other = await scene.victim("other");
  await using server = await DnsServer.start(
    new Map([
      ["_dnsaddr.fleet.test", [`dnsaddr=${other.address}`, `dnsaddr=${member.address}`]],
      ["_dnsaddr.other.test", [`dnsaddr=${other.address}`]],
    ]),
  );
  const records = systemNames([server.address]);
  const id = member.transport.node;
  const joiner = await scene.victim("a", {
    join: [`/dnsaddr/fleet.test/p2p/${id}`],
    names: records,
  });
  await until("they have met", hasMet(member, joiner));
  expect(joiner.ups).toEqual([id]);
  const said: unknown[] = [];
  const search = discoverFleet(
    ["other.test", "none.test"].map((name) => `/dnsaddr/${name}/p2p/${id}`),
    seedOf("b"),
    {
      signal: AbortSignal.timeout(1_000),
      names: records,
      failed: (_round, tried) => void said.push(tried),
    },
  );
  await expect(search).rejects.toMatchObject({ code: "join-failed" });
  expect(said[0]).toEqual([
    { address: `/dnsaddr/other.test/p2p/${id}`, outcome: "failed" },
    { address: `/dnsaddr/none.test/p2p/${id}`, outcome: "name-unknown" },
  ]);
  expect(other.ups).toEqual([]);
  expect(server.asked[0]).toBe("_dnsaddr.fleet.test");
});

test("AD2 CH6 a name that leads elsewhere is followed, and whom one joined by a name is believed of others", async () => {
  const [portBefore, portAfter] = [await freePort(), await freePort()];
  const table: Record<string, readonly string[]> = { "a.example": ["127.0.0.2"] };
  const known = names(table);
  const place = (host: string): { listen: readonly string[] } => ({
    listen: [`/ip4/${host}/tcp/${portBefore}`],
  });
  const before = await scene.victim("a", place("127.0.0.2"));
  const join = [`/dns4/a.example/tcp/${portBefore}/p2p/${before.transport.node}`];
  const b = await scene.victim("b", { join, names: known });
  await until("b is there", hasMet(before, b));
  allAreMembers(before, b);
  const c = await scene.victim("c", {
    join,
    names: known,
    listen: [`/ip4/127.0.0.1/tcp/${portAfter}`],
  });
  allAreMembers(before, b, c);
  await until("b and c, told of each other by a, have met", hasMet(b, c));
  await before.transport.stop();
  table["a.example"] = ["127.0.0.3"];
  const after = await scene.victim("a", place("127.0.0.3"));
  await until("it is found where its name leads now", hasMet(after, b));
});

test("AD4 a first join passes over the node itself, as in a list that all members are given, and is refused where nobody else is named", async () => {
  const member = await scene.victim("member");
  const { node } = await createLibp2pTransport({ privateKey: seedOf("joiner"), fleet: OUR_FLEET });
  const self = member.address.replace(member.transport.node, node);
  expect(await discoverFleet([self, member.address], seedOf("joiner"))).toBe(OUR_FLEET);
  await expect(discoverFleet([self], seedOf("joiner"))).rejects.toMatchObject({
    code: "address-invalid",
    message: expect.stringContaining("this node itself"),
  });
});

test("AD4 a member that comes up late is found by one that has a fleet and by one that has none, and both say that they wait", async () => {
  const port = await freePort();
  const listen = [`/ip4/127.0.0.1/tcp/${port}`];
  const { node } = await createLibp2pTransport({ privateKey: seedOf("late"), fleet: OUR_FLEET });
  const address = `${listen[0]}/p2p/${node}`;
  const said: { readonly message: string; readonly fields: object }[] = [];
  const quiet = (): void => undefined;
  const warn = (fields: object, message: string): void => void said.push({ fields, message });
  const pinned = await scene.victim("pinned", {
    join: [address],
    logger: { debug: quiet, info: quiet, error: quiet, warn },
  });
  const rounds: string[] = [];
  const fleet = discoverFleet([address], seedOf("fresh"), {
    failed: (round, tried) => {
      rounds.push(...tried.map((one) => `${round} ${one.address} ${one.outcome}`));
    },
  });
  await until("both have tried in vain", () => said.length > 0 && rounds.length > 2);
  expect(said[0]).toMatchObject({
    message: expect.stringContaining("no connection yet"),
    fields: { node, tried: [{ address, outcome: "refused" }] },
  });
  expect(rounds[0]).toBe(`1 ${address} refused`);
  const late = await scene.victim("late", { listen });
  expect(await fleet).toBe(OUR_FLEET);
  await until("it is found", hasMet(late, pinned));
  expect(said).toHaveLength(1);
});

test("CH6, ME2 who stands in the file is sought until it comes up, however often it was not there, and stays in the file though another is joined", async () => {
  const port = await freePort();
  const issuer = await scene.victim("issuer", { listen: [] });
  const { node } = issuer.transport;
  await issuer.transport.stop();
  const address = `/ip4/127.0.0.1/tcp/${port}/p2p/${node}`;
  const other = `/ip4/127.0.0.1/tcp/${await freePort()}/p2p/${(await scene.victim("other", { listen: [] })).transport.node}`;
  let file: SavedAddresses = { addresses: [address], briefMs: new Map() };
  const late = await scene.victim("late", {
    join: [other],
    addresses: {
      load: () => Promise.resolve(file),
      save: (saved) => Promise.resolve(void (file = saved)),
    },
  });
  await until("dials have failed", () => late.transport.dialCounts.failed >= 12, 20_000);
  expect(file.addresses).toEqual([address, other]);
  const back = await scene.victim("issuer", { listen: [`/ip4/127.0.0.1/tcp/${port}`] });
  await until("they have met", hasMet(late, back));
}, 40_000);

test("PU9, CH6 who asks one member after another reaches each as fast as the first, however many it has asked before", async () => {
  const homes: Victim[] = [];
  for (let at = 0; at < OWN_DIALS + 3; at += 1) homes.push(await scene.victim(`home ${at}`));
  const asker = await scene.victim("asker");
  asker.transport.members(
    homes.map(({ transport }) => transport.node),
    [],
  );
  const [first] = homes;
  asker.transport.links(first === undefined ? [] : [first.transport.node]);
  asker.transport.remember(homes.map(({ address }) => address));
  for (const home of homes) {
    const { node } = home.transport;
    asker.transport.links([node]);
    const sinceMs = performance.now();
    await until("it is connected", () =>
      asker.transport.peers().some((peer) => peer.node === node),
    );
    expect(performance.now() - sinceMs).toBeLessThan(4_000);
    expect(asker.transport.ownConnections).toBeLessThanOrEqual(OWN_DIALS);
  }
}, 60_000);
