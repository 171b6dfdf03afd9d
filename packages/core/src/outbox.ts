/**
 * Collects the effects of one input. Everything persisted while one input is handled is one commit, so that a beat, its chain
 * entry and its audit entry are durable together or not at all; effects that must not be seen before name that commit.
 */
import type { CommandResult } from "./command.ts";
import type { StoreOp, StoreRange } from "./driver/store.ts";
import type { AdmissionRefusal, Channel, Topic, Validation } from "./driver/transport.ts";
import type { Effect } from "./effect.ts";
import type { CoreEvent } from "./event.ts";
import type { NodeId } from "./ids.ts";
import type { CommitId, LoadId, TimerId } from "./input.ts";

interface Answer {
  readonly id: number;
  readonly result: CommandResult;
}

export class Outbox {
  #effects: Effect[] = [];
  #answers: Effect[] = [];
  #ops: StoreOp[] = [];
  /** Of rows that say that something was written; they go into the commit that holds it. */
  #withStaged: (() => readonly StoreOp[])[] = [];
  #nextCommit: CommitId = 1;
  #nextLoad: LoadId = 1;
  #rebootAbove: number | undefined;
  readonly #members = new Map<NodeId, boolean>();
  #links: readonly NodeId[] = [];
  #linksToAsk: readonly NodeId[] = [];
  /** Answers to what is staged and not in a commit yet. */
  #held: Answer[] = [];
  /** Answers that nothing of this input's is behind. */
  #repeated: Answer[] = [];
  readonly #timers = new Map<TimerId, { readonly generation: number; readonly atMonoMs: number }>();

  /** Answers a gossip input; at most once per input. */
  validate(result: Validation): void {
    this.#answers.push({ type: "validate", result });
  }

  /** Answers a hello input; at most once per input. */
  admit(refusal: AdmissionRefusal | undefined): void {
    this.#answers.push({ type: "admit", refusal });
  }

  publish(topic: Topic, bytes: Uint8Array, after?: CommitId): void {
    this.#effects.push({ type: "publish", topic, bytes, after });
  }

  send(to: NodeId, channel: Channel, bytes: Uint8Array, after?: CommitId): void {
    this.#effects.push({ type: "send", to, channel, bytes, after });
  }

  /** Adds to this input's commit and names it. */
  persist(ops: readonly StoreOp[]): CommitId {
    for (const op of ops) this.#ops.push(op);
    return this.#nextCommit;
  }

  /** Adds to the commit that holds what is staged now, which may be that of a later input: `ops` are asked for then. */
  persistWithStaged(ops: () => readonly StoreOp[]): void {
    this.#withStaged.push(ops);
  }

  load(range: StoreRange): LoadId {
    const load = this.#nextLoad++;
    this.#effects.push({ type: "load", load, range });
    return load;
  }

  /** Sets or moves a timer; the same date again is no effect. */
  setTimer(id: TimerId, atMonoMs: number): void {
    const current = this.#timers.get(id);
    if (current?.atMonoMs === atMonoMs) return;
    const generation = (current?.generation ?? 0) + 1;
    this.#timers.set(id, { generation, atMonoMs });
    this.#effects.push({ type: "set-timer", id, generation, atMonoMs });
  }

  /** Sets a timer unless it is already set to an earlier date. */
  setTimerBy(id: TimerId, atMonoMs: number): void {
    const current = this.#timers.get(id);
    if (current === undefined || current.atMonoMs > atMonoMs) this.setTimer(id, atMonoMs);
  }

  /** When the first of the timers that are set is due; infinite when none is. */
  get timerDueMonoMs(): number {
    let dueMonoMs = Number.POSITIVE_INFINITY;
    for (const { atMonoMs } of this.#timers.values()) dueMonoMs = Math.min(dueMonoMs, atMonoMs);
    return dueMonoMs;
  }

  /** Whether a fired timer is the one that is set; if so it counts as spent. */
  timerFired(id: TimerId, generation: number): boolean {
    const current = this.#timers.get(id);
    if (current === undefined || current.generation !== generation) return false;
    this.#timers.set(id, { generation, atMonoMs: Number.POSITIVE_INFINITY });
    return true;
  }

  emit(event: CoreEvent, after?: CommitId): void {
    this.#effects.push({ type: "emit", event, after });
  }

  reply(id: number, result: CommandResult, after?: CommitId): void {
    this.#effects.push({ type: "reply", id, result, after });
  }

  /**
   * Answers what an operator asked for, once it is durable: also where nothing had to be changed, because the same was asked for before
   * and may not be durable yet.
   */
  answer(id: number, result: CommandResult): void {
    const commit = this.pendingCommit();
    if (commit === undefined && result.ok) this.#repeated.push({ id, result });
    else this.reply(id, result, commit);
  }

  /** Ends an input for {@link answer}: what is staged is not in any commit yet, everything else is in this one or an earlier one. */
  answerRepeated(hasStaged: boolean): void {
    if (this.#repeated.length === 0) return;
    const newest =
      this.pendingCommit() ?? (this.#nextCommit > 1 ? this.#nextCommit - 1 : undefined);
    for (const { id, result } of this.#repeated.splice(0)) {
      if (hasStaged) this.holdReply(id, result);
      else this.reply(id, result, newest);
    }
  }

  /** Answers a command whose change is staged, once {@link releaseStaged} names the commit that holds it. */
  holdReply(id: number, result: CommandResult): void {
    this.#held.push({ id, result });
  }

  /** Holds every answer of the input under way that waits for its commit: there will be another one with the rest of the change. */
  holdReplies(): void {
    const effects: Effect[] = [];
    for (const effect of this.#effects) {
      if (effect.type === "reply" && effect.after !== undefined)
        this.holdReply(effect.id, effect.result);
      else effects.push(effect);
    }
    this.#effects = effects;
  }

  /** What was staged is in this input's commit. */
  releaseStaged(): void {
    if (this.#withStaged.length > 0)
      for (const ops of this.#withStaged.splice(0)) this.persist(ops());
    if (this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    for (const { id, result } of held) this.reply(id, result, this.pendingCommit());
  }

  /** Answers everybody who waits for what is staged, as it may wait for long; it may be written all the same. */
  failHeld(result: CommandResult): void {
    for (const { id } of this.#held.splice(0)) this.reply(id, result);
  }

  /** Whether `node` is a member now; what changes twice within one input is told once. */
  member(node: NodeId, isMember: boolean): void {
    this.#members.set(node, isMember);
  }

  links(nodes: readonly NodeId[]): void {
    this.#links = nodes;
    this.#wantLinks();
  }

  /** Links for a moment, beside the others. */
  linksToAsk(nodes: readonly NodeId[]): void {
    if (nodes.join() === this.#linksToAsk.join()) return;
    this.#linksToAsk = nodes;
    this.#wantLinks();
  }

  present(grant: string | undefined): void {
    this.#effects.push({ type: "present", grant });
  }

  /** What they are still to hear is said once this input's commit is durable, if it has any. */
  expel(nodes: readonly NodeId[]): void {
    this.#effects.push({ type: "expel", nodes, after: this.pendingCommit() });
  }

  /** Asks for a new boot above `bootAbove`: somebody proved that this node has used it, or its clocks parted (rules PU3, PU6). */
  reboot(bootAbove: number): void {
    this.#rebootAbove = Math.max(this.#rebootAbove ?? 0, bootAbove);
  }

  /** The boot above which a new one was asked for since the last call. */
  takeReboot(): number | undefined {
    const above = this.#rebootAbove;
    this.#rebootAbove = undefined;
    return above;
  }

  /** Whether the input under way has something to persist; then its commit is the returned one. */
  pendingCommit(): CommitId | undefined {
    return this.#ops.length > 0 ? this.#nextCommit : undefined;
  }

  /** Ends an input: the answer to gossip first, since a transport waits for it, then the persist, then everything else in order. */
  drain(): readonly Effect[] {
    this.#tellMembers();
    this.answerRepeated(false);
    const answers = this.#answers;
    const effects = answers.length === 0 ? this.#effects : [...answers, ...this.#effects];
    this.#effects = [];
    if (answers.length > 0) this.#answers = [];
    if (this.#ops.length === 0) return effects;
    const ops = this.#ops;
    this.#ops = [];
    effects.splice(answers.length, 0, { type: "persist", commit: this.#nextCommit++, ops });
    return effects;
  }

  /** Who is asked comes first: somebody waits for the answer, and a transport keeps to so many. */
  #wantLinks(): void {
    const nodes = [...new Set([...this.#linksToAsk, ...this.#links])];
    this.#effects.push({ type: "links", nodes });
  }

  #tellMembers(): void {
    if (this.#members.size === 0) return;
    const nodes = [...this.#members];
    this.#members.clear();
    const joined = nodes.flatMap(([node, isMember]) => (isMember ? [node] : []));
    const left = nodes.flatMap(([node, isMember]) => (isMember ? [] : [node]));
    this.#effects.push({ type: "members", joined, left });
  }
}
