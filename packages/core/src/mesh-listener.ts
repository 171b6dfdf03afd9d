/**
 * What the neighbourhood tells the rest of core. Pulses and status changes are kept until the end of the input, so that a home's new
 * word is known before the verdict about the home is applied to its robots.
 */
import type { Authority } from "./authority/authority.ts";
import type { AuditLog } from "./audit/audit-log.ts";
import type { DurableHead } from "./audit/durable-head.ts";
import type { Chains } from "./chain/chains.ts";
import type { Env } from "./env.ts";
import type { RejectReason } from "./event.ts";
import type { NodeId, PulseName } from "./ids.ts";
import type { Evidence } from "./liveness/observation-codec.ts";
import type { NeighbourhoodListener } from "./liveness/neighbourhood.ts";
import type { RegionChange } from "./liveness/regions.ts";
import type { Subject } from "./liveness/subject.ts";
import type { Now } from "./now.ts";
import type { ChainHead } from "./pulse/pulse-codec.ts";
import type { ValidPulse } from "./pulse/pulse-intake.ts";
import type { RobotNews } from "./robots/pulse-queue.ts";
import type { DatedPulse } from "./robots/remote-robots.ts";
import type { Robots } from "./robots/robots.ts";
import type { Status } from "./view/status.ts";

export interface MeshListenerDeps {
  readonly audit: AuditLog;
  readonly auditHead: DurableHead;
  readonly chains: Chains;
  /** Of the newest charter that is held; 0 for none. */
  readonly authority: Pick<Authority, "charterNumber" | "isLacking">;
  readonly robots: () => Pick<Robots, "beatsForPulse" | "news">;
  readonly bootAbove: (boot: number) => void;
  readonly ownBoot: () => { readonly boot: number; readonly highestForeignBoot: number };
}

export interface TakenPulse {
  readonly author: NodeId;
  readonly dated: DatedPulse;
  readonly beats: unknown;
}

export class MeshListener implements NeighbourhoodListener {
  readonly #env: Env;
  readonly #deps: MeshListenerDeps;
  #pulses: TakenPulse[] = [];
  #quietFrom: Status | undefined;
  readonly #regionsChanged: string[] = [];
  #statusChanges: { readonly node: NodeId; readonly from: Status }[] = [];

  constructor(env: Env, deps: MeshListenerDeps) {
    this.#env = env;
    this.#deps = deps;
  }

  takePulses(): readonly TakenPulse[] {
    if (this.#pulses.length === 0) return this.#pulses;
    const pulses = this.#pulses;
    this.#pulses = [];
    return pulses;
  }

  takeStatusChanges(): readonly { readonly node: NodeId; readonly from: Status }[] {
    if (this.#statusChanges.length === 0) return this.#statusChanges;
    const changes = this.#statusChanges;
    this.#statusChanges = [];
    return changes;
  }

  accused(subject: Subject, now: Now): void {
    this.#deps.audit.append("accusation", { subject: subject.node, ...subject.newestName }, now);
  }

  verdict(subject: Subject, kind: "down" | "up" | "unknown", now: Now): void {
    const accusers = subject.latch?.accusers ?? [];
    const singleWitness = subject.latch?.singleWitness ?? false;
    const pulse = subject.latch?.name ?? subject.newestName;
    const event = {
      subject: subject.node,
      kind,
      pulse,
      accusers,
      singleWitness,
      atWallMs: now.wallMs,
    };
    this.#env.out.emit({ type: "verdict", ...event });
    this.#deps.audit.append(
      "verdict",
      { subject: subject.node, kind, ...pulse, accusers: [...accusers], singleWitness },
      now,
    );
  }

  regionChanged({ outage, step }: RegionChange, now: Now): void {
    const { from, to } = outage;
    this.#regionsChanged.push(to);
    if (step === "settled") return;
    const accusers = step === "back" ? [] : outage.accusers;
    const status = step === "back" ? "reachable" : "unreachable";
    this.#env.out.emit({ type: "region-status", from, to, status, accusers, atWallMs: now.wallMs });
    this.#deps.audit.append(`region-${status}`, { from, to, accusers: [...accusers] }, now);
  }

  /** Regions of which something else is said than until now. */
  takeRegionChanges(): readonly string[] {
    return this.#regionsChanged.splice(0);
  }

  /** What was said until now of members that nobody speaks of, if that has changed. */
  takeQuietChange(): Status | undefined {
    const from = this.#quietFrom;
    this.#quietFrom = undefined;
    return from;
  }

  quietChanged(from: Status): void {
    this.#quietFrom ??= from;
  }

  statusChanged(node: NodeId, from: Status): void {
    this.#statusChanges.push({ node, from });
  }

  get news(): RobotNews {
    return this.#deps.robots().news;
  }

  pulseParts(
    beatBytesMax: number,
    now: Now,
    isForEverybody: boolean,
  ): {
    readonly heads: readonly ChainHead[];
    readonly auditSize: number;
    readonly auditHash: Uint8Array;
    readonly charter: number | undefined;
    readonly beats: unknown;
  } {
    const { size, hash } = this.#deps.auditHead.head;
    const charter = this.#deps.authority.charterNumber;
    return {
      heads: this.#deps.chains.heads(),
      auditSize: size,
      auditHash: hash,
      charter: charter === 0 ? undefined : charter,
      beats: this.#deps.robots().beatsForPulse(beatBytesMax, now, isForEverybody),
    };
  }

  pulse(pulse: ValidPulse, dateMonoMs: number | undefined, from: NodeId, now: Now): void {
    this.#deps.chains.onHeads(pulse.author, pulse.attachment.heads, from, now);
    const isBehind = (pulse.attachment.charter ?? 0) > this.#deps.authority.charterNumber;
    if (isBehind || this.#deps.authority.isLacking) this.#deps.chains.lackStatements(from, now);
    // Robots have members for their home: whoever is none, or has left, could show a dead one alive.
    if (dateMonoMs === undefined || this.#deps.chains.membership.member(pulse.author) === undefined)
      return;
    const { boot, seq } = pulse.header;
    this.#pulses.push({
      author: pulse.author,
      dated: { boot, seq, dateMonoMs },
      beats: pulse.attachment.beats,
    });
  }

  goodbye(node: NodeId, evidence: Evidence, now: Now): void {
    if (!this.#deps.chains.membership.leave(node, evidence.header.boot)) return;
    this.#deps.audit.append("goodbye", { node }, now);
  }

  rejected(reason: RejectReason, from: NodeId, now: Now): void {
    this.#env.out.emit({ type: "rejected", reason, from });
    this.#deps.audit.appendReject(reason, { from }, now);
  }

  twin(change: "found" | "over", twin: PulseName, from: NodeId | undefined, now: Now): void {
    const { self: node } = this.#env.identity;
    const { boot } = this.#deps.ownBoot();
    const facts = { node, boot, twin, atWallMs: now.wallMs };
    if (change === "found" && from !== undefined) {
      this.#env.out.emit({ type: "twin", ...facts, from });
      this.#deps.audit.append("twin", { boot, twin: [twin.boot, twin.seq], from }, now);
      return;
    }
    this.#env.out.emit({ type: "twin-over", ...facts });
    this.#deps.audit.append("twin-over", { boot, twin: [twin.boot, twin.seq] }, now);
    // Above everything that either has written, in an epoch of its own (rule CH1).
    this.#deps.bootAbove(this.#deps.ownBoot().highestForeignBoot);
  }

  bootAbove(boot: number): void {
    this.#deps.bootAbove(boot);
  }
}
