/**
 * The composition of core: one input in, every effect of it out (STYLE rules 8, 9).
 *
 * Data flows one way through the parts: neighbours (pulses, verdicts) → robots → records → chains → store and network. What a later part
 * learns that concerns an earlier one (a new member, a status) is told at the end of the input, in a fixed order, never in between.
 */
import { DurableHead } from "./audit/durable-head.ts";
import { HashChainAudit } from "./audit/hash-chain-audit.ts";
import type { AuditLog } from "./audit/audit-log.ts";
import { chainHistory } from "./audit/chain-history.ts";
import { AuthorityKeeper } from "./authority/authority-keeper.ts";
import { hostRights } from "./authority/host-rights.ts";
import { notGranted } from "./authority/not-granted.ts";
import { authorityView } from "./authority/view.ts";
import { BootRate } from "./boot/boot-rate.ts";
import { BOOT_ROW, Boots } from "./boot/boots.ts";
import { Chains } from "./chain/chains.ts";
import type { Command, CommandResult } from "./command.ts";
import type { CoreConfig } from "./config.ts";
import type { Core, CoreExplaining, CoreIntroducing } from "./core-api.ts";
import type { StoreRow } from "./driver/store.ts";
import type { Validation } from "./driver/transport.ts";
import type { Effect } from "./effect.ts";
import type { Env } from "./env.ts";
import { explainingOf } from "./evidence/explaining.ts";
import type { NodeId, RobotId } from "./ids.ts";
import type { Input } from "./input.ts";
import { Neighbourhood } from "./liveness/neighbourhood.ts";
import { heardNode, standingOf } from "./liveness/standing.ts";
import type { Now } from "./now.ts";
import { Outbox } from "./outbox.ts";
import type { Identity, Ports } from "./ports.ts";
import { ChainRoster } from "./roster/chain-roster.ts";
import { NodeRetirements } from "./roster/node-retirements.ts";
import type { NodeStanding, NodeStatusPort } from "./robots/node-status-port.ts";
import { robotUnknown } from "./robots/robot-unknown.ts";
import { Robots } from "./robots/robots.ts";
import { RecordFields } from "./state/record-fields.ts";
import { fleetView, type FleetViewDeps } from "./view/fleet-view.ts";
import { StopWait } from "./boot/stop-wait.ts";
import { TwinHold } from "./boot/twin-hold.ts";
import type { AuthorityView } from "./view/authority-view.ts";
import type { FleetView } from "./view/node-view.ts";
import type { RobotView } from "./view/robot-view.ts";
import { MeshListener } from "./mesh-listener.ts";
import { NodeReports } from "./node-reports.ts";

/** Makes a core that waits for its stored rows (`restore` inputs). Nothing of it reads a clock or a disk. */
export function createCore(ports: Ports, identity: Identity, config: CoreConfig): Core {
  return new ComposedCore({ ports, identity, config, out: new Outbox() });
}

class ComposedCore implements Core {
  readonly #env: Env;
  readonly #audit: AuditLog;
  readonly #auditHead: DurableHead;
  readonly #boots: Boots;
  readonly #bootRate = new BootRate();
  readonly #authority: AuthorityKeeper;
  readonly #chains: Chains;
  readonly #robots: Robots;
  readonly #near: Neighbourhood;
  readonly #listener: MeshListener;
  readonly #reports: NodeReports;
  readonly #stopWait: StopWait;
  readonly #retirements: NodeRetirements;
  readonly #twinHold: TwinHold;
  readonly explaining: CoreExplaining;
  readonly #addresses = new Map<NodeId, readonly string[]>();
  #phase: "restoring" | "booting" | "running" = "restoring";
  #hadMajority = true;
  #majorityLookMonoMs = Number.NEGATIVE_INFINITY;
  #stagings = 0;
  #now: Now = { monoMs: 0, wallMs: 0 };

  constructor(env: Env) {
    this.#env = env;
    this.#audit = new HashChainAudit(env);
    this.#auditHead = new DurableHead(this.#audit);
    this.#boots = new Boots(env);
    this.#authority = new AuthorityKeeper(env, {
      audit: this.#audit,
      changed: (now) => this.#chains.onAuthority(now),
      hasLeft: (node) => this.#chains.membership.hasLeft(node),
      lack: (peer, now) => this.#chains.lackStatements(peer, now),
    });
    this.#chains = new Chains(env, {
      authority: this.#authority,
      hooks: chainHistory(env, this.#audit),
    });
    this.#listener = new MeshListener(env, {
      audit: this.#audit,
      auditHead: this.#auditHead,
      chains: this.#chains,
      authority: this.#authority.authority,
      robots: () => this.#robots,
      bootAbove: (boot) => this.#env.out.reboot(boot),
      ownBoot: () => ({
        boot: this.#near.pulses.boot,
        highestForeignBoot: this.#near.pulses.twins.highestBoot,
      }),
    });
    this.#near = new Neighbourhood({
      env,
      membership: this.#chains.membership,
      listener: this.#listener,
    });
    this.#robots = new Robots({
      env,
      fields: new RecordFields(this.#chains.records),
      audit: this.#audit,
      nodes: this.#nodesForRobots(),
      requestPulse: () => this.#near.pulses.request(this.#now),
      hostRights: hostRights(this.#authority.authority),
    });
    this.#reports = new NodeReports({
      env,
      audit: this.#audit,
      membership: this.#chains.membership,
      listener: this.#listener,
      liveness: this.#near.liveness,
      changed: (node, now) => this.#robots.onNodeStatus(node, now),
    });
    this.#stopWait = new StopWait(env, this.#near);
    this.#retirements = new NodeRetirements({
      env,
      membership: this.#chains.membership,
      document: new ChainRoster(this.#chains),
      audit: this.#audit,
      heard: (node) => heardNode(this.#near.liveness.subject(node)),
      ownBoot: () => this.#near.pulses.boot,
    });
    this.explaining = explainingOf(env, this.#near, this.#chains.membership, this.#authority);
    this.#twinHold = new TwinHold(this.#near.pulses.twins, this.#robots, env.config.pulseEveryMs);
  }

  handle(input: Input, now: Now): readonly Effect[] {
    this.#now = now;
    if (input.type === "restore") this.#restore(input.rows, input.done, now);
    else if (this.#phase === "restoring") this.#refuse(input);
    else {
      this.#checkAbsence(now);
      this.#dispatch(input, now);
    }
    this.#finish(now);
    return this.#env.out.drain();
  }

  get introducing(): CoreIntroducing {
    return this.#authority.introducing;
  }

  fleet(now: Now): FleetView {
    return fleetView(this.#viewDeps(), now);
  }

  revocation(node: NodeId): string | undefined {
    return this.#authority.authority.revocationToken(node);
  }

  authority(now: Now): AuthorityView {
    return authorityView(this.#authority, this.#chains, now);
  }

  robots(now: Now): readonly RobotView[] {
    return this.#robots.ids().flatMap((id) => this.robot(id, now) ?? []);
  }

  robotIds(): readonly RobotId[] {
    return this.#robots.ids();
  }

  robot(id: RobotId, now: Now): RobotView | undefined {
    const liveness = this.#robots.view(id, now);
    if (liveness === undefined) return undefined;
    const { records } = this.#chains;
    return {
      ...liveness,
      state: records.state(id),
      etag: records.etag(id),
      version: records.version(id),
    };
  }

  exportDocument(): Uint8Array {
    return this.#chains.records.exportDocument();
  }

  #restore(rows: readonly StoreRow[], done: boolean, now: Now): void {
    for (const row of rows) if (row.key === BOOT_ROW) this.#boots.restore(row);
    for (const row of rows) this.#authority.restore(row);
    this.#audit.restore(rows);
    this.#chains.restore(rows, now);
    this.#robots.restore(rows);
    this.#near.liveness.restore(rows);
    if (!done || this.#phase !== "restoring") return;
    this.#auditHead.restored();
    this.#authority.restored(this.#env.config.statements, now);
    this.#chains.restored(now);
    this.#phase = "booting";
    this.#near.pulses.twins.restored(this.#boots.stored);
    this.#robots.start(now);
    this.#near.liveness.start(now);
    this.#near.checkAbsence(now);
    this.#boots.open(now);
  }

  /** Before the rows are in, nothing can be answered. */
  #refuse(input: Input): void {
    if (input.type === "gossip") this.#env.out.validate("unheard");
    if (input.type === "hello" || input.type === "root-question") this.#env.out.admit("not-ready");
    if (input.type === "command") this.#notReady(input.id);
  }

  /** Two processes would acknowledge under one name, and neither could say which of their words counts (rule BK1). */
  #twinAnswer(): CommandResult {
    const { twin } = this.#near.pulses.twins;
    const detail = `another process runs under this node's key (boot ${twin?.boot}): its disk is a copy of this one, or was restored from it`;
    return { ok: false, code: "twin", detail };
  }

  #notReady(id: number): void {
    const detail = "the node is starting; ask again in a moment";
    this.#env.out.reply(id, { ok: false, code: "not-ready", detail });
  }

  /** What an observer took nobody else would ever learn. */
  #refuseWrite(id: number): void {
    const detail =
      "this node is an observer: it verifies, but writes nothing, so nobody else would learn of this";
    this.#env.out.reply(id, { ok: false, code: "observer", detail });
  }

  /** Was this node itself away? Then robots are given the time, and parted clocks ask for a new boot (rule PU6). */
  #checkAbsence(now: Now): void {
    const absence = this.#near.checkAbsence(now);
    if (absence.type === "stalled") this.#robots.onStall(absence.forMs, now);
    if (absence.type !== "clocks-parted") return;
    this.#robots.onClocksParted();
    this.#env.out.reboot(0);
  }

  #dispatch(input: Exclude<Input, { readonly type: "restore" }>, now: Now): void {
    switch (input.type) {
      case "timer":
        return this.#onTimer(input, now);
      case "gossip":
        return this.#env.out.validate(this.#onGossip(input, now));
      case "message":
        if (input.channel === "sync") this.#chains.onSync(input.from, input.bytes, now);
        else this.#near.onDirect(input.from, input.bytes, now);
        return;
      case "hello":
      case "root-question":
        return this.#env.out.admit(this.#authority.hello(input.from, input.grant, now));
      case "root-row":
        return this.#authority.onRootRow(input.from, input.bytes, now);
      case "peer-up":
        this.#authority.onPeerUp(input.peer.node);
        this.#addresses.set(input.peer.node, input.peer.addresses);
        this.#near.onPeerUp(input.peer.node);
        this.#chains.onPeerUp(input.peer.node, now);
        return;
      case "peer-down":
        // Members are looked up when they are away, too; of all others nothing is kept, or passers-by would fill the memory.
        if (this.#chains.membership.member(input.node) === undefined)
          this.#addresses.delete(input.node);
        this.#authority.onPeerDown(input.node);
        this.#near.onPeerDown(input.node);
        return this.#chains.onPeerDown(input.node);
      case "committed":
        return this.#onCommitted(input.commit, now);
      case "loaded":
        this.#audit.onLoaded(input.load, input.rows, input.done, now);
        return this.#chains.onLoaded(input.load, input.rows, input.done, now);
      case "command":
        return this.#onCommand(input.id, input.command, now);
      case "lag":
        this.#near.pulses.lagMs = input.lagMs;
    }
  }

  #onTimer(timer: Extract<Input, { readonly type: "timer" }>, now: Now): void {
    if (!this.#env.out.timerFired(timer.id, timer.generation)) return;
    if (timer.id === "pulse") this.#near.pulses.onTimer(now);
    if (timer.id === "watch") this.#near.liveness.tick(now);
    if (timer.id === "robots") this.#robots.onTimer(now);
    if (timer.id === "sync") this.#chains.onTimer(now);
    if (timer.id === "chain") this.#chains.onWork(now);
    if (timer.id === "stop") this.#stopWait.onTimer();
  }

  #onGossip(gossip: Extract<Input, { readonly type: "gossip" }>, now: Now): Validation {
    if (gossip.topic === "pulse") return this.#near.onGossipPulse(gossip.from, gossip.bytes, now);
    if (gossip.topic === "verdict")
      return this.#near.onGossipObservation(gossip.from, gossip.bytes, now);
    if (gossip.topic === "authority")
      return this.#authority.onGossip(gossip.from, gossip.bytes, now);
    return this.#chains.onGossip(gossip.from, gossip.bytes, now);
  }

  get #isRevoked(): boolean {
    return this.#authority.authority.authorship(this.#env.identity.self) === "revoked";
  }

  #onCommitted(commit: number, now: Now): void {
    this.#auditHead.committed(commit);
    this.#near.liveness.statements.committed(commit);
    this.#chains.onCommitted(commit);
    const boot = this.#boots.committed(commit);
    if (boot === undefined) return;
    if (!this.#env.config.observer) {
      this.#chains.start(boot, now);
      this.#robots.announce(now);
    }
    this.#near.pulses.start(boot, now);
    if (this.#phase === "booting") {
      this.#phase = "running";
      this.#env.out.emit({ type: "started", boot });
    }
  }

  #onCommand(id: number, command: Command, now: Now): void {
    if (command.type === "stop") return this.#stopWait.begin(id, command, now);
    if (command.type === "statement")
      return this.#env.out.answer(id, this.#authority.submit(command.token, now, command.isProof));
    if (command.type === "statements")
      return this.#env.out.answer(id, this.#authority.submitAll(command.tokens, now));
    if (command.type === "make-cuts") return this.#makeCuts(id, command.node);
    if (command.type === "ask") return this.#ask(id, command.robot, now);
    if (this.#env.config.observer) return this.#refuseWrite(id);
    if (this.#phase !== "running") return this.#notReady(id);
    if (this.#twinHold.isHeld) return this.#env.out.reply(id, this.#twinAnswer());
    if ("robot" in command && !this.#chains.mayWrite(command.robot))
      return this.#env.out.reply(id, notGranted(command.robot, this.#isRevoked));
    if (command.type === "beat") return this.#robots.beat(id, command, now);
    if (command.type === "register") return this.#robots.register(id, command, now);
    if (command.type === "retire") return this.#robots.retire(id, command, now);
    if (command.type === "retire-node") return this.#retirements.retire(id, command, now);
    const { records } = this.#chains;
    if (this.#robots.view(command.robot, now) === undefined)
      return this.#env.out.reply(id, robotUnknown(command.robot));
    const result = records.patchState(command.robot, command.patch, command.ifMatch, now);
    if (!result.ok)
      return this.#env.out.reply(id, { ok: false, code: result.code, detail: result.detail });
    const answer = { ok: true, state: result.state, etag: result.etag } as const;
    const commit = this.#chains.flush(now);
    // A patch that changes nothing may repeat one that is not durable yet.
    if (this.#chains.hasStaged) this.#env.out.holdReply(id, answer);
    else this.#env.out.reply(id, answer, commit ?? this.#chains.newestCommit);
  }

  #ask(id: number, robot: RobotId, now: Now): void {
    const view = this.#robots.view(robot, now);
    if (view === undefined) return this.#env.out.reply(id, robotUnknown(robot));
    this.#near.asking.ask(view.node, (said) => this.#env.out.reply(id, { ok: true, ...said }), now);
  }

  #makeCuts(id: number, node: NodeId): void {
    const detail = "it wrote more than one revocation can stand for";
    const tooMuch = { ok: false, code: "statement-oversized", detail } as const;
    this.#chains.makeCuts(node, (cuts) => {
      this.#env.out.reply(id, cuts === undefined ? tooMuch : { ok: true, cuts });
    });
  }

  /** Ends an input: whoever must hear of what happened hears it, then what was collected is written and sent. */
  #finish(now: Now): void {
    this.#authority.look(now);
    this.#openBootIfAsked(now);
    if (this.#phase === "running") this.#retirements.look(now);
    this.#twinHold.look(now);
    if (this.#twinHold.isHeld) this.#env.out.failHeld(this.#twinAnswer());
    this.#near.liveness.takeTurn(now);
    for (const pulse of this.#listener.takePulses()) {
      this.#robots.onBeats(pulse.author, pulse.dated, pulse.beats, now);
    }
    this.#near.asking.look(now);
    this.#reports.take(now);
    this.#lookAtMajority(now);
    this.#flushChains(now);
    for (const robot of this.#chains.takeFoundRobots(now)) this.#robots.onFound(robot, now);
    for (const robot of this.#chains.takeChangedRobots()) this.#robots.onRecord(robot, now);
    const commit = this.#env.out.pendingCommit();
    if (commit !== undefined) this.#auditHead.committing(commit);
    this.#near.liveness.statements.flush(now);
    this.#stopWait.check();
  }

  /** Counting who is in sight takes the whole roster, so not every message pays for it. */
  #lookAtMajority(now: Now): void {
    if (now.monoMs < this.#majorityLookMonoMs) return;
    this.#majorityLookMonoMs = now.monoMs + this.#env.config.pulseEveryMs / 10;
    const hasMajority = this.#near.liveness.electorate.hasRosterMajority(now.monoMs);
    if (hasMajority === this.#hadMajority) return;
    this.#hadMajority = hasMajority;
    this.#robots.onMajority(now);
  }

  /** Writes chain entries when they are due; who changed something is answered with the entry that says so. */
  #flushChains(now: Now): void {
    this.#chains.flush(now);
    const { hasStaged, stagings } = this.#chains;
    this.#env.out.answerRepeated(hasStaged);
    if (!hasStaged) this.#env.out.releaseStaged();
    else if (stagings !== this.#stagings) this.#env.out.holdReplies();
    this.#stagings = stagings;
  }

  #openBootIfAsked(now: Now): void {
    const above = this.#env.out.takeReboot();
    if (above === undefined || this.#phase === "restoring") return;
    // Two processes that overtake each other's boots would do so for ever.
    const mayBoot = !this.#twinHold.isHeld && this.#bootRate.admit(now.monoMs);
    if (!mayBoot) return this.#env.out.reboot(above);
    this.#audit.append("boot", { above, own: this.#near.pulses.boot }, now);
    // Nobody listens to a boot that is proved to be overtaken. After a step of the clock the present one is good until the next is
    // durable, which on a full disk may take long.
    if (above > 0) this.#near.pulses.suspend();
    this.#boots.open(now, above);
  }

  /** What robots ask about nodes. */
  #nodesForRobots(): NodeStatusPort {
    return {
      self: this.#env.identity.self,
      status: (node) => this.#standing(node),
      hasMajority: () => this.#near.liveness.electorate.hasRosterMajority(this.#now.monoMs),
      twinSinceWallMs: () => {
        const { twin, sinceWallMs } = this.#near.pulses.twins;
        return twin === undefined ? undefined : sinceWallMs;
      },
      witnessCount: (node) => this.#near.liveness.witnessCount(node, this.#now),
    };
  }

  #standing(node: NodeId): NodeStanding | undefined {
    const { membership } = this.#chains;
    const { liveness } = this.#near;
    const quiet = liveness.quiet.ofMember(node);
    return standingOf(liveness.subject(node), membership, node, this.#now, quiet);
  }

  #viewDeps(): FleetViewDeps {
    return {
      identity: this.#env.identity,
      near: this.#near,
      membership: this.#chains.membership,
      records: this.#chains.records,
      addresses: this.#addresses,
    };
  }
}
