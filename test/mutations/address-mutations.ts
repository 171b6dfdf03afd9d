/** Broken rules of where members are looked for, and of who reaches whom. */
import type { Killer, Mutation } from "./mutation.ts";

const TRANSPORT = "packages/transport-libp2p/src/";
const CLI = "packages/cli/src/commands/";

const unit = (file: string): Killer => ({ project: "unit", file });
const lookup = unit(`${TRANSPORT}name-lookup.test.ts`);
const dialBack: Killer = {
  project: "integration",
  file: "test/integration/transport-dial-back.test.ts",
};
export const addressMutations: readonly Mutation[] = [
  {
    id: "names-lead-home",
    rules: ["AD2", "P6"],
    breaks: "a name that somebody else gave is followed to this machine's own ports",
    file: `${TRANSPORT}name-lookup.ts`,
    search: "found.filter((ip) => isNamed || isLocal || !isNear(ip))",
    replacement: 'found.filter((ip) => isNamed || isLocal || ip !== "")',
    killer: lookup,
  },
  {
    id: "records-of-others",
    rules: ["AD2"],
    breaks: "a text record about another node is followed",
    file: `${TRANSPORT}name-lookup.ts`,
    search: 'address?.node === node && address.hostKind !== "dnsaddr"',
    replacement: 'address?.hostKind !== "dnsaddr"',
    killer: lookup,
  },
  {
    id: "name-addresses-off",
    rules: ["AD2", "P6"],
    breaks: "all addresses of a name are tried, however many it has",
    file: `${TRANSPORT}name-lookup.ts`,
    search: "    .slice(0, NAME_ADDRESSES_MAX)\n    .map(",
    replacement: "    .map(",
    killer: { ...lookup, title: "NAME_ADDRESSES_MAX" },
  },
  {
    id: "dial-back-for-all",
    rules: ["AD6", "P6"],
    breaks: "whoever asks is dialled back",
    file: `${TRANSPORT}dial-back.ts`,
    search: "if (!this.#deps.isTrusted(node)) {",
    replacement: 'if (node === "") {',
    killer: { ...dialBack, title: "a stranger gets nothing" },
  },
  {
    id: "dial-back-tells-all",
    rules: ["AD6"],
    breaks: "a member is told what came of dials to hosts that it does not connect from",
    file: `${TRANSPORT}dial-back.ts`,
    search: 'outcome === "reached" || isItsHost ? outcome : "failed"',
    replacement: "isItsHost ? outcome : outcome",
    killer: { ...dialBack, title: "AD3" },
  },
  {
    id: "dial-back-without-end",
    rules: ["AD6", "P6"],
    breaks: "a member is dialled back as often as it asks",
    file: `${TRANSPORT}dial-back.ts`,
    search: "DIAL_BACKS_AT_ONCE_MAX: number = 3;",
    replacement: "DIAL_BACKS_AT_ONCE_MAX: number = 300;",
    killer: { ...dialBack, title: "DIAL_BACKS_AT_ONCE_MAX" },
  },
  {
    id: "knocks-joined",
    rules: ["AD6"],
    breaks: "several addresses of a node are tried at once, which the host takes for one dial",
    file: `${TRANSPORT}dial-loop.ts`,
    search: "      await before;\n",
    replacement: "      void before;\n",
    killer: { ...dialBack, title: "AD3" },
  },
  {
    id: "page-is-a-node",
    rules: ["AD9"],
    breaks: "a web page may open a WebSocket to a node",
    file: `${TRANSPORT}websocket-guard.ts`,
    search: "return headers.origin !== undefined;",
    replacement: 'return headers.origin === "";',
    killer: {
      project: "integration",
      file: "test/integration/transport-websocket.test.ts",
      title: "AD9",
    },
  },
  {
    id: "clock-by-arrival",
    rules: ["AD7"],
    breaks: "a clock is measured by the newest pulse alone",
    file: "packages/core/src/pulse/wall-offset.ts",
    search: "return sorted[Math.floor(sorted.length / 2)];",
    replacement: "return sorted.at(-1);",
    killer: unit("packages/core/src/pulse/wall-offset.test.ts"),
  },
  {
    id: "clock-of-this-node",
    rules: ["CLI41"],
    breaks: "doctor takes this node's clock for the right one",
    file: `${CLI}doctor-clocks.ts`,
    search: "const middleMs = medianOf([0, ...known.map(({ offsetMs }) => offsetMs)]);",
    replacement: "const middleMs = medianOf([0]);",
    killer: unit(`${CLI}doctor-clocks.test.ts`),
  },
];
