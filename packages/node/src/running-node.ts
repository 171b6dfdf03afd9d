/** A started node behind its public interface: reads go to core, commands to the driver, history to the store. */
import type {
  AuthorityView,
  Command,
  CommandResult,
  CoreEvent,
  FleetView,
  NodeId,
  NodeWitnesses,
  Now,
  Reachability,
  RobotId,
  RobotView,
  Store,
  Transport,
} from "@pulsemesh/core";
import type { AuditLine, AuditVerification, NodeIssuer, NodeMetric, PulsemeshNode } from "./api.ts";
import {
  diskFacts,
  type NodeDiagnosis,
  type NodeSettings,
  openFilesNow,
  unknownTimeZones,
} from "./diagnosis.ts";
import { type AuditReaderDeps, readAuditTail, verifyAudit } from "./audit-reader.ts";
import { ALL_ROWS, encodeRows } from "./backup/row-frames.ts";
import type { Driver } from "./driver/driver.ts";
import type { LostEvents } from "./driver/event-hub.ts";
import { nodeMetrics } from "./node-metrics.ts";

export interface RunningNodeDeps {
  /** Whoever issues beside it now. */
  readonly issuer: () => NodeIssuer | undefined;
  /** Whether whoever asks becomes a member. */
  readonly isOpen: boolean;
  readonly driver: Driver;
  readonly store: Store;
  readonly transport: Transport;
  readonly audit: AuditReaderDeps;
  readonly now: () => Now;
  readonly agent: string;
  readonly settings: NodeSettings;
  /** How members and this node can reach each other, tried out now. */
  readonly checkLinks: () => Promise<NodeDiagnosis["links"]>;
  /** How long silence is no fault after a planned stop (rule VE9). */
  readonly restartWithinMs: number;
  /** Whether this start must meet a member before the node counts as joined. */
  readonly mustMeet: boolean;
  /** Called once, when it begins to stop. */
  readonly stopping: () => void;
  /** Called once, after everything is closed. */
  readonly stopped: () => void;
}

/** How long a diagnosis stands for the next one who asks: it dials members, and anybody at the gateway may ask. */
const DIAGNOSE_EVERY_MS: number = 5_000;

export class RunningNode implements PulsemeshNode {
  readonly id: NodeId;
  readonly fleet: string;
  readonly dataDir: string;
  readonly #deps: RunningNodeDeps;
  readonly #startedMonoMs: number;
  #isReady = false;
  #diagnosis: Promise<NodeDiagnosis> | undefined;
  #diagnosedMonoMs = Number.POSITIVE_INFINITY;
  #stopping: Promise<void> | undefined;

  constructor(deps: RunningNodeDeps, dataDir: string) {
    this.#deps = deps;
    this.dataDir = dataDir;
    this.id = deps.transport.node;
    this.fleet = deps.transport.fleet;
    this.#startedMonoMs = deps.now().monoMs;
    const { driver, mustMeet } = deps;
    void Promise.all([driver.started, mustMeet ? driver.met : undefined]).then(() => {
      this.#isReady = true;
    });
  }

  get issuer(): NodeIssuer | undefined {
    return this.#deps.issuer();
  }

  addresses(): readonly string[] {
    return this.#deps.transport.addresses();
  }

  ready(): boolean {
    return this.#isReady && this.#stopping === undefined;
  }

  command(command: Command): Promise<CommandResult> {
    return this.#deps.driver.command(command);
  }

  fleetView(): FleetView {
    return this.#deps.driver.view.fleet(this.#deps.now());
  }

  authorityView(): AuthorityView {
    return this.#deps.driver.view.authority(this.#deps.now());
  }

  robots(): readonly RobotView[] {
    return this.#deps.driver.view.robots(this.#deps.now());
  }

  robotIds(): readonly RobotId[] {
    return this.#deps.driver.view.robotIds();
  }

  robot(id: RobotId): RobotView | undefined {
    return this.#deps.driver.view.robot(id, this.#deps.now());
  }

  roundTripMs(node: NodeId): number | undefined {
    return this.#deps.transport.roundTripMs(node);
  }

  witnesses(node: NodeId): NodeWitnesses | undefined {
    return this.#deps.driver.view.explaining.witnesses(node, this.#deps.now());
  }

  verdictBundle(node: NodeId): string | undefined {
    return this.#deps.driver.view.explaining.bundle(node, this.#deps.now());
  }

  reachability(): Reachability {
    return this.#deps.driver.view.explaining.reachability(this.#deps.now());
  }

  events(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterable<CoreEvent | LostEvents> {
    return this.#deps.driver.events.read(options.signal);
  }

  auditTail(options: {
    readonly limit: number;
    readonly before?: number | undefined;
  }): Promise<readonly AuditLine[]> {
    return readAuditTail(this.#deps.audit, options);
  }

  auditVerify(): Promise<AuditVerification> {
    return verifyAudit(this.#deps.audit);
  }

  storedRows(): AsyncIterable<Uint8Array> {
    return encodeRows(this.#deps.store.scan(ALL_ROWS));
  }

  metrics(): readonly NodeMetric[] {
    const { driver, store } = this.#deps;
    const isTwin = (): boolean => this.fleetView().self.twin !== undefined;
    return nodeMetrics({
      driver,
      store,
      isTwin,
      isOpen: this.#deps.isOpen,
      grantEndsWallMs: () =>
        this.authorityView().grants.find(({ node }) => node === this.id)?.expWallMs,
      authority: () => this.authorityView(),
    });
  }

  diagnose(): Promise<NodeDiagnosis> {
    const sinceMs = this.#deps.now().monoMs - this.#diagnosedMonoMs;
    if (this.#diagnosis !== undefined && sinceMs < DIAGNOSE_EVERY_MS) return this.#diagnosis;
    this.#diagnosedMonoMs = Number.POSITIVE_INFINITY;
    this.#diagnosis = this.#diagnose().finally(() => {
      this.#diagnosedMonoMs = this.#deps.now().monoMs;
    });
    return this.#diagnosis;
  }

  async #diagnose(): Promise<NodeDiagnosis> {
    const { agent, checkLinks, driver, now, settings } = this.#deps;
    const [links, disk, openFiles, zones] = await Promise.all([
      checkLinks(),
      diskFacts(this.dataDir),
      openFilesNow(),
      unknownTimeZones(this.robotIds(), (id) => this.robot(id)),
    ]);
    return {
      agent,
      nodeVersion: process.versions.node,
      pid: process.pid,
      upMs: now().monoMs - this.#startedMonoMs,
      settings,
      disk,
      openFiles,
      loopLagMs: driver.meter.lagMs,
      unknownTimeZones: zones,
      links,
      refusedBy: driver.refusals.map(({ node, reason, monoMs }) => ({
        node,
        reason,
        ageMs: now().monoMs - monoMs,
      })),
    };
  }

  stop(options: { readonly mode?: "pause" | "leave" | undefined } = {}): Promise<void> {
    if (this.#stopping === undefined) this.#deps.stopping();
    this.#stopping ??= this.#deps.driver
      .stop(options.mode ?? "pause", this.#deps.restartWithinMs)
      .finally(this.#deps.stopped);
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
