/**
 * Fills the data folder of a stopped node with what it would hold of a large fleet: chains of many authors, each signed with a key of its
 * own and written by a core of its own, as they would have come by sync.
 */
import {
  coreConfig,
  type Core,
  createCore,
  type Effect,
  type Input,
  type Store,
  type StoreOp,
} from "@pulsemesh/core";
import type { PulsemeshNode } from "@pulsemesh/node";
import { createLevelStore } from "@pulsemesh/store-level";
import { writeRequest } from "../../packages/node/src/authority/grant-request.ts";
import { generateSeed } from "../../packages/node/src/keys/ed25519.ts";
import { keyFromSeed } from "../../packages/node/src/keys/key-file.ts";
import { nodeIdOf } from "../../packages/node/src/keys/peer-id.ts";
import { createPortsFactory } from "../../packages/node/src/ports/create-ports.ts";

/** Rows of an author that its followers hold as well. */
const SHARED_ROW = /^(?:chain|part|member)\//;
const SETTLE_STEPS_MAX = 1_000;

/** Makes so many authors members at the node that issues: the seeds of their keys. */
export async function grantAuthors(
  { fleet, issuer }: PulsemeshNode,
  authors: number,
): Promise<readonly Uint8Array[]> {
  const seeds = Array.from({ length: authors }, () => generateSeed());
  for (const [index, seed] of seeds.entries()) {
    const [node, audit, cosign] = [seed, generateSeed(), generateSeed()].map(keyFromSeed);
    if (node === undefined || audit === undefined || cosign === undefined) continue;
    const asked = { fleet, name: `node-${index}`, region: "eu", atS: Date.now() / 1_000 };
    const request = writeRequest(asked, { node, audit, cosign });
    await issuer?.grant(request, { roles: ["robot"], robots: ["*"] });
  }
  return seeds;
}

/** Adds a chain of `robots` records for each author to the store in `dir`, which nobody may have open. */
export async function fillStore(
  dir: string,
  fleet: string,
  authors: readonly Uint8Array[],
  robots: number,
): Promise<void> {
  const store = createLevelStore({ dir });
  await store.open();
  for (const [index, seed] of authors.entries())
    await addAuthor(store, fleet, { index, seed }, robots);
  await store.close();
}

async function addAuthor(
  store: Store,
  fleet: string,
  { index, seed }: { readonly index: number; readonly seed: Uint8Array },
  robots: number,
): Promise<void> {
  const { publicKey } = keyFromSeed(seed);
  const identity = {
    fleet,
    self: nodeIdOf(publicKey),
    name: `node-${index}`,
    region: "eu",
    agent: "pulsemesh/bench",
  };
  const author = new Author(createCore(createPortsFactory(seed)(), identity, coreConfig()));
  for (let robot = 0; robot < robots; robot += 1) {
    const name = `robot-${index}-${robot}`;
    author.command({ type: "beat", robot: name, kind: "beat", create: "heartbeat" });
    author.command({
      type: "patch-state",
      robot: name,
      patch: { status: "scanning", progress: robot, note: "nothing found so far" },
    });
  }
  await store.commit([...author.rows.values()].filter(({ key }) => SHARED_ROW.test(key)));
}

/** A core whose disk is a map. */
class Author {
  readonly rows: Map<string, StoreOp> = new Map();
  readonly #core: Core;
  #commands = 0;

  constructor(core: Core) {
    this.#core = core;
    this.#take({ type: "restore", rows: [], done: true });
  }

  command(command: Extract<Input, { readonly type: "command" }>["command"]): void {
    this.#commands += 1;
    this.#take({ type: "command", id: this.#commands, command });
  }

  #take(first: Input): void {
    const queue: Input[] = [first];
    for (let step = 0; queue.length > 0 && step < SETTLE_STEPS_MAX; step += 1) {
      const now = { monoMs: performance.now(), wallMs: Date.now() };
      for (const effect of this.#core.handle(queue.shift() as Input, now))
        queue.push(...this.#carryOut(effect));
    }
  }

  #carryOut(effect: Effect): readonly Input[] {
    if (effect.type !== "persist") return [];
    for (const op of effect.ops) {
      if (op.type === "put") this.rows.set(op.key, op);
      else this.rows.delete(op.key);
    }
    return [{ type: "committed", commit: effect.commit }];
  }
}
