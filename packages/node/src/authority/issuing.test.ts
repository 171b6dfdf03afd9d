import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandResult, type NodeId, type RootClaims, type Status } from "@pulsemesh/core";
import { CoreRig, createTestPorts } from "@pulsemesh/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeBase32 } from "../keys/base32.ts";
import { generateSeed } from "../keys/ed25519.ts";
import { keyFromSeed } from "../keys/key-file.ts";
import { tokenPort } from "../ports/tokens.ts";
import { decodeAnswer, encodeQuestion, type EnrolmentAnswer } from "./enrolment-frames.ts";
import { makeMember, requestOf, START_S } from "./enrolment.test-support.ts";
import { createIssuer, GRANT_LIFE_MS } from "./issuer.ts";
import { Issuing, OPEN_GRANT_LIFE_MS, UPKEEP_EVERY_MS } from "./issuing.ts";
import { signToken } from "./sign-token.ts";

const HOUR_MS = 3_600_000;
const ADDRESS = "/ip4/192.0.2.7/tcp/7421";
const TERMS = { roles: ["robot"], robots: ["zap-*"] } as const;

type Answer = (node: NodeId, question: Uint8Array) => Promise<Uint8Array>;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-issuing-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** An issuer beside a core of a closed fleet, whose disk takes everything at once. */
class Rig {
  readonly self = makeMember();
  readonly issuerKey = keyFromSeed(generateSeed());
  readonly rootKey = keyFromSeed(generateSeed());
  readonly statuses = new Map<NodeId, Status>();
  core!: CoreRig;
  answer: Answer | undefined;
  ring: (() => void) | undefined;
  #issuing: Issuing | undefined;
  #command = 0;

  async start(
    isOpen = false,
    charterKey = encodeBase32(this.issuerKey.publicKey),
  ): Promise<Issuing> {
    const fleet = encodeBase32(this.rootKey.publicKey);
    const key = encodeBase32(this.issuerKey.publicKey);
    const bounds = {
      expS: START_S + 90 * 86_400,
      roles: ["robot", "gateway", "operator"],
      robots: ["*"],
    } as const;
    const root: RootClaims = {
      kind: "root",
      signer: fleet,
      number: 1,
      previous: undefined,
      nextRootHash: "a".repeat(64),
      charterKey,
      issuers: [{ key, ...bounds }],
      voids: [],
      issuedS: START_S,
    };
    const ports = { ...createTestPorts("self"), tokens: tokenPort };
    const statements = [await signToken(root, this.rootKey.seed, fleet)];
    this.core = new CoreRig(this.self.id, {
      fleet,
      ports,
      config: { statements },
      wallMs: START_S * 1_000,
    });
    this.core.start();
    const view = (): ReturnType<typeof this.core.core.authority> =>
      this.core.core.authority(this.core.now);
    const issuer = createIssuer({
      dir,
      fleet,
      self: this.self.id,
      key: this.issuerKey,
      bounds,
      members: {
        grantOf: (node) => view().grants.find((grant) => grant.node === node)?.claims,
        isRevoked: (node) => view().revocations.some((each) => each.node === node),
      },
      now: () => this.core.now,
    });
    this.#issuing = new Issuing({
      issuer,
      key,
      self: this.self.id,
      view,
      statusOf: (node) => this.statuses.get(node),
      submit: (token) => this.submit(token),
      cutsOf: () => Promise.resolve([]),
      serve: (answer) => {
        this.answer = answer;
        return Promise.resolve();
      },
      addresses: () => [`${ADDRESS}/p2p/${this.self.id}`],
      isOpen,
      clock: {
        now: () => this.core.now,
        after: (_delayMs, run) => {
          this.ring = run;
          return () => (this.ring = undefined);
        },
      },
      logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    });
    await this.#issuing.start();
    return this.#issuing;
  }

  submit(token: string): Promise<CommandResult> {
    const id = ++this.#command;
    const command = { type: "statement", token } as const;
    const effects = [...this.core.input({ type: "command", id, command }), ...this.core.settle()];
    for (const effect of effects)
      if (effect.type === "reply" && effect.id === id) return Promise.resolve(effect.result);
    throw new Error("Nobody answered.");
  }

  async ask(
    member: ReturnType<typeof makeMember>,
    invite: string | undefined,
  ): Promise<EnrolmentAnswer> {
    const question = encodeQuestion({ invite, request: requestOf(member) });
    const bytes = await this.answer?.(member.id, question);
    const answer = bytes === undefined ? undefined : decodeAnswer(bytes);
    if (answer === undefined) throw new Error("Nobody answers at the desk.");
    return answer;
  }

  /** Time passes in one step, then what is due is looked at. */
  async pass(ms: number): Promise<void> {
    this.core.monoMs += ms;
    this.core.wallMs += ms;
    this.core.advance(2_000);
    this.ring?.();
    await this.#issuing?.idle();
  }

  get grants(): ReadonlyMap<NodeId, string> {
    return new Map(
      this.core.core.authority(this.core.now).grants.map(({ node, standing }) => [node, standing]),
    );
  }

  endOf(node: NodeId): number | undefined {
    const { grants } = this.core.core.authority(this.core.now);
    return grants.find((grant) => grant.node === node)?.expWallMs;
  }

  get fleet(): string {
    return encodeBase32(this.rootKey.publicKey);
  }

  get view(): ReturnType<typeof this.core.core.authority> {
    return this.core.core.authority(this.core.now);
  }

  get charter(): number | undefined {
    return this.core.core.authority(this.core.now).charter?.number;
  }
}

test("ME7 strangers are answered only while an invite is open, and whoever shows it is a member", async () => {
  const rig = new Rig();
  const issuing = await rig.start();
  expect(rig.answer).toBeUndefined();
  const invite = await issuing.invite({ ...TERMS, ttlMs: HOUR_MS });
  const member = makeMember();
  const answer = await rig.ask(member, invite);
  expect(answer).toMatchObject({ ok: true });
  expect(rig.grants.get(member.id)).toBe("granted");
  expect(answer.ok && answer.statements.length).toBe(3);
  expect(await rig.ask(makeMember(), invite)).toMatchObject({ ok: false, code: "invite-used" });
  await rig.pass(HOUR_MS);
  expect(rig.answer).toBeUndefined();
});

test("ME7 what the issuer answers is enough for a node that knows nothing else", async () => {
  const rig = new Rig();
  const issuing = await rig.start();
  const member = makeMember();
  const answer = await rig.ask(member, await issuing.invite({ ...TERMS, ttlMs: HOUR_MS }));
  if (!answer.ok) throw new Error(answer.code);
  const ports = { ...createTestPorts("new"), tokens: tokenPort };
  const fleet = encodeBase32(rig.rootKey.publicKey);
  const node = new CoreRig(member.id, {
    fleet,
    ports,
    config: { statements: answer.statements },
    wallMs: rig.core.wallMs,
  });
  expect(node.start().filter(({ type }) => type === "present")).toHaveLength(1);
  expect(node.core.authority(node.now).charter?.number).toBe(1);
});

test("ME7 without an invite nobody is enrolled, unless the node takes everybody, for a day", async () => {
  const rig = new Rig();
  const issuing = await rig.start();
  await issuing.invite({ ...TERMS, ttlMs: HOUR_MS });
  expect(await rig.ask(makeMember(), undefined)).toMatchObject({
    ok: false,
    code: "invite-unknown",
  });
  const open = new Rig();
  await open.start(true);
  const member = makeMember();
  expect(await open.ask(member, undefined)).toMatchObject({ ok: true });
  expect(open.endOf(member.id)).toBe(open.core.wallMs + OPEN_GRANT_LIFE_MS);
});

test("ME7 what is no question is answered with why, and grants nothing", async () => {
  const rig = new Rig();
  await rig.start(true);
  const bytes = await rig.answer?.("12D3KooWx", Uint8Array.of(1, 2, 3));
  expect(decodeAnswer(bytes ?? new Uint8Array())).toMatchObject({ code: "request-malformed" });
  const other = makeMember();
  const stolen = encodeQuestion({ invite: undefined, request: requestOf(makeMember()) });
  const refused = await rig.answer?.(other.id, stolen);
  expect(decodeAnswer(refused ?? new Uint8Array())).toMatchObject({ code: "request-malformed" });
  expect(rig.grants.size).toBe(0);
});

test("ME2 the holder of the charter key signs one at the start, every six hours, and after each revocation; nobody else does", async () => {
  const rig = new Rig();
  const issuing = await rig.start();
  expect(rig.charter).toBe(1);
  await rig.pass(UPKEEP_EVERY_MS);
  expect(rig.charter).toBe(1);
  await rig.pass(6 * HOUR_MS);
  expect(rig.charter).toBe(2);
  const member = makeMember();
  await issuing.grant(requestOf(member), TERMS);
  await issuing.revoke(member.id, "stolen");
  expect(rig.charter).toBe(3);
  expect(rig.grants.get(member.id)).toBe("revoked");
  const other = new Rig();
  await other.start(false, encodeBase32(keyFromSeed(generateSeed()).publicKey));
  expect(other.charter).toBeUndefined();
});

test("ME3 grants of members that live are renewed at half of their life, of others not", async () => {
  const rig = new Rig();
  const issuing = await rig.start();
  const [alive, dead] = [makeMember(), makeMember()];
  await issuing.grant(requestOf(alive), TERMS);
  await issuing.grant(requestOf(dead), TERMS);
  rig.statuses.set(alive.id, "up");
  rig.statuses.set(dead.id, "down");
  const endMs = rig.endOf(dead.id);
  await rig.pass(GRANT_LIFE_MS / 2 - HOUR_MS);
  expect(rig.endOf(alive.id)).toBe(endMs);
  await rig.pass(HOUR_MS);
  expect(rig.endOf(alive.id)).toBeGreaterThan((endMs ?? 0) + GRANT_LIFE_MS / 2 - HOUR_MS);
  expect(rig.endOf(dead.id)).toBe(endMs);
});

test.each([true, false])(
  "ME3, ME7 a day that everybody was given is renewed only while everybody is given one: %s",
  async (isOpen) => {
    const rig = new Rig();
    const issuing = await rig.start(isOpen);
    const member = makeMember();
    const roles = ["robot", "gateway", "operator"] as const;
    const day = { roles, robots: ["*"], lifeMs: OPEN_GRANT_LIFE_MS };
    await issuing.grant(requestOf(member), day);
    rig.statuses.set(member.id, "up");
    const endMs = rig.endOf(member.id) ?? 0;
    await rig.pass(OPEN_GRANT_LIFE_MS / 2 + HOUR_MS);
    expect((rig.endOf(member.id) ?? 0) > endMs).toBe(isOpen);
    await rig.pass(OPEN_GRANT_LIFE_MS);
    issuing.refused(member.id, "grant-expired");
    await issuing.idle();
    expect((rig.endOf(member.id) ?? 0) > rig.core.wallMs).toBe(isOpen);
  },
);

test("ME3 a node whose grant has ended is granted it anew when it comes, once a minute at most", async () => {
  const rig = new Rig();
  const issuing = await rig.start();
  const member = makeMember();
  await issuing.grant(requestOf(member), TERMS);
  // Twice, as it takes a charter of now for the end to count.
  await rig.pass(GRANT_LIFE_MS + HOUR_MS);
  await rig.pass(UPKEEP_EVERY_MS);
  expect(rig.grants.get(member.id)).toBe("expired");
  issuing.refused(member.id, "grant-none");
  await rig.pass(0);
  expect(rig.grants.get(member.id)).toBe("expired");
  issuing.refused(member.id, "grant-expired");
  await rig.pass(0);
  expect(rig.grants.get(member.id)).toBe("granted");
  const endMs = rig.endOf(member.id);
  issuing.refused(member.id, "grant-expired");
  await rig.pass(0);
  expect(rig.endOf(member.id)).toBe(endMs);
});

test("ME1 a node that nothing is granted to is not revoked, nor is the issuer's own", async () => {
  const rig = new Rig();
  const issuing = await rig.start();
  await expect(issuing.revoke(makeMember().id, "x")).rejects.toMatchObject({
    code: "peer-unknown",
  });
  await expect(issuing.revoke(rig.self.id, "x")).rejects.toMatchObject({ code: "option-invalid" });
});

test("ME7 after its end an issuer answers nobody and signs nothing", async () => {
  const rig = new Rig();
  const issuing = await rig.start(true);
  issuing.end();
  expect(rig.ring).toBeUndefined();
  issuing.refused(makeMember().id, "grant-expired");
  expect(rig.charter).toBe(1);
});

/** Root statement `number`, upon the one that the rig's node holds. */
async function nextRoot(
  rig: Rig,
  number: number,
  claims: Pick<RootClaims, "issuers" | "charterKey">,
): Promise<void> {
  const { fleet } = rig;
  const previous = rig.view.root?.id;
  const said = {
    kind: "root",
    signer: fleet,
    number,
    previous,
    nextRootHash: "a".repeat(64),
  } as const;
  const issuedS = Math.floor(rig.core.wallMs / 1_000);
  const token = await signToken(
    { ...said, voids: [], issuedS, ...claims },
    rig.rootKey.seed,
    fleet,
  );
  expect(await rig.submit(token)).toMatchObject({ ok: true });
}

test("ME3 what an issuer granted that is named no more is renewed by who signs the charter, and what a named one granted is not", async () => {
  const rig = new Rig();
  await rig.start();
  const [own] = rig.view.root?.issuers ?? [];
  if (own === undefined) throw new Error("The root names an issuer.");
  const otherKey = keyFromSeed(generateSeed());
  const other = { ...own, key: encodeBase32(otherKey.publicKey) };
  await nextRoot(rig, 2, { issuers: [own, other], charterKey: own.key });
  const member = makeMember();
  rig.statuses.set(member.id, "up");
  const by = createIssuer({
    dir,
    fleet: rig.fleet,
    self: member.id,
    key: otherKey,
    bounds: other,
    members: { grantOf: () => undefined, isRevoked: () => false },
    now: () => rig.core.now,
  });
  await rig.submit(await by.grant(requestOf(member), TERMS));
  const end = rig.endOf(member.id);
  await rig.pass(GRANT_LIFE_MS / 2 + HOUR_MS);
  expect(rig.endOf(member.id)).toBe(end);
  await nextRoot(rig, 3, { issuers: [own], charterKey: own.key });
  await rig.pass(UPKEEP_EVERY_MS);
  expect(rig.endOf(member.id)).toBeGreaterThan(end ?? 0);
  expect(rig.view.grants.find(({ node }) => node === member.id)?.issuer).toBe(own.key);
});

test("ME2 an issuer that the root names no more signs nothing of its own accord, and takes no strangers", async () => {
  const rig = new Rig();
  const issuing = await rig.start();
  const [own] = rig.view.root?.issuers ?? [];
  if (own === undefined) throw new Error("The root names an issuer.");
  await issuing.invite({ ...TERMS, ttlMs: HOUR_MS });
  expect(rig.answer).toBeDefined();
  const { charter } = rig;
  const other = { ...own, key: encodeBase32(keyFromSeed(generateSeed()).publicKey) };
  await nextRoot(rig, 2, { issuers: [other], charterKey: own.key });
  await rig.pass(UPKEEP_EVERY_MS);
  expect(rig.answer).toBeUndefined();
  expect(rig.charter).toBe(charter);
});
