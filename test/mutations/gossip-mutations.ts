/** Broken rules of the streams that gossip goes out on (rule CH6). */
import type { Killer, Mutation } from "./mutation.ts";

const TRANSPORT = "packages/transport-libp2p/src/";
const streams: Killer = { project: "unit", file: `${TRANSPORT}gossip-streams.test.ts` };

export const gossipMutations: readonly Mutation[] = [
  {
    id: "gossip-waits-for-stalled-links",
    rules: ["CH6", "P6"],
    breaks: "the router opens the streams itself, one after the other",
    file: `${TRANSPORT}gossip-gate.ts`,
    search: "if (this.#open.has(node)) return this.#streams.offer(connection);",
    replacement: "if (this.#open.has(node)) return topology.onConnect?.(peer, connection);",
    killer: {
      project: "integration",
      file: "test/integration/transport-gossip-streams.test.ts",
      title: "members whose links stall",
    },
  },
  {
    id: "gossip-stream-ends-with-its-connection",
    rules: ["CH6"],
    breaks: "gossip stays away where of two connections the one ends that it ran on",
    file: `${TRANSPORT}gossip-streams.ts`,
    search: "else this.#openIfNone(outgoing);",
    replacement: "",
    killer: { ...streams, title: "while its stream is opened" },
  },
  {
    id: "gossip-stream-tried-once",
    rules: ["CH6"],
    breaks: "a stream that failed is not opened again while its connection stands",
    file: `${TRANSPORT}gossip-streams.ts`,
    search:
      "outgoing.callOff = this.#deps.after(STREAM_AGAIN_MS, () => this.#openIfNone(outgoing));",
    replacement: "outgoing.callOff = undefined;",
    killer: { ...streams, title: "a stream that failed" },
  },
  {
    id: "gossip-stream-given-up-unseen",
    rules: ["CH6", "P6"],
    breaks: "a member that loses the stream of its own gossip is sent none until it is hung up on",
    file: `${TRANSPORT}gossip-streams.ts`,
    search: "      lose();\n",
    replacement: "",
    killer: {
      project: "integration",
      file: "test/integration/transport-gossip-streams.test.ts",
      title: "a member that loses the stream of its own gossip",
    },
  },
  {
    id: "gossip-stream-given-up-twice",
    rules: ["CH6"],
    breaks: "when a stream ends that was given up, the one in its place counts as lost",
    file: `${TRANSPORT}gossip-streams.ts`,
    search: "if (!isLost) lost();",
    replacement: "lost();",
    killer: { ...streams, title: "in place of a stream that the router gives up" },
  },
  {
    id: "gossip-stream-given-up-kept",
    rules: ["CH6", "P6"],
    breaks:
      "who loses its own stream again and again, and reads nothing, has a backlog held for each",
    file: `${TRANSPORT}gossip-streams.ts`,
    search: '() => stream.abort(new Error("not closed"))',
    replacement: "() => undefined",
    killer: { ...streams, title: "in place of a stream that the router gives up" },
  },
  {
    id: "gossip-stream-tried-at-will",
    rules: ["CH6", "P6"],
    breaks:
      "whoever resets the stream and opens one of his has it opened again at once, as often as he likes",
    file: `${TRANSPORT}gossip-streams.ts`,
    search: "if (outgoing.connections.includes(connection)) return;",
    replacement: "",
    killer: { ...streams, title: "while one waits to try again" },
  },
  {
    id: "gossip-stream-tried-for-ever",
    rules: ["CH6"],
    breaks: "a stream to a peer that is out is tried again",
    file: `${TRANSPORT}gossip-streams.ts`,
    search: "if (outgoing.ended.signal.aborted) return;",
    replacement: "",
    killer: { ...streams, title: "to a peer that is to hear nothing" },
  },
];
