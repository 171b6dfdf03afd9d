/**
 * What every implementation of the network port must do about who is let in (rule ME3), as tests: the second half of the transport contract,
 * on the same harnesses.
 */
import type { AdmissionRefusal, NodeId, Transport } from "@pulsemesh/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MemberSpec, TransportHarness } from "./transport-contract.ts";

const GRANT = "a.good.grant";
const SETTLE_MS = 20_000;
/** Some gossip heartbeats, and some more tries of whoever dials. */
const QUIET_MS = 3_000;
/** Longest wait before a node that was not let in is asked again; the rest is for the connection. */
const ASKED_AGAIN_MS = 70_000;

type Admit = (node: NodeId, grant: string | undefined) => AdmissionRefusal | undefined;

interface Guest extends MemberSpec {
  /** What it presents. @default nothing */
  readonly grant?: string | undefined;
  /** Whom it lets in. @default everybody */
  readonly admit?: Admit | undefined;
}

interface Member {
  readonly transport: Transport;
  /** What its handler was told, in order. */
  readonly log: string[];
  readonly gossip: string[];
  readonly messages: string[];
  readonly refused: NodeId[];
}

const byGrant: Admit = (_node, grant) => (grant === GRANT ? undefined : "grant-none");

/** Registers the suite for one implementation. */
export function admissionContract(
  name: string,
  createHarness: () => Promise<TransportHarness>,
): void {
  describe(`transport contract, admission: ${name}`, () => {
    let harness: TransportHarness;
    let members: Member[];

    beforeEach(async () => {
      harness = await createHarness();
      members = [];
    });
    afterEach(async () => {
      await Promise.all(members.map((member) => member.transport.stop()));
      await harness.dispose();
    });

    async function start({ grant, admit, ...spec }: Guest): Promise<Member> {
      const transport = await harness.create(spec);
      const member: Member = { transport, log: [], gossip: [], messages: [], refused: [] };
      members.push(member);
      transport.present(grant);
      await transport.start({
        admit: (node, presented) => {
          member.log.push(`admit ${node} ${presented}`);
          const refusal = admit?.(node, presented);
          if (refusal !== undefined) member.refused.push(node);
          return refusal;
        },
        gossip: (_topic, _from, bytes) => {
          member.gossip.push(new TextDecoder().decode(bytes));
          return "accept";
        },
        message: (_from, _channel, bytes) =>
          void member.messages.push(new TextDecoder().decode(bytes)),
        peerUp: ({ node }) => {
          member.log.push(`up ${node}`);
          transport.members([node], []);
        },
        peerDown: (node) => void member.log.push(`down ${node}`),
        rejected: (reason) => void member.log.push(`rejected ${reason}`),
      });
      return member;
    }

    const isUp = (member: Member, other: Member): boolean =>
      member.transport.peers().some(({ node }) => node === other.transport.node);
    const met = (first: Member, second: Member): Promise<void> =>
      harness.until("they met", () => isUp(first, second) && isUp(second, first), SETTLE_MS);

    test("ME3 AD10 both sides are asked, with the grant that the other presents, before it is up", async () => {
      const first = await start({ name: "m0", grant: "one" });
      const second = await start({ name: "m1", grant: "two", join: ["m0"] });
      await met(first, second);
      const [one, two] = [first.transport.node, second.transport.node];
      expect(first.log.slice(0, 2)).toEqual([`admit ${two} two`, `up ${two}`]);
      expect(second.log.slice(0, 2)).toEqual([`admit ${one} one`, `up ${one}`]);
    });

    test("ME3 AD10 who is not let in does not come up, knows it, neither hears nor is heard, and is not hammered; others go on", async () => {
      const first = await start({ name: "m0", grant: GRANT, admit: byGrant });
      const second = await start({ name: "m1", grant: GRANT, admit: byGrant, join: ["m0"] });
      await met(first, second);
      let round = 0;
      const hears = (): boolean => {
        round += 1;
        first.transport.publish("state", bytesOf(`warm-up ${round}`));
        return second.gossip.length > 0;
      };
      await harness.until("gossip flows", hears, SETTLE_MS);
      const guest = await start({ name: "guest", join: ["m0", "m1"] });
      const { node } = guest.transport;
      await harness.until("it was refused", () => first.refused.includes(node), SETTLE_MS);
      for (let index = 0; index < 60; index += 1) {
        first.transport.publish("state", bytesOf(`secret ${index}`));
        guest.transport.publish("state", bytesOf(`lie ${index}`));
        void guest.transport.send(first.transport.node, "direct", bytesOf("lie"));
        expect(await first.transport.send(node, "direct", bytesOf("secret"))).toBe(false);
        expect(guest.transport.peers()).toEqual([]);
        await harness.pass(QUIET_MS / 60);
      }
      const heard = (): number => second.gossip.filter((text) => text.startsWith("secret")).length;
      await harness.until("members go on", () => heard() === 60, SETTLE_MS);
      expect([guest.gossip, guest.messages]).toEqual([[], []]);
      for (const { transport, log, gossip, messages, refused } of [first, second]) {
        expect(gossip.filter((text) => text.startsWith("lie"))).toEqual([]);
        expect(messages).toEqual([]);
        expect(transport.peers()).toHaveLength(1);
        expect(log.filter((line) => /^(?:rejected|down)/.test(line))).toEqual([]);
        expect(log).not.toContain(`up ${node}`);
        expect(refused.length).toBeLessThan(15);
      }
    });

    test("ME3 AD11 who gets its grant later is let in later", async () => {
      const first = await start({ name: "m0", grant: GRANT, admit: byGrant });
      const guest = await start({ name: "guest", join: ["m0"] });
      const { node } = guest.transport;
      await harness.until("it was refused", () => first.refused.includes(node), SETTLE_MS);
      guest.transport.present(GRANT);
      await harness.until("it is in", () => isUp(first, guest), ASKED_AGAIN_MS);
      await met(first, guest);
      expect(await first.transport.send(node, "direct", bytesOf("welcome"))).toBe(true);
      await harness.until("it hears", () => guest.messages.length === 1, SETTLE_MS);
    });

    test("ME3 AD11 who is expelled is down at once, is asked again, and stays out while it is refused", async () => {
      let isExpelled = false;
      const admit: Admit = (_node, grant) => (isExpelled ? "grant-expired" : byGrant("", grant));
      const first = await start({ name: "m0", grant: GRANT, admit });
      const second = await start({ name: "m1", grant: GRANT, admit: byGrant, join: ["m0"] });
      await met(first, second);
      const { node } = second.transport;
      isExpelled = true;
      first.transport.expel([node], 1);
      expect(isUp(first, second)).toBe(false);
      expect(first.log.filter((line) => line === `down ${node}`)).toHaveLength(1);
      expect(await first.transport.send(node, "direct", bytesOf("secret"))).toBe(false);
      const downs = (): number => second.log.filter((line) => line.startsWith("down")).length;
      first.transport.lastWordSaid([node], 1);
      await harness.until("the other notices", () => downs() > 0, SETTLE_MS);
      await harness.until("it is asked again", () => first.refused.length > 0, ASKED_AGAIN_MS);
      await harness.pass(QUIET_MS);
      expect(isUp(first, second)).toBe(false);
      expect(first.log.filter((line) => line === `up ${node}`)).toHaveLength(1);
    });

    test("ME2 AD11 who is expelled is not heard, and hears gossip until it was told why, and a second more", async () => {
      let isExpelled = false;
      const admit: Admit = (_node, grant) => (isExpelled ? "grant-expired" : byGrant("", grant));
      const first = await start({ name: "m0", grant: GRANT, admit });
      const second = await start({ name: "m1", grant: GRANT, admit: byGrant, join: ["m0"] });
      await met(first, second);
      const { node } = second.transport;
      let round = 0;
      await harness.until(
        "gossip flows",
        () => {
          round += 1;
          first.transport.publish("state", bytesOf(`warm-up ${round}`));
          return second.gossip.length > 0;
        },
        SETTLE_MS,
      );
      isExpelled = true;
      first.transport.expel([node], 1);
      second.transport.publish("state", bytesOf("unheard"));
      await harness.pass(QUIET_MS);
      expect(first.gossip).not.toContain("unheard");
      first.transport.publish("state", bytesOf("why"));
      first.transport.lastWordSaid([node], 1);
      await harness.until("it hears why", () => second.gossip.includes("why"), SETTLE_MS);
      const downs = (): number => second.log.filter((line) => line.startsWith("down")).length;
      await harness.until("it is hung up on", () => downs() > 0, SETTLE_MS);
    });

    test("ME3 AD11 who is expelled by mistake comes up again", async () => {
      const first = await start({ name: "m0", grant: GRANT, admit: byGrant });
      const second = await start({ name: "m1", grant: GRANT, admit: byGrant, join: ["m0"] });
      await met(first, second);
      const { node } = second.transport;
      first.transport.expel([node, "nobody"], 1);
      first.transport.lastWordSaid([node, "nobody"], 1);
      const ups = (): number => first.log.filter((line) => line === `up ${node}`).length;
      await harness.until("it is back", () => ups() === 2, ASKED_AGAIN_MS);
      await met(first, second);
    });
  });
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
