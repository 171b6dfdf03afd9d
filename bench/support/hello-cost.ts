/** What the hello adds to a connection: the protocol, both grants read and judged, both answers, on real hosts in this process. */
import { randomBytes } from "node:crypto";
import { readClaims } from "@pulsemesh/core";
import type { PulsemeshNode } from "@pulsemesh/node";
import { multiaddr } from "@multiformats/multiaddr";
import { writeRequest } from "../../packages/node/src/authority/grant-request.ts";
import { generateSeed } from "../../packages/node/src/keys/ed25519.ts";
import { keyFromSeed } from "../../packages/node/src/keys/key-file.ts";
import { tokenPort } from "../../packages/node/src/ports/tokens.ts";
import { INSTANCE_BYTES } from "../../packages/transport-libp2p/src/hello-codec.ts";
import { sayHello } from "../../packages/transport-libp2p/src/hello-exchange.ts";
import { readPrivateKey } from "../../packages/transport-libp2p/src/private-key.ts";
import { createProbeHost } from "../../packages/transport-libp2p/src/host.ts";
import { helloProtocol } from "../../packages/transport-libp2p/src/protocol-ids.ts";
import { type Figures, figuresOf } from "./figures.ts";

const HELLO_MS_MAX = 5_000;
/** The first ones pay for the compiler. */
const WARM_UP = 10;

export interface HelloCost {
  /** TCP, Noise and yamux: what a connection costs without it. */
  readonly dialMs: Figures;
  readonly helloMs: Figures;
}

/** Lets so many members say hello at the issuer's node, one after the other. */
export async function helloCost(issuer: PulsemeshNode, members: number): Promise<HelloCost> {
  const costs = [];
  for (let i = 0; i < members + WARM_UP; i += 1) costs.push(await oneMember(issuer, i));
  const counted = costs.slice(WARM_UP);
  return {
    dialMs: figuresOf(counted.map(({ dialMs }) => dialMs)),
    helloMs: figuresOf(counted.map(({ helloMs }) => helloMs)),
  };
}

async function oneMember(
  at: PulsemeshNode,
  index: number,
): Promise<{ readonly dialMs: number; readonly helloMs: number }> {
  const [node, audit, cosign] = [keyOf(), keyOf(), keyOf()];
  const { fleet } = at;
  const asked = { fleet, name: `n${index}`, region: "eu", atS: Date.now() / 1_000 };
  const terms = { roles: ["robot"], robots: ["*"] } as const;
  const statements = await at.issuer?.grant(writeRequest(asked, { node, audit, cosign }), terms);
  const host = await createProbeHost(await readPrivateKey(node.protobuf), false, undefined);
  await host.start();
  try {
    const begunMs = performance.now();
    const connection = await host.dial(multiaddr(at.addresses()[0]));
    const dialledMs = performance.now();
    const stream = await connection.newStream(helloProtocol(fleet), { negotiateFully: true });
    const ours = {
      versionMin: 1,
      versionMax: 1,
      agent: "pulsemesh/bench",
      instance: randomBytes(INSTANCE_BYTES).toString("hex"),
      addresses: [],
      known: [],
      heard: [],
      grant: statements?.at(-1),
    };
    const { hello } = await sayHello(stream, ours, HELLO_MS_MAX);
    if (hello.refused !== undefined) throw new Error(`A member was refused: ${hello.refused}`);
    const theirs = tokenPort.read(hello.grant ?? "");
    if (theirs === undefined || !readClaims(theirs, fleet).ok) throw new Error("No grant came.");
    return { dialMs: dialledMs - begunMs, helloMs: performance.now() - dialledMs };
  } finally {
    await host.stop();
  }
}

function keyOf(): ReturnType<typeof keyFromSeed> {
  return keyFromSeed(generateSeed());
}
