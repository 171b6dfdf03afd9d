/**
 * From an address with a name in it to those that can be dialled (rule AD2), anew for every dial, so that a member whose name leads elsewhere
 * today is found there. Done here and not by the library, which would keep the name as the connection's other end: nobody could tell
 * then from how far it came, and whom to believe what (rule CH6).
 *
 * Names are answered by the system (the hosts file, then its servers), `localhost` by nobody: it is this machine (RFC 6761).
 */
import { lookup, Resolver } from "node:dns/promises";
import { isIPv6 } from "node:net";
import type { NodeAddress } from "./multiaddr-text.ts";
import { readAddress, reachOf } from "./multiaddr-text.ts";
import { patientTimer } from "./patient-timer.ts";

/** Most addresses that one name is taken to stand for; the rest is left out. */
export const NAME_ADDRESSES_MAX: number = 4;

/** How long an answer may take: a name that no server answers for is looked up for very long. */
const LOOKUP_MS = 5_000;

/** How long one try for a text record takes. */
const RECORD_MS = 2_000;

/** Where to dial. */
export interface Target {
  readonly address: string;
  /** The IP address behind it, as far as is known here. */
  readonly host: string;
}

/** Who answers for names; the system's, but in tests. */
export interface NameService {
  /** IP addresses of `host`, the preferred one first. Rejects when there are none. */
  addresses(host: string, family: 0 | 4 | 6): Promise<readonly string[]>;
  /** Text records of `host`. Rejects when there are none. */
  texts(host: string): Promise<readonly string[]>;
}

const FAMILIES = { dns: 0, dns4: 4, dns6: 6 } as const;

/**
 * The names of this machine's hosts file and name servers.
 * @param servers asked for text records in place of the system's
 */
export function systemNames(servers?: readonly string[]): NameService {
  return {
    async addresses(host, family) {
      const found = await lookup(host, { all: true, family, order: "verbatim" });
      return found.map(({ address }) => address);
    },
    async texts(host) {
      // A new one each time knows the servers that the machine has now, as laptops and containers get others.
      const resolver = new Resolver({ timeout: RECORD_MS, tries: 2 });
      if (servers !== undefined) resolver.setServers(servers);
      return (await resolver.resolveTxt(host)).map((parts) => parts.join(""));
    },
  };
}

/**
 * The addresses to dial for `address`, in order: itself where its host is an IP address, or where it is a WebSocket, whose server may
 * want to know the name. Empty when the name leads to none of the right kind.
 *
 * A name that leads to this machine, its link or its provider's metadata is followed only if the user gave it (`isNamed`) or it says so
 * (`localhost`): whoever may choose what a name stands for could have what listens there knocked at.
 */
export async function lookUp(
  address: NodeAddress,
  names: NameService,
  isNamed: boolean,
): Promise<readonly Target[]> {
  const { promise, reject } = Promise.withResolvers<never>();
  const givenUp = new AbortController();
  const callOff = patientTimer(LOOKUP_MS, () => {
    givenUp.abort();
    reject(new Error("no answer about the name"));
  });
  const patient = isNamed ? names : inTurn(names, givenUp.signal);
  try {
    return await Promise.race([targetsOf(address, patient, isNamed), promise]);
  } finally {
    callOff();
  }
}

/** The last question about a name that somebody else gave, by who is asked. */
const lastQuestions = new WeakMap<NameService, Promise<unknown>>();

/**
 * Asks about one name at a time. The system looks up two at once and cannot be called off: whoever says many names that no server
 * answers for would keep those waiting that the user gave.
 */
function inTurn(names: NameService, givenUp: AbortSignal): NameService {
  return {
    async addresses(host, family) {
      const before = lastQuestions.get(names) ?? Promise.resolve();
      const answer = before.then(() => {
        givenUp.throwIfAborted();
        return names.addresses(host, family);
      });
      lastQuestions.set(names, answer.catch(ignoreUnanswered));
      return await answer;
    },
    texts: (host) => names.texts(host),
  };
}

function ignoreUnanswered(): void {
  // Who asked is told; the next one has his turn.
}

async function targetsOf(
  address: NodeAddress,
  names: NameService,
  isNamed: boolean,
): Promise<readonly Target[]> {
  const { hostKind, host, text } = address;
  if (hostKind === "ip4" || hostKind === "ip6") return [{ address: text, host }];
  if (hostKind !== "dnsaddr") return await resolveHost(address, names, isNamed);
  const found: Target[] = [];
  for (const target of await recordsOf(address, names)) {
    // One that does not resolve says nothing about the others.
    const targets = await resolveHost(target, names, isNamed).catch((): Target[] => []);
    found.push(...targets.slice(0, NAME_ADDRESSES_MAX));
  }
  return found.slice(0, NAME_ADDRESSES_MAX);
}

async function resolveHost(
  address: NodeAddress,
  names: NameService,
  isNamed: boolean,
): Promise<readonly Target[]> {
  const { hostKind, host, text, websocket } = address;
  if (hostKind === "ip4" || hostKind === "ip6" || hostKind === "dnsaddr")
    return isNamed || !isNear(host) ? [{ address: text, host }] : [];
  const isLocal = reachOf(host) === "loopback";
  const family = FAMILIES[hostKind];
  const found = isLocal ? loopback(family) : await names.addresses(host, family);
  const believed = found.filter((ip) => isNamed || isLocal || !isNear(ip));
  const [first] = believed;
  if (websocket) {
    // It is dialled by its name, and any of what that stands for may be taken.
    const isWhole = first !== undefined && believed.length === found.length;
    return isWhole ? [{ address: text, host: first }] : [];
  }
  const tail = text.slice(`/${hostKind}/${host}`.length);
  return believed
    .slice(0, NAME_ADDRESSES_MAX)
    .map((ip) => ({ address: `/${isIPv6(ip) ? "ip6" : "ip4"}/${ip}${tail}`, host: ip }));
}

/** Whether a host means this machine or its surroundings, where nobody else knows what leads where. */
function isNear(host: string): boolean {
  const reach = reachOf(host);
  return reach === "loopback" || reach === "link";
}

function loopback(family: 0 | 4 | 6): readonly string[] {
  return ["127.0.0.1", "::1"].filter((ip) => family === 0 || isIPv6(ip) === (family === 6));
}

/** What the text records of a `/dnsaddr` say about the node that it names; no further `/dnsaddr`, so that no record leads in circles. */
async function recordsOf(
  { host, node }: NodeAddress,
  names: NameService,
): Promise<readonly NodeAddress[]> {
  const texts = await names.texts(`_dnsaddr.${host}`);
  const addresses = texts.map((text) => {
    const [key, value = ""] = text.split("=", 2);
    return key === "dnsaddr" ? readAddress(value) : undefined;
  });
  return addresses
    .filter((address) => address?.node === node && address.hostKind !== "dnsaddr")
    .filter((address) => address !== undefined)
    .slice(0, NAME_ADDRESSES_MAX);
}
