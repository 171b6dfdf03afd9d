/**
 * Who may stay: runs the hello on every connection, and hangs up on nodes of other fleets, nodes without a common version, nodes that core does
 * not let in, and whoever connects and says nothing. Decides nothing about dialling; it tells its listener.
 */
import { performance } from "node:perf_hooks";
import type { Connection, IdentifyResult, Stream } from "@libp2p/interface";
import { UnsupportedProtocolError } from "@libp2p/interface";
import type {
  AdmissionRefusal,
  FleetId,
  FormerAnswer,
  NodeId,
  RootRowWorth,
  TransportRejectReason,
} from "@pulsemesh/core";
import { agreeVersion } from "./hello-codec.ts";
import type { Hello } from "./hello-codec.ts";
import { answerHello, HelloError, readHello, sayHello } from "./hello-exchange.ts";
import type { Host } from "./host.ts";
import { patientTimer } from "./patient-timer.ts";
import { HELLOS_AT_ONCE_MAX, HELLOS_PER_SECOND_MAX, PeerBudget } from "./peer-budget.ts";
import { fleetsOffered, helloProtocol } from "./protocol-ids.ts";
import { RootRows } from "./root-rows.ts";

/** The protocol versions that this build speaks. */
export const VERSIONS: Pick<Hello, "versionMin" | "versionMax"> = { versionMin: 1, versionMax: 1 };

/** Most hello streams open at once on one connection. */
const HELLO_STREAMS_MAX: number = 4;
/** Time that a refused node has for its own look at this one. */
const HANG_UP_DELAY_MS = 500;
/** A further hello that says so takes two round trips. */
const SAY_REFUSED_MS = 3_000;

export interface GreeterListener {
  /** Whether `node` has said hello before, on any connection that still stands. */
  isUp(node: NodeId): boolean;
  /** Whether `node`, which has said `hello`, is let in: undefined for yes. Counts what it refuses. */
  admit(node: NodeId, hello: Hello): AdmissionRefusal | undefined;
  /** Whether `node` was let in, is out by now, and is still to hear why. */
  isToHear(node: NodeId): boolean;
  /** Whether `node`, which has said `hello`, is one that this node was to find, and by what this one knows nobody can say whether it is a member. */
  lacksIssuerOf(node: NodeId, hello: Hello): boolean;
  /** The grants to ask it with; undefined where it is what is presented. */
  rootQuestions(): readonly string[] | undefined;
  /** What `node`, which asks for this one's row of root statements and presents this grant, is told; undefined where it is not let in. */
  rootRow(node: NodeId, grant: string): Uint8Array | undefined;
  /** The same for one that is let in no longer, and shows a grant that it had; undefined where it never was. */
  formerRow(node: NodeId, grant: string): Uint8Array | undefined;
  /** Whether `node`, which does not let this one in, is a member by what this one knows, as this one is. */
  lacksRowOf(node: NodeId): boolean;
  formerAsked(node: NodeId, answer: FormerAnswer): void;
  /** The row of root statements of such a node, which it was asked for, undefined where it says none; it is judged by what is known then. */
  takeRootRow(node: NodeId, bytes: Uint8Array | undefined): RootRowWorth | undefined;
  /** By such a row: who was not let in by what was known before may be now. */
  rootsChanged(): void;
  /** What to say to `node` now; whoever is not let in, or not yet, is told of nobody else. */
  hello(node: NodeId, isIn: boolean): Hello;
  /** Both sides have said hello. `roundTripMs` is known to the side that spoke first. */
  greeted(
    node: NodeId,
    hello: Hello,
    connection: Connection,
    roundTripMs: number | undefined,
  ): void;
  rejected(reason: TransportRejectReason, node: NodeId): void;
  /** Of another fleet, or without a common version: not to be dialled again soon. The connection is being closed. */
  refused(node: NodeId): void;
  /** Not let in, or not any more: the same, but it may be soon. */
  turnedAway(node: NodeId, refusal: AdmissionRefusal): void;
  /** The statement by which `node` is not let in, to be shown to it. */
  proof(node: NodeId): string | undefined;
  /** The other way round: `node` says that it does not let this one in, and shows by which statement; whether this one lets it in or not. */
  refusedBy(node: NodeId, reason: string, proof: string | undefined): void;
  /** The same of one that this one would have let in. */
  shutOut(node: NodeId, reason: string): void;
}

export interface GreeterLimits {
  readonly helloTimeoutMs: number;
  readonly helloAnswerMs: number;
  readonly helloGraceMs: number;
}

interface Verdict {
  readonly isIn: boolean;
  /** What the peer is told of why it is not, and shown. */
  readonly refused?: string | undefined;
  readonly proof?: string | undefined;
  /** It gets no answer, and is not hung up on. */
  readonly isIgnored?: boolean | undefined;
}

/** A node found unfit, until it is hung up on. */
interface Refusing {
  readonly timer: NodeJS.Timeout;
  /** Which has said hello; undefined where nothing that it says changes anything. */
  readonly instance: string | undefined;
  /** Those that are hung up on; one that another instance of it has opened since may stay. */
  readonly connections: Set<Connection>;
  readonly over: PromiseWithResolvers<void>;
}

export class Greeter {
  readonly #host: Host;
  readonly #fleet: FleetId;
  readonly #listener: GreeterListener;
  readonly #limits: GreeterLimits;
  readonly #rootRows: RootRows;
  /** Inbound connections that have not said hello, with what hangs up on them. */
  readonly #silent = new Map<Connection, () => void>();
  readonly #refusing = new Map<NodeId, Refusing>();
  readonly #hellos = new PeerBudget({
    atOnceMax: HELLOS_AT_ONCE_MAX,
    perSecondMax: HELLOS_PER_SECOND_MAX,
  });
  #stopped = false;

  constructor(
    deps: { readonly host: Host; readonly listener: GreeterListener },
    options: { readonly fleet: FleetId; readonly limits: GreeterLimits },
  ) {
    this.#host = deps.host;
    this.#listener = deps.listener;
    this.#rootRows = new RootRows({
      host: deps.host,
      fleet: options.fleet,
      rowFor: (node, grant) => this.#listener.rootRow(node, grant),
      formerRowFor: (node, grant) => this.#listener.formerRow(node, grant),
      take: (node, row) => this.#takeRow(node, row) === "known",
      silent: (node) => void this.#listener.takeRootRow(node, undefined),
      formerAsked: (...asked) => this.#listener.formerAsked(...asked),
      now: () => performance.now(),
      after: patientTimer,
    });
    this.#fleet = options.fleet;
    this.#limits = options.limits;
  }

  /** Registers the protocol; before the host starts, so that no early caller misses it. */
  async start(): Promise<void> {
    await this.#host.handle(helloProtocol(this.#fleet), this.#answer, {
      maxInboundStreams: HELLO_STREAMS_MAX,
      maxOutboundStreams: HELLO_STREAMS_MAX,
    });
    await this.#rootRows.start();
    this.#host.addEventListener("connection:open", this.#opened);
    this.#host.addEventListener("connection:close", this.#closed);
    this.#host.addEventListener("peer:identify", this.#identified);
  }

  stop(): void {
    this.#stopped = true;
    this.#host.removeEventListener("connection:open", this.#opened);
    this.#host.removeEventListener("connection:close", this.#closed);
    this.#host.removeEventListener("peer:identify", this.#identified);
    for (const callOff of this.#silent.values()) callOff();
    this.#silent.clear();
    for (const { timer } of this.#refusing.values()) clearTimeout(timer);
    this.#refusing.clear();
  }

  /** This node parts from them: each may ask by which statement. */
  expelled(nodes: readonly NodeId[]): void {
    this.#rootRows.expelled(nodes);
  }

  /** Says hello on `connection`: when this side opened it, and again to exchange addresses. Never rejects: nobody waits for it, and the process would end. */
  async greet(connection: Connection): Promise<void> {
    try {
      await this.#greet(connection);
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error("hello failed"));
    }
  }

  async #greet(connection: Connection): Promise<void> {
    const node = connection.remotePeer.toString();
    if (this.#refusing.has(node)) return;
    let answer: Awaited<ReturnType<typeof sayHello>>;
    try {
      const stream = await connection.newStream(helloProtocol(this.#fleet), {
        signal: AbortSignal.timeout(this.#limits.helloAnswerMs),
        maxOutboundStreams: HELLO_STREAMS_MAX,
        negotiateFully: true,
      });
      const ours = this.#listener.hello(node, this.#listener.isUp(node));
      answer = await sayHello(stream, ours, this.#limits.helloAnswerMs);
    } catch (error) {
      const unsupported =
        error instanceof UnsupportedProtocolError || isNamed(error, "UnsupportedProtocolError");
      if (this.#stopped || connection.status !== "open") return;
      if (unsupported && !this.#listener.isUp(node)) this.#refuse("foreign-fleet", node);
      else this.#fault(error, node, connection);
      return;
    }
    await this.#place(node, answer.hello, connection);
    const verdict = this.#judge(node, answer.hello, connection);
    if (verdict.isIn) {
      this.#unwatch(connection);
      this.#listener.greeted(node, answer.hello, connection, answer.roundTripMs);
    } else if (verdict.refused !== undefined) {
      void this.#sayRefused(verdict, node, connection);
    }
  }

  readonly #answer = async (stream: Stream, connection: Connection): Promise<void> => {
    const node = connection.remotePeer.toString();
    if (this.#refusing.get(node)?.connections.has(connection) === true) {
      stream.abort(new Error("refused"));
      return;
    }
    if (!this.#hellos.take(node, performance.now())) {
      this.#listener.rejected("hello-too-many", node);
      stream.abort(new Error("too many hellos"));
      // One more from a peer that is up ends nothing. Whoever comes with a new connection each time is hung up on before anybody looks at him.
      if (!this.#listener.isUp(node)) connection.abort(new Error("too many hellos"));
      return;
    }
    let hello: Hello;
    try {
      hello = await readHello(stream, this.#limits.helloTimeoutMs);
    } catch (error) {
      if (!this.#stopped) this.#fault(error, node, connection);
      return;
    }
    if (!(await this.#isNewly(node, hello, connection))) {
      stream.abort(new Error("refused"));
      return;
    }
    await this.#place(node, hello, connection);
    const { isIn, refused, proof, isIgnored } = this.#judge(node, hello, connection);
    if (isIgnored === true) {
      stream.abort(new Error("no answer now"));
      return;
    }
    // Whoever is refused is answered too: it is to know why, and may have a reason of its own to part.
    answerHello(stream, { ...this.#listener.hello(node, isIn), refused, proof });
    if (!isIn) return;
    this.#unwatch(connection);
    this.#listener.greeted(node, hello, connection, undefined);
  };

  /**
   * Whether `node` is not being refused, or was as another instance: it has started again, maybe behind a link that died without a word, on which it would be
   * waited for. It is hung up on there, and judged no sooner than one that hangs up itself and calls again, or it would be judged as often as it likes.
   */
  async #isNewly(node: NodeId, { instance }: Hello, connection: Connection): Promise<boolean> {
    const refusing = this.#refusing.get(node);
    if (refusing === undefined) return true;
    if (refusing.instance === undefined || refusing.instance === instance) {
      refusing.connections.add(connection);
      return false;
    }
    refusing.connections.delete(connection);
    for (const each of refusing.connections) each.abort(new Error("started again"));
    this.#rootRows.gone(node);
    await refusing.over.promise;
    return !this.#refusing.has(node);
  }

  /**
   * Asks `node` for its root statements, where by what is known here nobody can say whether it is a member, or it is one, and says that this node is none: it
   * may have heard by which statement, and would say so nowhere else.
   */
  async #place(node: NodeId, hello: Hello, connection: Connection): Promise<void> {
    const isToAsk = (): boolean => this.#isUnplaced(node, hello) || this.#isPuzzled(node, hello);
    if (!isToAsk()) return;
    const questions = this.#questionsTo(node, hello);
    if (questions.length === 0) return;
    // It waits for the answer to its hello meanwhile, or takes itself for let in already.
    this.#unwatch(connection);
    await this.#rootRows.ask(connection, questions, isToAsk, this.#isPuzzled(node, hello));
  }

  /** Whether a member does not let this node in, by something else than that it cannot judge yet. */
  #isPuzzled(node: NodeId, { refused }: Hello): boolean {
    if (this.#stopped || this.#refusing.has(node)) return false;
    return refused !== undefined && refused !== "not-ready" && this.#listener.lacksRowOf(node);
  }

  #isUnplaced(node: NodeId, hello: Hello): boolean {
    if (this.#stopped || this.#refusing.has(node)) return false;
    return agreeVersion(VERSIONS, hello) !== undefined && this.#listener.lacksIssuerOf(node, hello);
  }

  /**
   * Who has none is let in nowhere, and told nothing. Nor is who was refused already, by the grant by which that was done, where it may have been a grant to
   * nobody there: a member held it.
   */
  #questionsTo(node: NodeId, hello: Hello): readonly string[] {
    const { grant } = this.#listener.hello(node, false);
    const presented = grant === undefined ? [] : [grant];
    const questions = this.#listener.rootQuestions() ?? presented;
    if (hello.refused === undefined || this.#isPuzzled(node, hello)) return questions;
    return questions.filter((each) => each !== grant);
  }

  #judge(node: NodeId, hello: Hello, connection: Connection): Verdict {
    if (this.#stopped || connection.status !== "open" || this.#refusing.has(node))
      return { isIn: false };
    if (agreeVersion(VERSIONS, hello) === undefined) {
      this.#refuse("version", node);
      return { isIn: false };
    }
    if (hello.refused !== undefined) this.#listener.refusedBy(node, hello.refused, hello.proof);
    const refusal = this.#listener.admit(node, hello);
    // This node cannot judge for a moment, as it starts or its disk fails: that is no reason to part from who was let in.
    const isKept = refusal === "not-ready" && this.#listener.isUp(node);
    if (refusal !== undefined && !isKept) {
      // Refused it would hang up, before it has heard by which statement it is out.
      if (this.#listener.isToHear(node)) return { isIn: false, isIgnored: true };
      this.#unwatch(connection);
      const mayAsk = hello.refused === undefined && refusal !== "not-ready";
      // Who says itself that this node is out does not ask it why.
      const grant = mayAsk ? hello.grant : undefined;
      const asked = grant === undefined ? grant : this.#rootRows.asked(node, grant);
      this.#hangUp(refusal, node, { instance: hello.instance, asked });
      this.#listener.turnedAway(node, refusal);
      const proof = refusal === "revoked" ? this.#listener.proof(node) : undefined;
      return { isIn: false, refused: refusal, proof };
    }
    if (hello.refused === undefined) return { isIn: true };
    this.#unwatch(connection);
    this.#hangUp(hello.refused, node, { instance: hello.instance });
    this.#listener.shutOut(node, hello.refused);
    return { isIn: false };
  }

  #takeRow(node: NodeId, row: Uint8Array): RootRowWorth {
    const worth = this.#listener.takeRootRow(node, row) ?? "news";
    // Where nobody is a member any more all have the same row, and each would have each dial all others for it.
    if (worth === "news") this.#listener.rootsChanged();
    return worth;
  }

  /** The peer has answered before it could be judged, and takes itself for let in. */
  async #sayRefused(
    { refused, proof }: Verdict,
    node: NodeId,
    connection: Connection,
  ): Promise<void> {
    try {
      const stream = await connection.newStream(helloProtocol(this.#fleet), {
        signal: AbortSignal.timeout(SAY_REFUSED_MS),
        maxOutboundStreams: HELLO_STREAMS_MAX,
      });
      answerHello(stream, { ...this.#listener.hello(node, false), refused, proof });
    } catch {
      // It learns it from the connection, which ends.
    }
  }

  /** A hello that failed ends the connection, unless it was one more from a peer that is merely slow: that is no fault of its. */
  #fault(error: unknown, node: NodeId, connection: Connection): void {
    const timedOut = isNamed(error, "TimeoutError") ? "hello-timeout" : undefined;
    const fault = error instanceof HelloError ? error.fault : timedOut;
    if (fault !== "hello-malformed" && this.#listener.isUp(node)) return;
    if (fault !== undefined) this.#listener.rejected(fault, node);
    connection.abort(error instanceof Error ? error : new Error("hello failed"));
  }

  #refuse(reason: "foreign-fleet" | "version", node: NodeId): void {
    if (this.#refusing.has(node)) return;
    this.#listener.rejected(reason, node);
    this.#listener.refused(node);
    this.#hangUp(reason, node);
  }

  /** Hangs up for good reason, a moment later, so that the other side too can see with whom it is dealing and count it. */
  #hangUp(
    reason: string,
    node: NodeId,
    {
      instance,
      asked,
    }: { readonly instance?: string; readonly asked?: Promise<void> | undefined } = {},
  ): void {
    const part = (): void => void this.#part(node, reason, asked);
    const timer = setTimeout(part, HANG_UP_DELAY_MS);
    const connections = new Set(this.#connectionsTo(node));
    this.#refusing.set(node, { timer, instance, connections, over: Promise.withResolvers() });
  }

  /** Not before it has asked why, nor in the midst of the answer: as long as it may be, that comes by no other way. */
  async #part(node: NodeId, reason: string, asked: Promise<void> | undefined): Promise<void> {
    await asked;
    await this.#rootRows.told(node);
    const refusing = this.#refusing.get(node);
    this.#refusing.delete(node);
    for (const connection of this.#connectionsTo(node)) {
      // One that has come since is watched until its hello is in. On one that this side opened nobody would say anything any more.
      const isLater = refusing?.connections.has(connection) === false;
      if (!isLater || connection.direction === "outbound") connection.abort(new Error(reason));
    }
    refusing?.over.resolve();
  }

  #connectionsTo(node: NodeId): readonly Connection[] {
    return this.#host.getConnections().filter(({ remotePeer }) => remotePeer.toString() === node);
  }

  readonly #opened = (event: CustomEvent<Connection>): void => {
    const connection = event.detail;
    if (connection.direction === "outbound") {
      void this.greet(connection);
      return;
    }
    const callOff = patientTimer(this.#limits.helloGraceMs, () => {
      this.#silent.delete(connection);
      this.#listener.rejected("hello-timeout", connection.remotePeer.toString());
      connection.abort(new Error("no hello"));
    });
    this.#silent.set(connection, callOff);
  };

  readonly #closed = (event: CustomEvent<Connection>): void => {
    this.#unwatch(event.detail);
    const node = event.detail.remotePeer.toString();
    const isGone = this.#connectionsTo(node).every(({ status }) => status !== "open");
    if (isGone) this.#rootRows.gone(node);
  };

  /** A node that offers the hello of another fleet only is of that fleet, even if it says nothing. */
  readonly #identified = (event: CustomEvent<IdentifyResult>): void => {
    const fleets = fleetsOffered(event.detail.protocols);
    const foreign = fleets.length > 0 && !fleets.includes(this.#fleet);
    if (foreign && event.detail.connection.status === "open")
      this.#refuse("foreign-fleet", event.detail.peerId.toString());
  };

  #unwatch(connection: Connection): void {
    this.#silent.get(connection)?.();
    this.#silent.delete(connection);
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
