/**
 * What the gateway's JSON looks like, as types of this package's own: the client depends on nothing, so that it runs in a
 * browser. A test holds them equal to the gateway's, but for what earlier releases leave out of an answer: that is optional here alone, so
 * that a newer client reads an older node.
 */

export type StatusWord = "new" | "up" | "late" | "down" | "unknown" | "paused" | "left";
export type HealthWord = "ok" | "degraded" | "failing";

export type ScheduleJson =
  | {
      readonly type: "every";
      readonly every_ms: number;
      readonly grace_ms: number;
      readonly missed: number;
      readonly startup_ms: number;
    }
  | {
      readonly type: "cron";
      readonly cron: string;
      readonly time_zone: string;
      readonly grace_ms: number;
      readonly startup_ms: number;
      /** When the next beat is due, by the home's clock. */
      readonly next_due: string | null;
    };

/** How regularly a robot beats, by its own history; null is what too few samples leave unsaid. */
export interface RegularityJson {
  /** `interval`: between two beats. `lateness`: after the due time of a cron line, negative before it. */
  readonly measures: "interval" | "lateness";
  /** How many of the newest samples the figures are about. */
  readonly samples: number;
  /** Their median. */
  readonly usual_ms: number | null;
  readonly newest_ms: number | null;
  /** Half of the samples differ from the usual by no more than this. */
  readonly jitter_ms: number | null;
  /** To the usual interval; null for lateness. */
  readonly jitter_ratio: number | null;
  /** How much more the newest samples are than those long before; negative for less. */
  readonly drift_ms: number | null;
  readonly drift_ratio: number | null;
  /** Samples that were early, and late, by the schedule. */
  readonly early: number;
  readonly late: number;
  /** How much longer than `every` the status stays up. */
  readonly late_allowance_ms: number;
  /** How unusual the newest sample was for this robot, 0 … 10: 1 is one in ten; 3 and more is unusual. */
  readonly newest_score: number | null;
  /** The same for the silence that goes on. */
  readonly silence_score: number | null;
  /** When the home worked this out. */
  readonly as_of: string;
}

/** What the witnesses of a robot's home say. */
export interface WitnessesJson {
  readonly up: number;
  readonly late: number;
  readonly down: number;
  readonly unknown: number;
  readonly of: number;
}

/** A robot. Times are RFC 3339 in UTC. */
export interface RobotJson {
  readonly robot_id: string;
  /** The mesh's verdict. */
  readonly status: StatusWord;
  readonly since: string;
  readonly reason: string | null;
  /** What the robot says of itself. */
  readonly health: HealthWord;
  /** When the newest beat was given; null before the first. */
  readonly last_check: string | null;
  readonly age_ms: number | null;
  /** Name of the home node. */
  readonly node: string | null;
  readonly node_id: string | null;
  readonly region: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** It is meant to beat at several nodes. Left out by release 0.1.0. */
  readonly floating?: boolean | undefined;
  readonly schedule: ScheduleJson | null;
  /** Null until its home has said something of it. Left out by release 0.1.0. */
  readonly regularity?: RegularityJson | null | undefined;
  /** Changes whenever anything in the record does. */
  readonly version: string;
  readonly witnesses: WitnessesJson;
  readonly state: Readonly<Record<string, unknown>>;
  /** With `ask`: whom the node asked. */
  readonly asked?: readonly AskedJson[] | undefined;
  /**
   * With `ask`, where it asked nobody: the robot has no home, the home is no member, is the node itself, or is heard by it first hand; `unheard`: it would
   * hear the home itself, and does not. Left out by earlier releases.
   */
  readonly not_asked?: "no-home" | "no-member" | "self" | "heard" | "unheard" | undefined;
}

/** A member that was asked for its newest word. */
export interface AskedJson {
  /** Its name. */
  readonly node: string | null;
  readonly node_id: string;
  /** `busy`: it was not asked, as too many were being asked. */
  readonly outcome: "answered" | "silent" | "busy";
  readonly waited_ms: number;
  /** Where it is `silent`: whether there was a connection with it. Left out by earlier releases. */
  readonly connected?: boolean | undefined;
}

export interface RobotListJson {
  readonly robots: readonly RobotJson[];
  /** Give it as `after` for the next page; null on the last. */
  readonly next: string | null;
}

/** What a robot shall be; what is not said has its default. */
export interface RegistrationJson {
  readonly schedule?: ScheduleTermsJson | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly floating?: boolean | undefined;
}

export interface ScheduleTermsJson {
  readonly type?: "every" | "cron" | undefined;
  readonly every_ms?: number | undefined;
  readonly cron?: string | undefined;
  readonly time_zone?: string | undefined;
  readonly grace_ms?: number | undefined;
  readonly missed?: number | undefined;
  readonly startup_ms?: number | undefined;
  readonly next_due?: string | null | undefined;
}

/** A node that says goodbye. */
export interface LeavingJson {
  /** The node that leaves. */
  readonly id: string;
  readonly leaving: true;
}

/** Who retired a robot or node, and when. */
export interface RetirementJson {
  /** The robot or node. */
  readonly id: string;
  /** By the clock of who said so. */
  readonly retired_at: string;
  /** Name of the node where it was said; null when it is no member. */
  readonly retired_by: string | null;
  readonly retired_by_id: string;
  /** It had been retired before: nothing was changed. */
  readonly already: boolean;
}

export interface PeerJson {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly status: StatusWord;
  readonly since: string;
  readonly reason: string | null;
  readonly addresses: readonly string[];
  readonly last_pulse_age_ms: number | null;
  readonly rtt_ms: number | null;
  /** What it promises between two pulses; null before the first. Left out by release 0.1.0, as the two below. */
  readonly pulse_every_ms?: number | null | undefined;
  /** How far its wall clock is ahead of the answering node's; null when not known. */
  readonly clock_offset_ms?: number | null | undefined;
  /** Software and version. */
  readonly agent?: string | undefined;
}

/** A region that is out of reach of another one: whether its nodes live cannot be told from there. */
export interface OutageJson {
  readonly from: string;
  readonly to: string;
  readonly since: string;
  /** Ids of nodes in `from` that miss nodes in `to`. */
  readonly accusers: readonly string[];
}

/** The mesh as the answering node sees it. */
export interface PeersJson {
  readonly fleet: string;
  readonly self: {
    readonly id: string;
    readonly name: string;
    readonly region: string;
    readonly addresses: readonly string[];
    readonly boot: number;
    /** There while another process is alive under this node's key: its newest pulse known. */
    readonly twin?: { readonly boot: number; readonly seq: number } | undefined;
    /** There while what it writes is ahead of its clock, which was set back; in whole milliseconds. */
    readonly writes_ahead_ms?: number | undefined;
    /** How much it has used of what one node may write about: robots, and ids with the retired ones. */
    readonly written?:
      | {
          readonly robots: number;
          readonly robots_max: number;
          readonly ids: number;
          readonly ids_max: number;
        }
      | undefined;
  };
  readonly peers: readonly PeerJson[];
  readonly view: {
    /** Members that count, the answering node included. */
    readonly roster: number;
    readonly in_sight: number;
    /** Regions of which nothing is heard, by name. Left out by earlier releases. */
    readonly unreachable?: readonly OutageJson[] | undefined;
    /** Equal on all nodes that hold the same document. */
    readonly document_hash: string;
  };
}

export type DialOutcomeWord =
  | "reached"
  | "refused"
  | "timed-out"
  | "unreachable"
  | "name-unknown"
  | "wrong-node"
  | "no-handshake"
  | "not-dialled"
  | "failed";

/** What came of a dial to one address. */
export interface DialOutcomeJson {
  readonly address: string;
  readonly outcome: DialOutcomeWord;
}

/** How one member and the answering node can reach each other. */
export interface LinkJson {
  readonly node: string;
  /** Who opened the connection that stands; null when none does. */
  readonly connected: "inbound" | "outbound" | null;
  /** What came of dials to it. */
  readonly dialled: readonly DialOutcomeJson[];
  /** What came of its dials to the answering node; null where it was not asked, `busy` or `no-answer` where it did not say. */
  readonly dialled_back: readonly DialOutcomeJson[] | "busy" | "no-answer" | null;
}

/** What the answering node tells of itself and its surroundings. */
export interface DiagnosticsJson {
  readonly agent: string;
  readonly node_version: string;
  readonly pid: number;
  readonly up_ms: number;
  readonly settings: {
    readonly data_dir: string;
    readonly listen: readonly string[];
    readonly announce: readonly string[];
    readonly join: readonly string[];
    readonly mdns: boolean;
    readonly observer: boolean;
    readonly pulse_every_ms: number;
    readonly settle_ms: number;
  };
  readonly disk: {
    readonly free_bytes: number | null;
    readonly used_bytes: number;
    /** Why nothing could be written and synced there; null when it could. */
    readonly write_fault: string | null;
  };
  readonly open_files: { readonly count: number; readonly max: number } | null;
  readonly loop_lag_ms: number;
  readonly unknown_time_zones: readonly string[];
  readonly links: readonly LinkJson[];
  /** Nodes that do not let this one in, by their own word. */
  readonly refused_by?:
    | readonly { readonly node: string; readonly reason: string; readonly age_ms: number }[]
    | undefined;
}

/** A CloudEvent. `data` depends on `type`; `pulsemesh.lost` says that events are missing before it. */
export interface EventJson {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** The robot, node or region that it is about. */
  readonly subject?: string | undefined;
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: Readonly<Record<string, unknown>>;
}

export interface AuditEntryJson {
  readonly index: number;
  readonly time: string;
  readonly kind: string;
  readonly data: unknown;
  /** Hex SHA-256 that chains this entry to all before it. */
  readonly hash: string;
}

export interface AuditListJson {
  /** In the order of the log. */
  readonly entries: readonly AuditEntryJson[];
  /** Give it as `before` for the page before this one; null when this page holds the first entry. */
  readonly before: number | null;
}

export type AuditVerifyJson =
  | {
      readonly ok: true;
      readonly size: number;
      /** Left out by release 0.1.0, which pruned nothing. */
      readonly pruned?: number | undefined;
      readonly head: string;
    }
  | {
      readonly ok: false;
      readonly size: number;
      readonly pruned?: number | undefined;
      /** The first of `faults`. */
      readonly bad_index: number;
      readonly reason: string;
      /** Ranges of bad entries, both ends included, 100 at most. */
      readonly faults: readonly {
        readonly from: number;
        readonly to: number;
        readonly reason: string;
      }[];
    };

export type GrantStandingWord = "granted" | "early" | "expired" | "honoured" | "revoked";
export type RoleWord = "robot" | "gateway" | "operator" | "responder" | "observer";

/** What a node has been granted, by whom and until when. */
export interface GrantJson {
  /** The node. */
  readonly id: string;
  /** The id of the grant itself. */
  readonly statement: string;
  readonly name: string | null;
  /** `honoured`: its grant is over, and counts as long as nobody can renew it. */
  readonly standing: GrantStandingWord;
  readonly roles: readonly RoleWord[];
  /** Robot ids, or beginnings and a star. */
  readonly robots: readonly string[];
  readonly region: string;
  readonly issuer: string;
  readonly not_before: string;
  readonly expires: string;
}

/** A key that may grant, and up to what. */
export interface IssuerJson {
  readonly key: string;
  readonly roles: readonly RoleWord[];
  readonly robots: readonly string[];
  readonly expires: string;
}

/** Who may be in the fleet, as one node knows it. */
export interface AuthorityJson {
  readonly fleet: string;
  /** Whether only who was granted something is a member. */
  readonly closed: boolean;
  /** Nothing was heard of the authority for a day. */
  readonly stale: boolean;
  readonly news_at: string | null;
  readonly root: {
    readonly id: string;
    readonly number: number;
    /** By the clock of who signed it. */
    readonly at: string;
    readonly key: string;
    readonly charter_key: string;
    readonly issuers: readonly IssuerJson[];
    readonly void: readonly string[];
    /** Numbers of which there is another root statement: somebody else has, or had, the root's key. */
    readonly disputed: readonly number[];
    /** Those of them by the key that stands, which no rotation has answered yet. */
    readonly unanswered?: readonly number[] | undefined;
  } | null;
  readonly charter: {
    readonly id: string;
    readonly number: number;
    readonly at: string;
    /** There is another one with its number: somebody else has the key that signs them. */
    readonly disputed: boolean;
  } | null;
  /** Root statements from the first on, then the charter, as they were signed. */
  readonly statements: readonly string[];
  readonly grants: readonly GrantJson[];
  /** Grants that newer ones of their issuer have taken the place of, the newest first: whoever has stolen its key may have made those. */
  readonly superseded: readonly {
    /** The node. */
    readonly id: string;
    /** The id of the grant itself. */
    readonly statement: string;
    readonly roles: readonly RoleWord[];
    readonly issuer: string;
    readonly at: string;
    readonly expires: string;
  }[];
  readonly revoked: readonly {
    readonly id: string;
    /** The id of the revocation itself. */
    readonly statement: string;
    /** As it was last known; null where it was never seen. Left out by earlier releases. */
    readonly name?: string | null | undefined;
    readonly reason: string;
    readonly by: string;
    readonly at: string;
  }[];
}

/** What a member may do. */
export interface TermsJson {
  /** @default ["robot"] */
  readonly roles?: readonly RoleWord[] | undefined;
  /** Robot ids, or beginnings and a star. @default [] */
  readonly robots?: readonly string[] | undefined;
  /** @default what the node says */
  readonly region?: string | undefined;
}

export interface InviteTermsJson extends TermsJson {
  /** For how long it is open, in ms, at most 7 days. @default an hour */
  readonly ttl_ms?: number | undefined;
  /** Nodes that it makes members. @default 1 */
  readonly uses?: number | undefined;
}

export interface InviteJson {
  /** A secret: whoever shows it at that node becomes a member. */
  readonly invite: string;
  readonly expires: string;
}

/** One invite that has not ended; its secret is nowhere. */
export interface OpenInviteJson {
  readonly id: string;
  readonly roles: readonly RoleWord[];
  readonly robots: readonly string[];
  readonly region: string | null;
  readonly uses: number;
  readonly used_by: readonly string[];
  readonly expires: string;
}
