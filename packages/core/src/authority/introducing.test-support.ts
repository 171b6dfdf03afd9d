/** A node of a closed fleet, and what its root signs, for tests of who is asked for a row of root statements and what is taken of it (rule ME2). */
import { AUTHORITY_EPOCH_S, CoreRig, createTestPorts, TestAuthority } from "@pulsemesh/testkit";
import type { AdmissionRefusal } from "../driver/transport.ts";
import type { Effect } from "../effect.ts";
import type { CodecPort } from "../ports.ts";
import type { RootClaims } from "./claims.ts";

/** When the fleet began, in seconds. */
export const T: number = AUTHORITY_EPOCH_S;
export const fleet: TestAuthority = new TestAuthority();
export const codec: CodecPort = createTestPorts("a").codec;
export const idOf = (token: string): string => TestAuthority.idOf(token);

/** Signed with the fleet's first key, if nothing else is said. */
export const upon = (before: string, number: number, claims: Partial<RootClaims> = {}): string =>
  fleet.root({ number, previous: idOf(before), issuedS: T + number * 10, ...claims });

/** The one issuer, and the charter's key. */
export const by = (name: string): { issuers: RootClaims["issuers"]; charterKey: string } => ({
  issuers: [fleet.issuer(name)],
  charterKey: fleet.key(name),
});

export const grantBy = (name: string, node: string, afterS: number = 100): string =>
  fleet.grant(node, { signer: fleet.key(name), issuedS: T + afterS });

/** The first root statement, what follows it by the same key, and what a thief of that key has signed in its place. */
export const R1: string = fleet.root();
export const R2: string = upon(R1, 2, by("second"));
export const THIEF: string = upon(R1, 2, by("thief"));
/** What the node was made a member with. */
export const OWN: string = fleet.grant("a");

/** The node `a`, which holds these. */
export function start(
  statements: readonly string[] = [R1, OWN],
  rows?: Map<string, Uint8Array>,
  days: number = 0,
): CoreRig {
  const wallMs = (T + days * 86_400) * 1_000;
  const rig = new CoreRig("a", { fleet: fleet.fleet, config: { statements }, rows, wallMs });
  rig.start();
  return rig;
}

/** Why who says hello is not let in. */
export function hello(rig: CoreRig, from: string, grant?: string): AdmissionRefusal | undefined {
  const [answer] = rig.input({ type: "hello", from, grant });
  if (answer?.type !== "admit") throw new Error("The first effect must answer a hello.");
  return answer.refusal;
}

/** Its row of root statements, which it was asked for. */
export const show = (rig: CoreRig, from: string, row: unknown): readonly Effect[] => [
  ...rig.input({ type: "root-row", from, bytes: codec.encode(row) }),
  ...rig.settle(),
];

export const questionsOf = (rig: CoreRig): readonly string[] =>
  rig.core.introducing.questions(rig.now);

/** As `pulsemesh key publish` does. */
export function publish(rig: CoreRig, tokens: readonly string[]): void {
  rig.input({ type: "command", id: 1, command: { type: "statements", tokens } });
  rig.settle();
}

/** A statement comes by gossip. */
export function give(rig: CoreRig, from: string, token: string): void {
  rig.input({ type: "gossip", topic: "authority", from, bytes: codec.encode(token) });
  rig.settle();
}

export const up = (rig: CoreRig, node: string): readonly Effect[] =>
  rig.input({ type: "peer-up", peer: { node, agent: "t", addresses: [] } });

export const rootOf = (rig: CoreRig): string | undefined => rig.core.authority(rig.now).root?.id;
