/** A running node as its owners see it: the gateway, the command line, and programs that embed one (`createNode`). */
import type {
  AuthorityView,
  Command,
  CommandResult,
  CoreEvent,
  FleetView,
  Json,
  NodeId,
  NodeWitnesses,
  Reachability,
  RobotId,
  RobotView,
} from "@pulsemesh/core";
import type { OpenInvite } from "./authority/invite-ledger.ts";
import type { GrantTerms, InviteOptions } from "./authority/issuer.ts";
import type { NodeDiagnosis } from "./diagnosis.ts";

/** One line of the audit log as readers see it. */
export interface AuditLine {
  readonly index: number;
  readonly wallMs: number;
  readonly kind: string;
  readonly data: Json;
  /** Hex SHA-256 that chains this entry to all before it. */
  readonly hash: string;
}

export type AuditVerification =
  /** `size` entries were ever written; the `pruned` oldest of them are gone. */
  | { readonly ok: true; readonly size: number; readonly pruned: number; readonly head: string }
  | {
      readonly ok: false;
      readonly size: number;
      readonly pruned: number;
      /** The first of `faults`. */
      readonly badIndex: number;
      readonly reason: string;
      /** Ranges of bad entries, both ends included, 100 at most. */
      readonly faults: readonly {
        readonly from: number;
        readonly to: number;
        readonly reason: string;
      }[];
    };

/** Counters and gauges for `/metrics`, by full metric name without prefix; labels as a flat record. */
export interface NodeMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly samples: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

/** An issuer's key is here: what it can be asked (rules ME1, ME7). All of it rejects with a `PulsemeshError`. */
export interface NodeIssuer {
  /** Invites that have not ended. */
  readonly invites: readonly OpenInvite[];
  /** One word, a secret: whoever shows it at this node becomes a member. */
  invite(options: Omit<InviteOptions, "addresses">): Promise<string>;
  /** Closes the invite with that id; who has used it stays a member. */
  withdraw(id: string): Promise<void>;
  /** Makes who wrote the request a member; the statements that it needs, to be carried there. */
  grant(request: string, terms: GrantTerms): Promise<readonly string[]>;
  /** Ends a membership for good. */
  revoke(node: NodeId, reason: string): Promise<void>;
  /**
   * That this node may leave for good without taking with it who lets others in, renews and revokes.
   * @throws PulsemeshError `issuer-last`
   */
  checkLeaving(): void;
}

export interface PulsemeshNode extends AsyncDisposable {
  readonly id: NodeId;
  readonly fleet: string;
  readonly dataDir: string;
  /** Undefined where no issuer's key is in the data directory. */
  readonly issuer: NodeIssuer | undefined;
  /** Multiaddrs by which others reach it. */
  addresses(): readonly string[];
  /** True once core is restored and the node has joined, or is alone on purpose; stays true until stop (promise P8). */
  ready(): boolean;
  /** Resolves when what was acknowledged is durable. Rejects with a `PulsemeshError` code `store-failed` (HTTP 507). */
  command(command: Command): Promise<CommandResult>;
  fleetView(): FleetView;
  /** What this node holds of the fleet's authority (rules ME1–ME3). */
  authorityView(): AuthorityView;
  robots(): readonly RobotView[];
  robot(id: RobotId): RobotView | undefined;
  /** Ids of all robots, sorted byte-wise; cheap, where {@link robots} looks at each. One may be retired when it is asked for. */
  robotIds(): readonly RobotId[];
  roundTripMs(node: NodeId): number | undefined;
  /** Who sees a node, and by which rule that counts (rule VE10); undefined for a node that nothing is known of. */
  witnesses(node: NodeId): NodeWitnesses | undefined;
  /** The evidence of the newest verdict about a node, as a bundle, signed now; undefined where none is known. */
  verdictBundle(node: NodeId): string | undefined;
  /** Who hears whom, as far as this node knows. */
  reachability(): Reachability;
  /** Events from now on; ends when the node stops or `signal` aborts. A slow reader loses the oldest beyond 1,000 and sees `{type:"lost"}`. */
  events(options?: {
    readonly signal?: AbortSignal | undefined;
  }): AsyncIterable<CoreEvent | { readonly type: "lost"; readonly count: number }>;
  /** Entries with an index below `before` (default: the end), the newest `limit` of them, oldest first. */
  auditTail(options: {
    readonly limit: number;
    readonly before?: number | undefined;
  }): Promise<readonly AuditLine[]>;
  auditVerify(): Promise<AuditVerification>;
  metrics(): readonly NodeMetric[];
  /** Everything in the store at one moment, for a backup: rows in portions of bytes, with an end that says whether they are all. */
  storedRows(): AsyncIterable<Uint8Array>;
  /**
   * Looks at itself and tries out how members can be reached, both ways, for up to 8 s. Asked again within 5 s it answers what it has
   * found, or is finding.
   */
  diagnose(): Promise<NodeDiagnosis>;
  /** Planned stop (rule VE9): says `paused` (or goodbye), waits at most 1 s for acknowledgements, closes everything. Idempotent. */
  stop(options?: { readonly mode?: "pause" | "leave" | undefined }): Promise<void>;
}

export interface NodeOptions {
  /** Created with mode 0700 when missing; one that others on this machine may enter, or that holds files of something else and none of a node is refused. */
  readonly dataDir: string;
  /** A data directory, or key, that others may enter or read is a warning only: for volumes of a group. @default false */
  readonly sharedData?: boolean | undefined;
  /** @default host name */
  readonly name?: string | undefined;
  /** @default that of its grant, else "default" */
  readonly region?: string | undefined;
  /** Listen multiaddrs. @default ["/ip4/127.0.0.1/tcp/7421"] */
  readonly listen?: readonly string[] | undefined;
  readonly announce?: readonly string[] | undefined;
  /** Multiaddrs of members to join by; empty makes a fleet of its own unless one is pinned on disk, with the root's keys in the folder `root` of `dataDir`. */
  readonly join?: readonly string[] | undefined;
  /** Makes a fresh directory a member first (rule ME7), and joins by its issuer as well. A directory that is one already needs none. */
  readonly invite?: string | undefined;
  /**
   * Grants whoever asks membership for a day, where an issuer's key is here: for demonstrations and tests. Refused where this node listens beyond
   * loopback and private addresses. @default false
   */
  readonly open?: boolean | undefined;
  /** Opens an issuer's key that is sealed. @default it is not */
  readonly passphrase?: string | undefined;
  /** Of a private network, as go-libp2p's `swarm.key`: who does not have it cannot connect. @default everybody can */
  readonly networkKey?: Uint8Array | undefined;
  /** The fleet to be in, by its id: any other is refused. @default that of `join`, or one of its own */
  readonly fleet?: string | undefined;
  readonly mdns?: boolean | undefined;
  readonly observer?: boolean | undefined;
  readonly profile?: "local" | "lan" | "wan" | undefined;
  /** How long silence is no fault after a planned stop (rule VE9), 1 s … 1 h. @default 60000 */
  readonly restartWithinMs?: number | undefined;
  /** Overrides of the profile, for tests and for `run --every/--grace/…`. */
  readonly core?: Readonly<Record<string, Json>> | undefined;
  /** Agent version that others see. @default "pulsemesh/0.1.0" */
  readonly agent?: string | undefined;
  readonly logger?: NodeLogger | undefined;
  /** Gives up joining: a node that has no fleet yet waits for a member of `join` to answer, however long that takes. */
  readonly signal?: AbortSignal | undefined;
}

/** The subset of pino that the node uses. */
export interface NodeLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
