/** An issuer at work, with time that a test passes on. */
import {
  type AuthorityView,
  type CommandResult,
  idsHash,
  type NodeId,
  type RootClaims,
  type Status,
} from "@pulsemesh/core";
import { CoreRig, createTestPorts } from "@pulsemesh/testkit";
import {
  decodeAnswer,
  encodeQuestion,
  type EnrolmentAnswer,
} from "../../packages/node/src/authority/enrolment-frames.ts";
import {
  makeMember,
  requestOf,
  START_S,
} from "../../packages/node/src/authority/enrolment.test-support.ts";
import { createIssuer, type Issuer } from "../../packages/node/src/authority/issuer.ts";
import { Issuing } from "../../packages/node/src/authority/issuing.ts";
import { signToken } from "../../packages/node/src/authority/sign-token.ts";
import { encodeBase32 } from "../../packages/node/src/keys/base32.ts";
import { generateSeed } from "../../packages/node/src/keys/ed25519.ts";
import { type Ed25519Key, keyFromSeed } from "../../packages/node/src/keys/key-file.ts";
import { tokenPort } from "../../packages/node/src/ports/tokens.ts";

const BOUNDS = {
  expS: START_S + 90 * 86_400,
  roles: ["robot", "gateway", "operator"],
  robots: ["*"],
} as const;

const ADDRESS = "/ip4/192.0.2.7/tcp/7421";

type Answer = (node: NodeId, question: Uint8Array) => Promise<Uint8Array>;

/** An issuer beside a core of a closed fleet, whose disk takes everything at once. */
export class IssuingRig {
  /** What it holds at its start, and how much later that is. */
  known: readonly string[] = [];
  lateMs: number = 0;
  isBehind: boolean = false;
  isTwin: boolean = false;
  readonly self: ReturnType<typeof makeMember> = makeMember();
  readonly issuerKey: Ed25519Key = keyFromSeed(generateSeed());
  readonly rootKey: Ed25519Key = keyFromSeed(generateSeed());
  readonly statuses: Map<NodeId, Status> = new Map();
  readonly remembered: string[] = [];
  /** Why strangers were refused, each time. */
  readonly turnedAway: string[] = [];
  core!: CoreRig;
  answer: Answer | undefined;
  ring: (() => void) | undefined;
  readonly #dir: string;
  #issuing: Issuing | undefined;
  #command = 0;

  /** @param dir - its data directory, which whoever made it removes */
  constructor(dir: string) {
    this.#dir = dir;
  }

  async start(
    isOpen: boolean = false,
    charterKey: string = encodeBase32(this.issuerKey.publicKey),
  ): Promise<Issuing> {
    const key = encodeBase32(this.issuerKey.publicKey);
    await this.#startCore(key, charterKey);
    const issuer = this.#createIssuer();
    this.#issuing = new Issuing({
      issuer,
      key,
      self: this.self.id,
      view: () => this.view,
      statusOf: (node) => this.statuses.get(node),
      isTwin: () => this.isTwin,
      isClockBehind: () => this.isBehind,
      submit: (token) => this.submit(token),
      remember: (token) => this.remembered.push(token),
      cutsOf: () => Promise.resolve([]),
      serve: (answer) => {
        this.answer = answer;
        return Promise.resolve();
      },
      addresses: () => [`${ADDRESS}/p2p/${this.self.id}`],
      isOpen,
      turnedAway: (code) => this.turnedAway.push(code),
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

  async #startCore(key: string, charterKey: string): Promise<void> {
    const { fleet } = this;
    const root: RootClaims = {
      kind: "root",
      signer: fleet,
      number: 1,
      previous: undefined,
      nextRootHash: "a".repeat(64),
      charterKey,
      issuers: [{ key, ...BOUNDS }],
      voids: [],
      issuedS: START_S,
    };
    const statements = [await signToken(root, this.rootKey.seed, fleet), ...this.known];
    this.core = new CoreRig(this.self.id, {
      fleet,
      ports: { ...createTestPorts("self"), tokens: tokenPort },
      config: { statements },
      wallMs: START_S * 1_000 + this.lateMs,
    });
    this.core.start();
  }

  #createIssuer(): Issuer {
    return createIssuer({
      dir: this.#dir,
      fleet: this.fleet,
      self: this.self.id,
      key: this.issuerKey,
      bounds: BOUNDS,
      members: {
        grantOf: (node) => this.view.grants.find((grant) => grant.node === node)?.claims,
        isRevoked: (node) => this.view.revocations.some((each) => each.node === node),
      },
      now: () => this.core.now,
    });
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

  /** A peer says that it holds the same. */
  compare(node: NodeId): void {
    const { codec, hash } = createTestPorts("b");
    const rows = [...this.core.rows.keys()].filter((row) => row.startsWith("authority/"));
    const ids = rows.map((row) => row.slice("authority/".length));
    const digest = idsHash({ codec, hash }, ids);
    this.core.input({ type: "peer-up", peer: { node, agent: "t", addresses: [] } });
    const bytes = codec.encode(["statements", Buffer.from(digest, "hex")]);
    this.core.input({ type: "message", channel: "sync", from: node, bytes });
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

  get view(): AuthorityView {
    return this.core.core.authority(this.core.now);
  }

  get charter(): number | undefined {
    return this.core.core.authority(this.core.now).charter?.number;
  }
}
