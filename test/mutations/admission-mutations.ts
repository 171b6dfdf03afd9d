/** Broken rules of the transport about who is let in: what is asked of whom, told to whom and taken from whom. */
import type { Killer, Mutation } from "./mutation.ts";

const TRANSPORT = "packages/transport-libp2p/src/";

const hosts = (title: string): Killer => ({
  project: "integration",
  file: "test/integration/transport-admission.test.ts",
  title,
});

export const admissionMutations: readonly Mutation[] = [
  {
    id: "hello-lets-everybody-in",
    rules: ["ME3", "AD10"],
    breaks: "core is not asked who is let in",
    file: `${TRANSPORT}greeter.ts`,
    search: "const refusal = this.#listener.admit(node, hello);",
    replacement:
      "const refusal = hello.versionMin > 0 ? undefined : this.#listener.admit(node, hello);",
    killer: hosts("flood hellos"),
  },
  {
    id: "addresses-told-to-strangers",
    rules: ["AD10"],
    breaks: "a hello names other members to whoever gets it",
    file: `${TRANSPORT}libp2p-transport.ts`,
    search: "isIn ? KNOWN_ADDRESSES_MAX : 0",
    replacement: "isIn ? KNOWN_ADDRESSES_MAX : 64",
    killer: hosts("told of nobody else"),
  },
  {
    id: "gossip-sent-to-strangers",
    rules: ["ME3", "AD10"],
    breaks: "the gossip router hears of every peer that connects",
    file: `${TRANSPORT}gossip-gate.ts`,
    search: "if (this.#open.has(node)) return topology",
    replacement: "if (node !== undefined) return topology",
    killer: hosts("gets no gossip"),
  },
  {
    id: "gossip-read-from-strangers",
    rules: ["ME3", "AD10"],
    breaks: "the gossip router reads the streams of every peer that connects",
    file: `${TRANSPORT}gossip-gate.ts`,
    search: "if (this.#open.has(node)) return handler",
    replacement: "if (node !== undefined) return handler",
    killer: hosts("gets no gossip"),
  },
  {
    id: "frames-read-before-hello",
    rules: ["AD10"],
    breaks: "frames are read before their sender is let in",
    file: `${TRANSPORT}peer-session.ts`,
    search: "if (this.info !== undefined) {\n      open();",
    replacement: "if (this.#options.node !== undefined) {\n      open();",
    killer: hosts("frames on direct and sync"),
  },
  {
    id: "dial-back-for-strangers",
    rules: ["AD6", "AD10"],
    breaks: "a member of the roster that is not let in is dialled back for",
    file: `${TRANSPORT}libp2p-transport.ts`,
    search: "this.#sessions.isUp(node) && this.#book.isTrusted(node)",
    replacement: "this.#book.isTrusted(node)",
    killer: hosts("frames on direct and sync"),
  },
  {
    id: "hello-awaited-for-long",
    rules: ["ME3"],
    breaks: "who presents nothing has 9 s",
    file: `${TRANSPORT}options.ts`,
    search: "helloGraceMs: 5_000",
    replacement: "helloGraceMs: 9_000",
    killer: hosts("presents nothing"),
  },
  {
    id: "revoked-asked-each-time",
    rules: ["AD11"],
    breaks: "a revoked node may say hello as often as it calls",
    file: `${TRANSPORT}libp2p-transport.ts`,
    search: 'if (refusal === "revoked") this.#denied',
    replacement: 'if (refusal === "not-ready") this.#denied',
    killer: hosts("a revoked node"),
  },
  {
    id: "ended-grant-stays-up",
    rules: ["AD11"],
    breaks: "a peer whose grant has ended is heard until its connection ends",
    file: `${TRANSPORT}libp2p-transport.ts`,
    search: "this.#denied.deny(node, performance.now());\n    this.#drop(node);",
    replacement: "this.#denied.deny(node, performance.now());",
    killer: hosts("a further hello"),
  },
  {
    id: "members-lost-with-disk",
    rules: ["AD11"],
    breaks: "a node that cannot judge for a moment parts from everybody",
    file: `${TRANSPORT}greeter.ts`,
    search: 'if (refusal === "not-ready" &&',
    replacement: 'if (refusal === "revoked" &&',
    killer: hosts("a further hello"),
  },
  {
    id: "refused-are-hammered",
    rules: ["AD11"],
    breaks: "who was not let in is dialled again after the first wait each time",
    file: `${TRANSPORT}dialer.ts`,
    search: "TURNED_AWAY_MS_MIN * 2 ** member.turnedAway",
    replacement: "TURNED_AWAY_MS_MIN",
    killer: { project: "unit", file: `${TRANSPORT}dialer.test.ts` },
  },
];
