/** The checks of `doctor` that say who reaches whom (rule CLI42): this node its members, and they this node. */
import type { DiagnosticsJson, DialOutcomeJson, LinkJson, PeersJson } from "@pulsemesh/client";
import type { Finding } from "./doctor-finding.ts";

type Outcome = DialOutcomeJson["outcome"];

const check = "reach";

/** What to do about a dial that failed: `where` it was to, as seen `from`. */
const advice: Readonly<Record<Exclude<Outcome, "reached">, string>> = {
  refused:
    "the machine answers but nothing listens there: is the port published, forwarded or bound to another address?",
  "timed-out": "nothing answers: a firewall that drops TCP to that port, or a wrong address",
  unreachable: "there is no way to that network: a route, a VPN or another address is missing",
  "name-unknown": "the name does not resolve there: correct it, or add it to DNS or /etc/hosts",
  "wrong-node": "another node answers there: the address belongs to somebody else",
  "no-handshake":
    "something listens there and speaks otherwise: a private network whose key one of the two lacks (--network-key-file must be the same on both, or on neither), no node at all, or one that hangs",
  "not-dialled":
    "it was not tried: time was up, or it is a WebSocket address and there are no WebSockets on that side",
  failed: "it leads elsewhere or nowhere",
};

/** Reachability both ways; nothing where there is no member to try it with. */
export function linkFindings({ links, settings }: DiagnosticsJson, peers: PeersJson): Finding[] {
  if (links.length === 0) return [];
  const names = new Map(peers.peers.map(({ id, name }) => [id, name]));
  const nameOf = ({ node }: LinkJson): string => names.get(node) ?? node;
  const there = links.flatMap((link) => thereFinding(link, nameOf(link)));
  const here = hereFindings(links, nameOf, peers.self.addresses, settings.announce);
  const asked = links.filter(({ dialled_back: back }) => Array.isArray(back)).length;
  if (there.length + here.length > 0) return [...there, ...here];
  if (asked === 0) return [];
  // Of those left nobody could not be dialled; the others were not tried, as most are not in a large fleet.
  const tried = links.filter(({ dialled }) => dialled.length > 0).length;
  const detail = `this node reaches ${tried} of ${tried} members tried, and ${asked} of ${asked} asked reach it`;
  return [{ check, result: "ok", detail }];
}

/** Whether this node can dial a member. */
function thereFinding(link: LinkJson, name: string): Finding[] {
  if (link.dialled.some(({ outcome }) => outcome === "reached")) return [];
  if (link.dialled.length === 0) {
    if (link.connected === null) return [];
    const detail = `${name} says of no address where it can be reached from here`;
    const next = `run it with --listen on an address that this machine reaches, or with --announce`;
    return [{ check, result: "warn", detail, next: `${next}; as it is, only it can connect` }];
  }
  const one = link.connected === null ? "cannot reach" : "could not dial";
  const detail = `this node ${one} ${name}: ${outcomesText(link.dialled)}`;
  return [{ check, result: "warn", detail, next: nextOf(link.dialled) }];
}

/** Whether members can dial this node, and where what it announces leads. */
function hereFindings(
  links: readonly LinkJson[],
  nameOf: (link: LinkJson) => string,
  own: readonly string[],
  announced: readonly string[],
): Finding[] {
  const answers = links.flatMap((link) =>
    Array.isArray(link.dialled_back) ? [{ name: nameOf(link), outcomes: outcomesOf(link) }] : [],
  );
  const findings: Finding[] = [];
  for (const { name, outcomes } of answers) {
    if (outcomes.some(({ outcome }) => outcome === "reached")) continue;
    const detail =
      outcomes.length === 0
        ? `${name} knows no address where it could reach this node, which says: ${own.join(", ") || "none"}`
        : `${name} cannot reach this node: ${outcomesText(outcomes)}`;
    const next =
      outcomes.length === 0
        ? "run with --listen /ip4/0.0.0.0/tcp/7421, or with --announce and the address under which others reach this machine"
        : nextOf(outcomes);
    findings.push({ check, result: "warn", detail, next });
  }
  if (answers.length === 0 || findings.length === answers.length) return findings;
  for (const address of own.filter((text) => announced.some((one) => isSame(text, one)))) {
    const said = answers.flatMap(({ name, outcomes }) =>
      outcomes
        // What nobody tried says nothing of the address.
        .filter((one) => one.address === address && one.outcome !== "not-dialled")
        .map(({ outcome }) => ({ name, outcome })),
    );
    if (said.length === 0 || said.some(({ outcome }) => outcome === "reached")) continue;
    const words = said.map(({ name, outcome }) => `${name}: ${outcome}`).join(", ");
    const [first = { outcome: "failed" as const }] = said;
    const next = `correct or remove that --announce; ${adviceOn(first.outcome)}`;
    const detail = `${address} is announced and leads nobody here (${words})`;
    findings.push({ check, result: "warn", detail, next });
  }
  return findings;
}

function outcomesOf({ dialled_back: back }: LinkJson): readonly DialOutcomeJson[] {
  return Array.isArray(back) ? (back as readonly DialOutcomeJson[]) : [];
}

/** An announced address stands in the list with this node's id behind it. */
function isSame(address: string, announced: string): boolean {
  return address === announced || address.startsWith(`${announced}/p2p/`);
}

function outcomesText(outcomes: readonly DialOutcomeJson[]): string {
  return outcomes.map(({ address, outcome }) => `${shortOf(address)} ${outcome}`).join(", ");
}

/** Without the id, which everybody knows by then. */
function shortOf(address: string): string {
  return address.replace(/\/p2p\/[^/]+$/, "");
}

function nextOf(outcomes: readonly DialOutcomeJson[]): string {
  return [...new Set(outcomes.map(({ outcome }) => adviceOn(outcome)))].join("; ");
}

function adviceOn(outcome: Outcome): string {
  return outcome === "reached" ? "" : `${outcome}: ${advice[outcome]}`;
}
