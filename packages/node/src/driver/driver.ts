/**
 * Runs a core on a real store, transport and clock, one life after the other (`life.ts`): after a failed write or an internal error
 * core is rebuilt from disk (rule DU1), while connections and event streams stay. Reads go to the last core meanwhile.
 */
import {
  type AdmissionRefusal,
  type Command,
  type CommandResult,
  type Core,
  type CoreEvent,
  type NodeId,
  type PeerInfo,
  PulsemeshError,
  type Store,
  type Transport,
  type TransportHandler,
} from "@pulsemesh/core";
import type { NodeLogger } from "../api.ts";
import type { Clock } from "./clock.ts";
import { CommandTable } from "./command-table.ts";
import { EventHub } from "./event-hub.ts";
import { Life } from "./life.ts";
import { EventLog } from "./log-event.ts";
import { Meter } from "./meter.ts";
import { type Refusal, Refusals } from "./refusals.ts";

export interface DriverDeps {
  readonly store: Store;
  readonly transport: Transport;
  readonly clock: Clock;
  /** A fresh core with fresh documents. */
  readonly createCore: () => Core;
  /** A peer was not let in. */
  readonly refused?: ((node: NodeId, refusal: AdmissionRefusal) => void) | undefined;
  /** Event-loop lag since the last call, in milliseconds (p99). */
  readonly lagMs: () => number;
  readonly logger: NodeLogger;
}

/** Between two lives of core at least, so that a cause that stays cannot keep the machine busy. */
export const REBUILD_EVERY_MS: number = 1_000;
/** How long a stop waits for core, which itself waits a second at most for acknowledgements (rule VE9). */
export const STOP_WAIT_MS_MAX: number = 1_200;

/** How long a stop waits for the network to close its connections. */
export const CLOSE_WAIT_MS_MAX: number = 3_000;

/** Between two statements that others show for refusing this node: each costs a signature to be checked. */
const PROOF_EVERY_MS = 1_000;
const FOREIGNER_EVERY_MS = 60_000;
const LAG_EVERY_MS = 1_000;

export class Driver {
  readonly events: EventHub = new EventHub();
  readonly meter: Meter = new Meter();
  readonly #deps: DriverDeps;
  readonly #commands = new CommandTable();
  readonly #refusals = new Refusals();
  #lastProofMonoMs = Number.NEGATIVE_INFINITY;
  readonly #peers = new Map<NodeId, PeerInfo>();
  readonly #started = Promise.withResolvers<void>();
  readonly #met = Promise.withResolvers<void>();
  #life: Life | undefined;
  /** The last core that was whole; read while the next one is being rebuilt. */
  #view: Core | undefined;
  #lastRebuildMonoMs = Number.NEGATIVE_INFINITY;
  #lastForeignerMonoMs = Number.NEGATIVE_INFINITY;
  #stopping: Promise<void> | undefined;
  /** The search for the next life, while there is one. */
  #succeeding: Promise<void> | undefined;
  #cancelLag: (() => void) | undefined;
  readonly #log: EventLog;

  constructor(deps: DriverDeps) {
    this.#deps = deps;
    this.#log = new EventLog(deps.logger);
  }

  /** Resolves at the first boot that is durable. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Resolves when the first peer has said hello. */
  get met(): Promise<void> {
    return this.#met.promise;
  }

  /**
   * The core to read from.
   * @throws PulsemeshError `not-ready` before {@link start} has resolved
   */
  get view(): Core {
    if (this.#view === undefined)
      throw new PulsemeshError("not-ready", "Cannot read before the node has started.");
    return this.#view;
  }

  /** What waits inside, for metrics. */
  get queues(): Readonly<Record<"commits" | "effects" | "loads" | "commands", number>> {
    const queues = this.#life?.queues ?? { commits: 0, effects: 0, loads: 0 };
    return { ...queues, commands: this.#commands.size };
  }

  /** Who does not let this node in, by its own word. */
  get refusals(): readonly Refusal[] {
    return this.#refusals.list();
  }

  get isDiskFull(): boolean {
    return this.#life?.fullError !== undefined;
  }

  /**
   * Restores core from the opened store, then opens the network.
   * @throws what the store and the transport throw
   */
  async start(): Promise<void> {
    await this.#revive();
    try {
      await this.#deps.transport.start(this.#handler);
    } catch (error) {
      this.#life?.end();
      throw error;
    }
    this.#measureLag();
  }

  /** Resolves when what is acknowledged is durable; rejects with `store-failed`, `store-full`, `internal` or `stopped`. */
  command(command: Command): Promise<CommandResult> {
    if (this.#stopping !== undefined) return Promise.reject(stoppedError());
    const life = this.#life;
    if (life?.isRunning !== true) return Promise.resolve(notReady("it is starting"));
    if (life.fullError !== undefined) {
      this.meter.refused("store-full");
      return Promise.reject(life.fullError);
    }
    if (this.#commands.isFull || life.isOverloaded) {
      this.meter.refused("overloaded");
      return Promise.resolve(notReady("it has more to write than its disk takes"));
    }
    return this.#ask(life, command);
  }

  /** Says `paused` or goodbye, waits at most {@link STOP_WAIT_MS_MAX} for it to be heard, closes network and store. Idempotent. */
  stop(mode: "pause" | "leave", restartWithinMs: number): Promise<void> {
    this.#stopping ??= this.#stop({ type: "stop", mode, restartWithinMs });
    return this.#stopping;
  }

  readonly #handler: TransportHandler = {
    admit: (node, grant) => {
      this.meter.networkInputs += 1;
      const life = this.#life?.isRunning === true ? this.#life : undefined;
      const { refusal = "not-ready" } = life?.take({ type: "hello", from: node, grant }) ?? {};
      if (refusal === null) return undefined;
      this.meter.refused(refusal);
      this.#deps.refused?.(node, refusal);
      return refusal;
    },
    gossip: (topic, from, bytes) => {
      const life = this.#networkLife(topic === "state");
      // What the disk cannot take is not to come once more from each peer: sync brings it.
      if (life === undefined) return this.#life?.isRunning === true ? "ignore" : "unheard";
      return life.take({ type: "gossip", topic, from, bytes })?.validation ?? "unheard";
    },
    message: (from, channel, bytes) => {
      this.#networkLife(channel === "sync")?.take({ type: "message", channel, from, bytes });
    },
    peerUp: (peer) => {
      this.#peers.set(peer.node, peer);
      this.#refusals.remove(peer.node);
      this.#met.resolve();
      if (this.#life?.isRunning === true) this.#life.take({ type: "peer-up", peer });
    },
    peerDown: (node) => {
      this.#peers.delete(node);
      if (this.#life?.isRunning === true) this.#life.take({ type: "peer-down", node });
    },
    lacksIssuerOf: (node, grant) =>
      this.#life?.isRunning === true && this.#view?.introducing.lacksIssuerOf(node, grant) === true,
    rootQuestions: () => this.#view?.introducing.questions(this.#deps.clock.now()) ?? [],
    rootRow: (from, grant) => {
      const answer = this.#networkLife(false)?.take({ type: "root-question", from, grant });
      return answer?.refusal === null ? this.#view?.introducing.rootRow() : undefined;
    },
    lacksRowOf: (node) =>
      this.#life?.isRunning === true && this.#view?.introducing.lacksRowOf(node) === true,
    formerRow: (node, grant) =>
      this.#life?.isRunning === true ? this.#view?.introducing.formerRow(node, grant) : undefined,
    formerAsked: (node, answer) => {
      this.meter.rootRows.add(answer);
      this.#deps.logger.debug({ node, answer }, "asked by one that is let in no longer");
    },
    takeRootRow: (from, bytes) => {
      if (bytes === undefined) {
        this.meter.rootRows.add("silent");
        return "in-vain";
      }
      const stood = this.#view?.introducing.rootRow();
      const answer = this.#networkLife(true)?.take({ type: "root-row", from, bytes });
      if (this.#view?.introducing.rootRow() !== stood) return "news";
      return answer?.isRowKnown === true ? "known" : "in-vain";
    },
    isRevoked: (node) => this.#view?.revocation(node) !== undefined,
    proof: (node) => this.#view?.revocation(node),
    refusedBy: (node, reason, proof) => {
      const { monoMs } = this.#deps.clock.now();
      this.#refusals.add({ node, reason, monoMs });
      if (proof !== undefined) this.#takeProof(proof, monoMs);
    },
    rejected: (reason, from) => {
      this.meter.refused(reason);
      if (reason === "foreign-fleet") this.#warnOfForeigner(from);
    },
  };

  /** A node that is revoked hears it from nobody else: no gossip and no sync is for it. It counts by its signature, whoever shows it; nothing else is taken of them. */
  #takeProof(token: string, monoMs: number): void {
    if (monoMs - this.#lastProofMonoMs < PROOF_EVERY_MS) return;
    this.#lastProofMonoMs = monoMs;
    const life = this.#life;
    const self = this.#deps.transport.node;
    if (life?.isRunning !== true || this.#view?.revocation(self) !== undefined) return;
    void this.#ask(life, { type: "statement", token, isProof: true }).catch(() => undefined);
  }

  /** The usual cause is a `join` that leads to a fleet other than the pinned one; said once in a while, since the other side retries. */
  #warnOfForeigner(node: NodeId | undefined): void {
    const { clock, logger, transport } = this.#deps;
    const nowMs = clock.now().monoMs;
    if (nowMs - this.#lastForeignerMonoMs < FOREIGNER_EVERY_MS) return;
    this.#lastForeignerMonoMs = nowMs;
    logger.warn(
      { node, ownFleet: transport.fleet },
      "refused a node of another fleet; to join that fleet, start with a data directory of its own",
    );
  }

  /** Bulk needs the disk, and sync brings it again later; pulses and statements are taken as long as core lives. */
  #networkLife(isBulk: boolean): Life | undefined {
    this.meter.networkInputs += 1;
    const life = this.#life;
    if (life?.isRunning !== true) {
      this.meter.refused("not-ready");
      return undefined;
    }
    if (isBulk && (life.fullError !== undefined || life.isOverloaded)) {
      this.meter.refused(life.fullError === undefined ? "overloaded" : "store-full");
      return undefined;
    }
    return life;
  }

  #ask(life: Life, command: Command): Promise<CommandResult> {
    const { id, answer } = this.#commands.open(command.type);
    life.take({ type: "command", id, command });
    return answer;
  }

  #emit(event: CoreEvent): void {
    if (event.type === "started") this.#started.resolve();
    this.#log.log(event);
    this.events.publish(event);
  }

  /** A new core from what is on disk. */
  async #revive(): Promise<void> {
    const { store, transport, clock, logger } = this.#deps;
    const life = new Life({
      core: this.#deps.createCore(),
      store,
      transport,
      clock,
      logger,
      commands: this.#commands,
      meter: this.meter,
      emit: (event) => this.#emit(event),
      failed: (error) => {
        this.#succeeding = this.#succeed(life, error);
      },
    });
    this.#life = life;
    if (!(await life.restore())) return;
    this.#view = life.core;
    for (const peer of this.#peers.values()) life.take({ type: "peer-up", peer });
  }

  /** After a life has failed: starts the next one as soon as the disk allows. */
  async #succeed(last: Life, error: PulsemeshError): Promise<void> {
    this.meter.rebuilds.add(error.code);
    this.#deps.logger.error({ error: error.message }, "rebuilding from disk");
    this.#commands.rejectAll(error);
    for (let isDone = false; !isDone && this.#stopping === undefined;) {
      await this.#pause();
      isDone = await this.#tryRevive(last);
    }
  }

  async #tryRevive(last: Life): Promise<boolean> {
    try {
      await last.committed();
      if (this.#stopping !== undefined) return true;
      await this.#deps.store.open();
      await this.#revive();
      return true;
    } catch (error) {
      this.#life?.end();
      this.#deps.logger.error(
        { error: String(error) },
        "cannot rebuild from disk yet, trying again",
      );
      return false;
    }
  }

  /** Keeps lives {@link REBUILD_EVERY_MS} apart. */
  async #pause(): Promise<void> {
    const sinceMs = this.#deps.clock.now().monoMs - this.#lastRebuildMonoMs;
    if (sinceMs < REBUILD_EVERY_MS) await this.#sleep(REBUILD_EVERY_MS - sinceMs);
    this.#lastRebuildMonoMs = this.#deps.clock.now().monoMs;
  }

  #measureLag(): void {
    this.#cancelLag = this.#deps.clock.after(LAG_EVERY_MS, () => {
      this.#log.nextSecond();
      this.meter.lagMs = this.#deps.lagMs();
      if (this.#life?.isRunning === true) this.#life.take({ type: "lag", lagMs: this.meter.lagMs });
      this.#measureLag();
    });
  }

  async #stop(command: Command): Promise<void> {
    const life = this.#life;
    if (life?.isRunning === true) {
      const heard = this.#ask(life, command).then(
        () => life.sent(),
        () => undefined,
      );
      await this.#within(STOP_WAIT_MS_MAX, heard);
    }
    this.#cancelLag?.();
    this.#life?.end();
    await this.#within(CLOSE_WAIT_MS_MAX, this.#deps.transport.stop());
    await this.#succeeding;
    await this.#deps.store.close();
    this.#commands.rejectAll(stoppedError());
    this.events.end();
  }

  /** Waits for `work`, at most so long; leaves no timer behind, which would keep the process alive. */
  async #within(limitMs: number, work: Promise<void>): Promise<void> {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const cancel = this.#deps.clock.after(limitMs, resolve);
    try {
      await Promise.race([work, over]);
    } finally {
      cancel();
    }
  }

  #sleep(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#deps.clock.after(delayMs, resolve);
    return promise;
  }
}

function notReady(why: string): CommandResult {
  return {
    ok: false,
    code: "not-ready",
    detail: `This node cannot take it now: ${why}. Try again in a moment.`,
    retryAfterMs: 1_000,
  };
}

function stoppedError(): PulsemeshError {
  return new PulsemeshError(
    "stopped",
    "Cannot take commands as this node is stopping. Nothing was changed.",
  );
}
