/**
 * One life of core: from the rows on disk until it is thrown away. One input at a time; every effect of it is carried out, or queued in
 * order, before the next (STYLE rule 9). Knows nothing of what inputs and effects mean.
 *
 * A life ends by itself when the store fails, or when core throws (a bug; its memory can no longer be trusted). Its owner then starts the
 * next one. What had been committed still gets out; nothing goes in any more.
 */
import {
  type AdmissionRefusal,
  type CommitId,
  type Core,
  type CoreEvent,
  type Effect,
  type Input,
  PulsemeshError,
  type Store,
  type Transport,
  type Validation,
} from "@pulsemesh/core";
import type { NodeLogger } from "../api.ts";
import type { Clock } from "./clock.ts";
import type { CommandTable } from "./command-table.ts";
import { CommitGate, type GatedEffect } from "./commit-gate.ts";
import { CommitQueue, WAITING_COMMITS_MAX } from "./commit-queue.ts";
import { Loader, readPages } from "./loader.ts";
import type { Meter } from "./meter.ts";
import { restoreRows } from "./restore.ts";
import { Timers } from "./timers.ts";

export interface LifeDeps {
  readonly core: Core;
  readonly store: Store;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly commands: CommandTable;
  readonly meter: Meter;
  readonly logger: NodeLogger;
  readonly emit: (event: CoreEvent) => void;
  /** The life is over; called at most once, from within an input or a commit, and never after {@link Life.end}. */
  readonly failed: (error: PulsemeshError) => void;
}

/** Inputs that arrive while another is being handled and wait for it at most. */
export const INPUTS_WAITING_MAX: number = 1_024;

/** What core says at once of what the network asks; undefined where it was not asked that. */
export interface Answer {
  readonly validation: Validation | undefined;
  /** Core's word on a hello; null where it lets the peer in. */
  readonly refusal: AdmissionRefusal | null | undefined;
  /** Whether it was a row of root statements in which nothing was new. */
  readonly isRowKnown?: boolean;
}

export class Life {
  readonly core: Core;
  readonly #deps: LifeDeps;
  readonly #timers: Timers;
  readonly #commits: CommitQueue;
  readonly #loader: Loader;
  readonly #gate: CommitGate;
  readonly #sends = new Set<Promise<void>>();
  #waitingInputs: Input[] = [];
  #isBusy = false;
  #hasEnded = false;
  #isRestored = false;
  #lastCommit: CommitId = 0;
  #durableCommit: CommitId = 0;
  #fullError: PulsemeshError | undefined;

  constructor(deps: LifeDeps) {
    this.#deps = deps;
    this.core = deps.core;
    const { clock, store, meter } = deps;
    this.#gate = new CommitGate((effect) => this.#run(effect));
    this.#timers = new Timers({
      clock,
      fire: (id, generation) => void this.take({ type: "timer", id, generation }),
      networkInputs: () => meter.networkInputs,
      late: () => {
        meter.lateTimers += 1;
      },
    });
    this.#commits = new CommitQueue({
      store,
      clock,
      durable: (commit) => this.#durable(commit),
      full: (error) => this.#diskFull(error),
      recovered: () => this.#diskRecovered(),
      failed: (error) => this.#fail(error),
    });
    this.#loader = new Loader({
      store,
      loaded: (load, rows, done) => void this.take({ type: "loaded", load, rows, done }),
      failed: (error) => this.#fail(error),
    });
  }

  /** Whether core has everything and takes inputs from outside. */
  get isRunning(): boolean {
    return this.#isRestored && !this.#hasEnded;
  }

  /** Why nothing can be acknowledged now, if the disk is full (rule DU3). */
  get fullError(): PulsemeshError | undefined {
    return this.#fullError;
  }

  /** Whether there is more to write than the disk takes. */
  get isOverloaded(): boolean {
    return this.#commits.waiting >= WAITING_COMMITS_MAX;
  }

  get queues(): Readonly<Record<"commits" | "effects" | "loads", number>> {
    return {
      commits: this.#commits.waiting,
      effects: this.#gate.waiting,
      loads: this.#loader.waiting,
    };
  }

  /** Hands core its rows. False when the life ended meanwhile. */
  async restore(): Promise<boolean> {
    await readPages(restoreRows(this.#deps.store), (rows, done) => {
      this.take({ type: "restore", rows, done });
    });
    this.#isRestored = true;
    return !this.#hasEnded;
  }

  /** Hands one input to core; one that comes while another is handled waits for it and gets no answer. */
  take(input: Input): Answer | undefined {
    if (this.#isBusy) {
      if (this.#waitingInputs.length < INPUTS_WAITING_MAX) this.#waitingInputs.push(input);
      else this.#deps.meter.refused("overloaded");
      return undefined;
    }
    this.#isBusy = true;
    try {
      const answer = this.#handle(input);
      for (
        let next = this.#waitingInputs.shift();
        next !== undefined;
        next = this.#waitingInputs.shift()
      ) {
        this.#handle(next);
      }
      return answer;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Takes no more inputs. Idempotent. */
  end(): void {
    this.#hasEnded = true;
    this.#waitingInputs = [];
    this.#timers.end();
    this.#loader.end();
    this.#commits.end();
  }

  /** Resolves when what was committed is durable, or will not be because the disk is full or has failed. */
  committed(): Promise<void> {
    return this.#commits.idle();
  }

  /** Resolves when what was sent until now is on its way, or has failed to be. */
  async sent(): Promise<void> {
    await Promise.all(this.#sends);
  }

  #handle(input: Input): Answer | undefined {
    if (this.#hasEnded) return undefined;
    const { clock, core, logger, meter } = this.#deps;
    const now = clock.now();
    let effects: readonly Effect[];
    try {
      effects = core.handle(input, now);
    } catch (error) {
      logger.error({ error, input: input.type }, "internal error in core");
      this.#fail(
        new PulsemeshError(
          "internal",
          "Cannot answer: an internal error. Nothing was acknowledged.",
          { cause: error },
        ),
      );
      return undefined;
    }
    meter.input(input, clock.now().monoMs - now.monoMs);
    let answer: Answer = { validation: undefined, refusal: undefined };
    for (const effect of effects) {
      meter.effect(effect);
      if (effect.type === "validate") answer = { ...answer, validation: effect.result };
      else if (effect.type === "admit") answer = { ...answer, refusal: effect.refusal ?? null };
      else {
        if (isKnownRow(effect)) answer = { ...answer, isRowKnown: true };
        this.#carryOut(effect);
      }
    }
    return answer;
  }

  #carryOut(effect: Exclude<Effect, { readonly type: "validate" | "admit" }>): void {
    switch (effect.type) {
      case "persist":
        this.#lastCommit = effect.commit;
        this.#commits.add(effect.commit, effect.ops);
        break;
      case "load":
        this.#loader.add(effect.load, effect.range, this.#lastCommit, this.#commits.durable);
        break;
      case "set-timer":
        this.#timers.set(effect.id, effect.generation, effect.atMonoMs);
        break;
      case "members":
        this.#deps.transport.members(effect.joined, effect.left);
        break;
      case "links":
        this.#deps.transport.links(effect.nodes);
        break;
      case "present":
        this.#deps.transport.present(effect.grant);
        break;
      case "expel":
        this.#deps.transport.expel(effect.nodes, expulsionOf(effect));
        this.#gate.pass(effect);
        break;
      case "reply":
      case "publish":
      case "send":
      case "emit":
        this.#gate.pass(effect);
        break;
    }
  }

  /** Carries out an effect that waits for nothing any more. */
  #run(effect: GatedEffect): void {
    switch (effect.type) {
      case "publish":
        this.#deps.transport.publish(effect.topic, effect.bytes);
        break;
      case "send": {
        const sent: Promise<void> = this.#deps.transport
          .send(effect.to, effect.channel, effect.bytes)
          .then((isSent) => {
            this.#sends.delete(sent);
            if (!isSent) this.#deps.meter.sendFailures += 1;
          });
        this.#sends.add(sent);
        break;
      }
      case "emit":
        this.#deps.emit(effect.event);
        break;
      case "reply":
        this.#deps.commands.resolve(effect.id, effect.result);
        break;
      case "expel":
        // What was published behind the same commit is out: it came before.
        this.#deps.transport.lastWordSaid(effect.nodes, expulsionOf(effect));
        break;
    }
  }

  #durable(commit: CommitId): void {
    this.#deps.meter.commits += commit - this.#durableCommit;
    this.#durableCommit = commit;
    this.#gate.committed(commit);
    this.#loader.advance(commit);
    this.take({ type: "committed", commit });
  }

  #diskFull(error: PulsemeshError): void {
    const { commands, logger, meter } = this.#deps;
    meter.commitFailures += 1;
    this.#fullError = error;
    logger.error(
      { error: error.message },
      "the disk is full: nothing is acknowledged, pulses go on, trying again every second",
    );
    // Not only those whose answers wait here: core holds back the answers to what goes into its next entry.
    commands.rejectWrites(error);
  }

  #diskRecovered(): void {
    this.#fullError = undefined;
    this.#deps.logger.info({}, "the disk takes writes again");
  }

  #fail(cause: unknown): void {
    if (this.#hasEnded) return;
    const error =
      cause instanceof PulsemeshError
        ? cause
        : new PulsemeshError("store-failed", String(cause), { cause });
    if (error.code !== "internal") this.#deps.meter.commitFailures += 1;
    this.end();
    this.#deps.failed(error);
  }
}

/** Named by the commit that its last word waits for; where there is none, that word is said in the same moment. */
function expulsionOf({ after }: Extract<Effect, { readonly type: "expel" }>): number {
  return after ?? 0;
}

function isKnownRow(effect: Effect): boolean {
  return (
    effect.type === "emit" && effect.event.type === "root-row" && effect.event.result === "known"
  );
}
