/**
 * A PulsemeshNode without a mesh: it holds robots in a map, does what beats and patches ask in the simplest way, and can be
 * told to refuse, to fail, to hold commands back and to emit events. For tests of what stands on a node, such as the gateway.
 */
import {
  type Asked,
  type NotAsked,
  type AuthorityView,
  type Command,
  type CommandResult,
  compareText,
  type CoreEvent,
  type FleetView,
  isJsonObject,
  type Json,
  type JsonObject,
  type NodeView,
  type NodeWitnesses,
  type OutageView,
  type Reachability,
  type RobotView,
} from "@pulsemesh/core";
import type {
  AuditLine,
  AuditVerification,
  NodeDiagnosis,
  NodeIssuer,
  NodeMetric,
  PulsemeshNode,
} from "@pulsemesh/node";

type NodeEvent = CoreEvent | { readonly type: "lost"; readonly count: number };
type Beat = Extract<Command, { type: "beat" }>;
type Register = Extract<Command, { type: "register" }>;
type Retire = Extract<Command, { type: "retire" }>;
type Patch = Extract<Command, { type: "patch-state" }>;

export const START_WALL_MS: number = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const IN_SIGHT_PEERS = 2;

export function nodeView(overrides: Partial<NodeView> = {}): NodeView {
  return {
    node: "12D3KooWSelf",
    name: "alpha",
    region: "eu-west",
    agent: "pulsemesh/0.1.0",
    status: "up",
    sinceWallMs: START_WALL_MS,
    reason: undefined,
    addresses: ["/ip4/127.0.0.1/tcp/7421"],
    lastPulseAgeMs: 12,
    lastPulse: { boot: 3, seq: 9 },
    pulseEveryMs: 1_000,
    clockOffsetMs: -0.4,
    ...overrides,
  };
}

const ADDRESS = "/ip4/127.0.0.1/tcp/7421/p2p/12D3KooWSelf";
const THERE = "/dns4/beta.example/tcp/7421/p2p/12D3KooWBeta";

/** What {@link ScriptedNode} finds out about itself. */
export const DIAGNOSIS: NodeDiagnosis = {
  agent: "pulsemesh/0.1.0",
  nodeVersion: "26.0.0",
  pid: 4_711,
  upMs: 60_000.4,
  settings: {
    dataDir: "/nowhere",
    listen: ["/ip4/127.0.0.1/tcp/7421"],
    announce: [],
    join: [],
    mdns: false,
    observer: false,
    pulseEveryMs: 1_000,
    settleMs: 300,
  },
  disk: { freeBytes: 5_000_000_000, usedBytes: 123_456, writeFault: undefined },
  openFiles: { count: 40, max: 1_024 },
  loopLagMs: 1.26,
  unknownTimeZones: [],
  links: [
    {
      node: "12D3KooWBeta",
      connected: "inbound",
      dialled: [{ address: THERE, outcome: "name-unknown" }],
      dialledBack: { ok: true, outcomes: [{ address: ADDRESS, outcome: "reached" }] },
    },
    { node: "12D3KooWGone", connected: undefined, dialled: [], dialledBack: undefined },
  ],
  refusedBy: [{ node: "12D3KooWGone", reason: "grant-none", ageMs: 1_500.4 }],
};

export function robotView(overrides: Partial<RobotView> = {}): RobotView {
  return {
    robot: "security_bot",
    status: "up",
    sinceWallMs: START_WALL_MS,
    reason: undefined,
    health: "ok",
    lastCheckWallMs: START_WALL_MS + 1_000,
    ageMs: 250,
    beats: 1,
    started: false,
    node: "12D3KooWSelf",
    labels: {},
    floating: false,
    schedule: { type: "every", everyMs: 60_000, graceMs: 0, missed: 1, startupMs: 60_000 },
    dueWallMs: undefined,
    regularity: undefined,
    state: {},
    etag: '"0000000000000000"',
    version: "0000000000000001",
    witnesses: { up: 2, late: 0, down: 0, unknown: 0, of: 2 },
    ...overrides,
  };
}

/** A node that two of three witnesses accuse. */
export function nodeWitnesses(overrides: Partial<NodeWitnesses> = {}): NodeWitnesses {
  const pulse = { boot: 3, seq: 9 };
  const accuser = {
    region: "eu-west",
    isSelf: false,
    opinion: "accuses",
    pulse,
    ageMs: 812.4,
    sinceWallMs: START_WALL_MS,
  } as const;
  return {
    node: "12D3KooWBeta",
    name: "beta",
    region: "us-east",
    status: "down",
    reason: "quorum",
    sinceWallMs: START_WALL_MS + 300,
    rule: "VE3",
    needed: "a newer pulse",
    members: 4,
    inSight: { have: 3, need: 3 },
    accusers: { have: 2, need: 3 },
    ups: { have: 0, need: 3 },
    pulse,
    deadlineWallMs: START_WALL_MS - 1,
    pulseEveryMs: 1_000,
    settleMs: 300,
    outage: undefined,
    witnesses: [
      { ...accuser, node: "12D3KooWSelf", name: "alpha", isSelf: true },
      { ...accuser, node: "12D3KooWZeta", name: "zeta" },
      {
        ...accuser,
        node: "12D3KooWEta",
        name: "eta",
        opinion: "silent",
        pulse: undefined,
        ageMs: undefined,
        sinceWallMs: undefined,
      },
    ],
    verdicts: [
      {
        atWallMs: START_WALL_MS + 300,
        pulse,
        accusers: ["12D3KooWSelf", "12D3KooWZeta", "12D3KooWGone"],
        singleWitness: false,
        evidence: { accusations: 3, objections: 0, ups: 0 },
        end: undefined,
      },
    ],
    ...overrides,
  };
}

/** As before there were grants. */
const OPEN_AUTHORITY: AuthorityView = {
  isClosed: false,
  root: undefined,
  disputedRoots: [],
  unansweredRoots: [],
  charter: undefined,
  isStale: false,
  newsWallMs: undefined,
  grants: [],
  superseded: [],
  revocations: [],
  revocationsBytes: 0,
  revocationIds: [],
  enrolment: [],
  isCompared: true,
  badRows: 0,
  missingParts: 0,
};

export class ScriptedNode implements PulsemeshNode {
  readonly id = "12D3KooWSelf";
  readonly fleet = "fleetfleetfleet";
  readonly dataDir = "/nowhere";
  /** Every command that came, in order. */
  readonly commands: Command[] = [];
  readonly robotMap: Map<string, RobotView> = new Map();
  audit: AuditLine[] = [];
  verification: AuditVerification = { ok: true, size: 0, pruned: 0, head: "00" };
  verifications = 0;
  /** How often one robot was asked for. */
  looks = 0;
  nodeMetrics: NodeMetric[] = [];
  stored: Uint8Array = new Uint8Array([1, 2, 3]);
  isReady = true;
  readonly nodeWitnesses: Map<string, NodeWitnesses> = new Map();
  readonly bundles: Map<string, string> = new Map();
  reach: Reachability = { nodes: [], pairs: [], unreachable: [] };
  unreachable: readonly OutageView[] = [];
  asked: readonly Asked[] = [];
  notAsked: NotAsked | undefined;
  nodes: NodeView[] = [
    nodeView(),
    nodeView({ node: "12D3KooWBeta", name: "beta", region: "us-east" }),
  ];
  /** Given to the next commands instead of doing them. */
  answer: (() => CommandResult | Promise<CommandResult>) | undefined;
  issuer: NodeIssuer | undefined;
  authority: AuthorityView = OPEN_AUTHORITY;
  #revision = 0;
  readonly #listeners = new Set<(event: NodeEvent | undefined) => void>();

  addresses(): readonly string[] {
    return ["/ip4/127.0.0.1/tcp/7421/p2p/12D3KooWSelf"];
  }

  ready(): boolean {
    return this.isReady;
  }

  async command(command: Command): Promise<CommandResult> {
    this.commands.push(command);
    if (this.answer !== undefined) return this.answer();
    switch (command.type) {
      case "beat":
        return this.#beat(command);
      case "patch-state":
        return this.#patch(command);
      case "register":
        return this.#register(command);
      case "retire":
        return this.#retire(command);
      case "retire-node":
        return this.nodes.some(({ node }) => node === command.node)
          ? { ok: true, retired: { by: this.id, atWallMs: START_WALL_MS, isOld: false } }
          : { ok: false, code: "peer-unknown", detail: `no node ${command.node} is known` };
      case "ask":
        return { ok: true, asked: this.asked, notAsked: this.notAsked };
      case "statement":
      case "statements":
      case "make-cuts":
      case "stop":
        return { ok: true };
    }
  }

  fleetView(): FleetView {
    return {
      fleet: this.fleet,
      self: { node: this.id, name: "alpha", region: "eu-west", boot: 3, doubt: undefined },
      nodes: this.nodes,
      roster: this.nodes.length,
      inSight: IN_SIGHT_PEERS,
      unreachable: this.unreachable,
      documentHash: "ab".repeat(32),
    };
  }

  authorityView(): AuthorityView {
    return this.authority;
  }

  robotIds(): readonly string[] {
    return [...this.robotMap.keys()].toSorted(compareText);
  }

  robots(): readonly RobotView[] {
    return [...this.robotMap.values()];
  }

  robot(id: string): RobotView | undefined {
    this.looks += 1;
    return this.robotMap.get(id);
  }

  add(overrides: Partial<RobotView> = {}): RobotView {
    const view = robotView(overrides);
    this.robotMap.set(view.robot, view);
    return view;
  }

  witnesses(node: string): NodeWitnesses | undefined {
    return this.nodeWitnesses.get(node);
  }

  verdictBundle(node: string): string | undefined {
    return this.bundles.get(node);
  }

  reachability(): Reachability {
    return this.reach;
  }

  roundTripMs(node: string): number | undefined {
    return node === this.id ? undefined : 1.5;
  }

  async *events(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<NodeEvent> {
    const waiting: (NodeEvent | undefined)[] = [];
    let wake: (() => void) | undefined;
    const take = (event: NodeEvent | undefined): void => {
      waiting.push(event);
      wake?.();
    };
    this.#listeners.add(take);
    options.signal?.addEventListener("abort", () => take(undefined));
    try {
      for (;;) {
        while (waiting.length > 0) {
          const event = waiting.shift();
          if (event === undefined) return;
          yield event;
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.#listeners.delete(take);
    }
  }

  emit(...events: readonly NodeEvent[]): void {
    for (const event of events) for (const listener of this.#listeners) listener(event);
  }

  async auditTail(options: {
    readonly limit: number;
    readonly before?: number | undefined;
  }): Promise<readonly AuditLine[]> {
    const { limit, before = Number.POSITIVE_INFINITY } = options;
    return this.audit.filter(({ index }) => index < before).slice(-limit);
  }

  async auditVerify(): Promise<AuditVerification> {
    this.verifications += 1;
    return this.verification;
  }

  async *storedRows(): AsyncGenerator<Uint8Array> {
    yield this.stored;
  }

  metrics(): readonly NodeMetric[] {
    return this.nodeMetrics;
  }

  async diagnose(): Promise<NodeDiagnosis> {
    return DIAGNOSIS;
  }

  async stop(): Promise<void> {
    for (const listener of this.#listeners) listener(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #beat(command: Beat): CommandResult {
    const known = this.robotMap.get(command.robot);
    if (known === undefined && command.create === "never") {
      return { ok: false, code: "robot-unknown", detail: `no robot '${command.robot}'` };
    }
    const health = command.kind === "fail" ? "failing" : (command.health ?? "ok");
    const robot = robotView({ ...known, robot: command.robot, health, status: "up" });
    this.robotMap.set(command.robot, robot);
    return { ok: true, created: known === undefined, robot };
  }

  #register(command: Register): CommandResult {
    const { robot, schedule, labels, floating = false, ifUnknown = false, ifVersion } = command;
    const known = this.robotMap.get(robot);
    if (ifUnknown ? known !== undefined : (ifVersion ?? known?.version) !== known?.version)
      return { ok: false, code: "precondition-failed", detail: "the robot has another version" };
    this.#revision += 1;
    const version = this.#revision.toString(16).padStart(16, "0");
    const status = known?.status ?? "new";
    this.add({ ...known, robot, status, schedule, labels, floating, version });
    return known === undefined ? { ok: true, created: true } : { ok: true };
  }

  #retire({ robot, ifVersion }: Retire): CommandResult {
    const known = this.robotMap.get(robot);
    if (known === undefined) return { ok: false, code: "robot-unknown", detail: "no such robot" };
    if ((ifVersion ?? known.version) !== known.version)
      return { ok: false, code: "precondition-failed", detail: "the robot has another version" };
    this.robotMap.delete(robot);
    return { ok: true, retired: { by: this.id, atWallMs: START_WALL_MS, isOld: false } };
  }

  #patch(command: Patch): CommandResult {
    const known = this.robotMap.get(command.robot);
    if (known === undefined) return { ok: false, code: "robot-unknown", detail: "no such robot" };
    if (command.ifMatch !== undefined && command.ifMatch !== known.etag) {
      return { ok: false, code: "precondition-failed", detail: "the state has another entity tag" };
    }
    const state = merged(known.state, command.patch, 0);
    if (state === undefined) {
      return { ok: false, code: "state-too-deep", detail: "the state is deeper than 32" };
    }
    if (JSON.stringify(state).length > 16 * 1024) {
      return { ok: false, code: "state-too-large", detail: "the state is over 16 KiB" };
    }
    this.#revision += 1;
    const etag = `"${this.#revision.toString(16).padStart(16, "0")}"`;
    this.robotMap.set(command.robot, { ...known, state: state as JsonObject, etag });
    return { ok: true, state: state as JsonObject, etag };
  }
}

/** RFC 7396; undefined when deeper than a state may be. */
function merged(target: Json | undefined, patch: Json, depth: number): Json | undefined {
  if (depth > 32) return undefined;
  if (!isJsonObject(patch)) return tooDeep(patch, depth) ? undefined : patch;
  const result = new Map(isJsonObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      result.delete(key);
      continue;
    }
    const field = merged(result.get(key), value, depth + 1);
    if (field === undefined) return undefined;
    result.set(key, field);
  }
  return Object.fromEntries(result);
}

function tooDeep(value: Json, depth: number): boolean {
  if (depth > 32) return true;
  return Array.isArray(value) && value.some((item: Json) => tooDeep(item, depth + 1));
}
