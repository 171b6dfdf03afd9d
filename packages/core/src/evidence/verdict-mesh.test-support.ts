/**
 * A closed fleet on virtual time in which somebody dies, and what its nodes can show of that: for the tests in this folder. Nothing outside of tests
 * imports it; ports and the hand that signs statements are handed in, because core has none.
 */
import { Authority } from "../authority/authority.ts";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import { VirtualNeighbours } from "../liveness/virtual-neighbours.test-support.ts";
import { Outbox } from "../outbox.ts";
import type { Ports } from "../ports.ts";
import { toBase64Url } from "./base64url.ts";
import { type Bundle, sealedBytes } from "./bundle.ts";
import { makeBundle } from "./make-bundle.ts";

export const FOUR: readonly NodeId[] = ["na", "nb", "nc", "nd"];

interface Kit {
  readonly portsOf: (node: NodeId) => Ports;
  readonly authority: {
    readonly fleet: string;
    root(): string;
    grant(node: NodeId): string;
  };
}

export interface VerdictMesh {
  meshOf(names?: readonly NodeId[]): VirtualNeighbours;
  /** The root statement and a grant for each, without those that `tokens` brings instead. */
  statementsOf(
    names?: readonly NodeId[],
    tokens?: Readonly<Record<NodeId, string>>,
  ): readonly string[];
  /** The bundle that `at` makes of its newest verdict about `about`. */
  bundleText(
    net: VirtualNeighbours,
    about: NodeId,
    at: NodeId,
    statements?: readonly string[],
  ): string;
  /** The same with another content, signed by `by` as if it were its own. */
  resealed(text: string, change: (bundle: Bundle) => Record<string, unknown>, by?: NodeId): string;
  envOf(self: NodeId): Env;
}

export function verdictMesh({ portsOf, authority }: Kit): VerdictMesh {
  const envOf = (self: NodeId): Env => {
    const identity = { fleet: authority.fleet, self, name: self, region: "r", agent: "t" };
    return { identity, config: coreConfig(), ports: portsOf(self), out: new Outbox() };
  };
  const statementsOf: VerdictMesh["statementsOf"] = (names = FOUR, tokens = {}) => [
    authority.root(),
    ...names.map((node) => tokens[node] ?? authority.grant(node)),
  ];
  return {
    envOf,
    statementsOf,
    meshOf: (names = FOUR) => {
      const net = new VirtualNeighbours(names, portsOf, {}, { fleet: authority.fleet });
      net.run(10_000);
      return net;
    },
    bundleText: (net, about, at, statements = statementsOf(net.nodes.map(({ id }) => id))) => {
      const node = net.node(at);
      const now = net.clockOf(node);
      const file = node.near.evidence.newestOf(about, now);
      if (file === undefined) throw new Error(`${at} knows of no verdict about ${about}`);
      const held = new Authority(node.env);
      for (const token of statements) held.take(token);
      const named = (id: NodeId): { name: string; region: string } => ({ name: id, region: "r" });
      return makeBundle(node.env, { file, named, authority: held }, now);
    },
    resealed: (text, change, by) => {
      const { sig: _, ...bundle } = JSON.parse(text) as Bundle & { readonly sig: string };
      const changed = { ...bundle, ...change(bundle), ...(by === undefined ? {} : { by }) };
      const env = envOf(changed.by);
      const sealed = sealedBytes(env, changed.fleet, JSON.stringify(changed));
      const sig = toBase64Url(env.ports.signature.sign(sealed));
      return `${JSON.stringify({ ...changed, sig })}\n`;
    },
  };
}
