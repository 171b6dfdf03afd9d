/**
 * The shape of every JSON answer of the gateway. The compiler holds each to its type, so that a field that is added there is missed here. A field that
 * comes into an answer of an earlier release is optional: the node that answers may be of that release.
 */
import type {
  AskedJson,
  AuthorityJson,
  GrantJson,
  InviteJson,
  IssuerJson,
  OpenInviteJson,
  AuditEntryJson,
  AuditListJson,
  AuditVerifyJson,
  DiagnosticsJson,
  DialOutcomeJson,
  EventJson,
  LeavingJson,
  LinkJson,
  OutageJson,
  PeerJson,
  PeersJson,
  RetirementJson,
  RobotJson,
  RobotListJson,
  RegularityJson,
  ScheduleJson,
  WitnessesJson,
} from "./json.ts";
import {
  anything,
  choice,
  exactly,
  flag,
  list,
  map,
  nullable,
  number,
  optional,
  record,
  says,
  type Shape,
  text,
  word,
} from "./shape.ts";

type Every = Extract<ScheduleJson, { readonly type: "every" }>;
type Cron = Extract<ScheduleJson, { readonly type: "cron" }>;

const every: Shape<Every> = map<Every>({
  type: exactly("every"),
  every_ms: number,
  grace_ms: number,
  missed: number,
  startup_ms: number,
});

const cron: Shape<Cron> = map<Cron>({
  type: exactly("cron"),
  cron: text,
  time_zone: text,
  grace_ms: number,
  startup_ms: number,
  next_due: nullable(text),
});

export const schedule: Shape<ScheduleJson> = choice<ScheduleJson>((value) =>
  says(value, "type", "cron") ? cron : every,
);

const regularity: Shape<RegularityJson> = map<RegularityJson>({
  measures: word(),
  samples: number,
  usual_ms: nullable(number),
  newest_ms: nullable(number),
  jitter_ms: nullable(number),
  jitter_ratio: nullable(number),
  drift_ms: nullable(number),
  drift_ratio: nullable(number),
  early: number,
  late: number,
  late_allowance_ms: number,
  newest_score: nullable(number),
  silence_score: nullable(number),
  as_of: text,
});

const witnesses: Shape<WitnessesJson> = map({
  up: number,
  late: number,
  down: number,
  unknown: number,
  of: number,
});

export const stateShape: Shape<Readonly<Record<string, unknown>>> = record(anything);

export const robotShape: Shape<RobotJson> = map<RobotJson>({
  robot_id: text,
  status: word(),
  since: text,
  reason: nullable(text),
  health: word(),
  last_check: nullable(text),
  age_ms: nullable(number),
  node: nullable(text),
  node_id: nullable(text),
  region: nullable(text),
  labels: record(text),
  floating: optional(flag),
  schedule: nullable(schedule),
  regularity: optional(nullable(regularity)),
  version: text,
  witnesses,
  state: stateShape,
  asked: optional(
    list(
      map<AskedJson>({
        node: nullable(text),
        node_id: text,
        outcome: word(),
        waited_ms: number,
        connected: optional(flag),
      }),
    ),
  ),
  not_asked: optional(word()),
});

export const robotListShape: Shape<RobotListJson> = map({
  robots: list(robotShape),
  next: nullable(text),
});

export const leavingShape: Shape<LeavingJson> = map<LeavingJson>({
  id: text,
  leaving: exactly(true),
});

export const retirementShape: Shape<RetirementJson> = map({
  id: text,
  retired_at: text,
  retired_by: nullable(text),
  retired_by_id: text,
  already: flag,
});

const peer: Shape<PeerJson> = map<PeerJson>({
  id: text,
  name: text,
  region: text,
  status: word(),
  since: text,
  reason: nullable(text),
  addresses: list(text),
  last_pulse_age_ms: nullable(number),
  rtt_ms: nullable(number),
  pulse_every_ms: optional(nullable(number)),
  clock_offset_ms: optional(nullable(number)),
  agent: optional(text),
});

export const outageShape: Shape<OutageJson> = map<OutageJson>({
  from: text,
  to: text,
  since: text,
  accusers: list(text),
});

export const peersShape: Shape<PeersJson> = map<PeersJson>({
  fleet: text,
  self: map<PeersJson["self"]>({
    id: text,
    name: text,
    region: text,
    addresses: list(text),
    boot: number,
    twin: optional(map({ boot: number, seq: number })),
    writes_ahead_ms: optional(number),
    written: optional(map({ robots: number, robots_max: number, ids: number, ids_max: number })),
  }),
  peers: list(peer),
  view: map<PeersJson["view"]>({
    roster: number,
    in_sight: number,
    unreachable: optional(list(outageShape)),
    document_hash: text,
  }),
});

const outcomes: Shape<readonly DialOutcomeJson[]> = list(
  map<DialOutcomeJson>({ address: text, outcome: word() }),
);

const link: Shape<LinkJson> = map<LinkJson>({
  node: text,
  connected: nullable(word()),
  dialled: outcomes,
  dialled_back: choice<LinkJson["dialled_back"]>((value) =>
    Array.isArray(value) ? outcomes : nullable(word()),
  ),
});

export const diagnosticsShape: Shape<DiagnosticsJson> = map<DiagnosticsJson>({
  agent: text,
  node_version: text,
  pid: number,
  up_ms: number,
  settings: map<DiagnosticsJson["settings"]>({
    data_dir: text,
    listen: list(text),
    announce: list(text),
    join: list(text),
    mdns: flag,
    observer: flag,
    pulse_every_ms: number,
    settle_ms: number,
  }),
  disk: map<DiagnosticsJson["disk"]>({
    free_bytes: nullable(number),
    used_bytes: number,
    write_fault: nullable(text),
  }),
  open_files: nullable(map({ count: number, max: number })),
  loop_lag_ms: number,
  unknown_time_zones: list(text),
  links: list(link),
  refused_by: optional(list(map({ node: text, reason: text, age_ms: number }))),
});

export const eventShape: Shape<EventJson> = map<EventJson>({
  specversion: exactly("1.0"),
  id: text,
  source: text,
  type: text,
  subject: optional(text),
  time: text,
  datacontenttype: exactly("application/json"),
  data: stateShape,
});

const auditEntry: Shape<AuditEntryJson> = map<AuditEntryJson>({
  index: number,
  time: text,
  kind: text,
  data: anything,
  hash: text,
});

export const auditListShape: Shape<AuditListJson> = map({
  entries: list(auditEntry),
  before: nullable(number),
});

type Whole = Extract<AuditVerifyJson, { readonly ok: true }>;
type Faulty = Extract<AuditVerifyJson, { readonly ok: false }>;

const whole: Shape<Whole> = map<Whole>({
  ok: exactly(true),
  size: number,
  pruned: optional(number),
  head: text,
});

const faulty: Shape<Faulty> = map<Faulty>({
  ok: exactly(false),
  size: number,
  pruned: optional(number),
  bad_index: number,
  reason: text,
  faults: list(map({ from: number, to: number, reason: text })),
});

export const auditVerifyShape: Shape<AuditVerifyJson> = choice<AuditVerifyJson>((value) =>
  says(value, "ok", true) ? whole : faulty,
);

const grant: Shape<GrantJson> = map<GrantJson>({
  id: text,
  statement: text,
  name: nullable(text),
  standing: word(),
  roles: list(word()),
  robots: list(text),
  region: text,
  issuer: text,
  not_before: text,
  expires: text,
});

export const authorityShape: Shape<AuthorityJson> = map<AuthorityJson>({
  fleet: text,
  closed: flag,
  stale: flag,
  news_at: nullable(text),
  root: nullable(
    map<NonNullable<AuthorityJson["root"]>>({
      id: text,
      number,
      at: text,
      key: text,
      charter_key: text,
      issuers: list(
        map<IssuerJson>({ key: text, roles: list(word()), robots: list(text), expires: text }),
      ),
      void: list(text),
      disputed: list(number),
      unanswered: optional(list(number)),
    }),
  ),
  charter: nullable(
    map<NonNullable<AuthorityJson["charter"]>>({ id: text, number, at: text, disputed: flag }),
  ),
  statements: list(text),
  grants: list(grant),
  superseded: list(
    map({
      id: text,
      statement: text,
      roles: list(word()),
      issuer: text,
      at: text,
      expires: text,
    }),
  ),
  revoked: list(
    map<AuthorityJson["revoked"][number]>({
      id: text,
      statement: text,
      name: optional(nullable(text)),
      reason: text,
      by: text,
      at: text,
    }),
  ),
});

export const inviteShape: Shape<InviteJson> = map<InviteJson>({ invite: text, expires: text });

export const invitesShape: Shape<{ readonly invites: readonly OpenInviteJson[] }> = map({
  invites: list(
    map<OpenInviteJson>({
      id: text,
      roles: list(word()),
      robots: list(text),
      region: nullable(text),
      uses: number,
      used_by: list(text),
      expires: text,
    }),
  ),
});

export const enrolmentShape: Shape<{ readonly statements: readonly string[] }> = map({
  statements: list(text),
});
