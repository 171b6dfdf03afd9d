/** `pulsemesh run`: one node with its gateway, in the foreground, until a signal says stop. */
import { PulsemeshError } from "@pulsemesh/core";
import type { Gateway } from "@pulsemesh/gateway";
import type { NodeMetric, PulsemeshNode } from "@pulsemesh/node";
import type { Command } from "commander";
import { type Cli, setAction } from "../cli.ts";
import { EXIT } from "../exit-code.ts";
import { watchAuthority } from "../config/authority-watch.ts";
import { Reloader, type ReloaderDeps } from "../config/reloader.ts";
import { setUpAgain } from "../config/set-up-again.ts";
import { errorCodeOf } from "../failure.ts";
import { addFlags } from "../flags.ts";
import {
  formatHostPort,
  hostPortOfMultiaddr,
  listenTrouble,
  nearestFreePort,
} from "../host-port.ts";
import { type Interruption, catchInterruption } from "../interruption.ts";
import { onHangup } from "../hangup.ts";
import { dieWithParent } from "../parent-watch.ts";
import { printableJson } from "../printable.ts";
import { type RunLogger, runLogger } from "../run-logger.ts";
import { planForMachine } from "./address-families.ts";
import { checkPlan } from "./run-check.ts";
import { refuseForeignFleet } from "./fleet-check.ts";
import { wantsColor } from "../terminal.ts";
import { packageVersion } from "../version.ts";
import { registerRobots } from "./register-robots.ts";
import { partJoins } from "./address-flags.ts";
import { type RunFlags, type RunPlan, runFlags } from "./run-options.ts";
import { type RobotFlagList, robotFlags, robotsFromEnvironment } from "./run-robots.ts";
import { readTls, readToken, type RunSetup, type RunWords, setUpRun } from "./run-setup.ts";
import { openSupervision } from "./supervision.ts";
import { openWaitingDoor } from "./waiting-door.ts";

const joinHintMs = 3_000;
const stoppingText = "Stopping: telling the others that this is planned. Again to stop at once.";
const leavingText = "Leaving: saying goodbye to the others. Started again, this node counts again.";

/** Adds `run` to the program. */
export function addRunCommand(program: Command, cli: Cli): void {
  const robots: RobotFlagList = [{ robot: undefined, labels: {} }];
  const command = program
    .command("run")
    .description("run one node: takes beats over HTTP, watches its neighbours, keeps state");
  addFlags(command, [...runFlags, ...robotFlags(robots)]);
  command.addHelpText(
    "after",
    `
--every, --grace, --missed, --startup and --label behind a --robot are that robot's. In front of the first --robot they
hold for all, also for robots that register themselves by their first heartbeat:
  pulsemesh run --every 30s --robot scanner --every 10s --grace 20s --robot backup --every 1d --grace 1h

Settings may stand in a YAML file: pulsemesh config init --out FILE, then run --config FILE. SIGHUP or POST /-/reload reads
it again: log level, robots, certificate and token are taken over.

SIGTERM or Ctrl-C is a planned stop: the others show 'paused' for 60s. A second signal ends the process at once.`,
  );
  setAction<RunFlags>(cli, command, async (flags) => {
    robotsFromEnvironment(robots, cli.terminal.env);
    const words = { flags, robots, env: cli.terminal.env };
    const setup = await setUpRun(words).catch((error: unknown) => {
      throw withFindingsSaid(error, cli);
    });
    cli.context = { ...cli.context, dataDir: setup.plan.node.dataDir };
    return await run(cli, words, setup);
  });
}

/** All findings of a config file, a line each; what is thrown then is their sum. */
function withFindingsSaid(error: unknown, { terminal }: Cli): unknown {
  if (!(error instanceof PulsemeshError) || error.code !== "config-invalid") return error;
  const lines = error.message.split("\n");
  for (const line of lines) terminal.say(line);
  const count = lines.length === 1 ? "it has a fault" : `it has ${lines.length} faults`;
  return new PulsemeshError("config-invalid", `Cannot use the config file as ${count}.`);
}

async function run(cli: Cli, words: RunWords, started: RunSetup): Promise<number> {
  const { terminal } = cli;
  const { plan, leftOut } = await planForMachine(started.plan);
  const setup = { ...started, plan };
  const { file, tls, token, robots } = setup;
  terminal.outlive();
  const canReload = file !== undefined || tls !== undefined || token !== undefined;
  using interruption = catchInterruption(undefined, canReload ? ["SIGHUP"] : []);
  const leaving = new AbortController();
  const logger = await loggerOf(cli, setup.flags);
  if (leftOut.length > 0) logger.warn({ leftOut }, "no IPv6 here: not listened on");
  const load: ReloaderDeps["load"] = (before, stop) => setUpAgain(words, before, stop);
  const reloader = new Reloader({ load, readTls, readToken, logger, now: Date.now }, started);
  const reload = canReload ? () => reloader.reload() : undefined;
  using _hangup = reload === undefined ? undefined : onHangup(() => void reload().catch(() => {}));
  dieWithParent(terminal.env);
  // Loaded here, since the mesh stack takes longer to load than most commands take to run.
  const { createNode } = await import("@pulsemesh/node");
  const { startGateway } = await import("@pulsemesh/gateway");
  let node: PulsemeshNode | undefined;
  let gateway: Gateway | undefined;
  using hint = hintWhileJoining(cli, plan);
  await using supervision = await openSupervision(cli, plan);
  try {
    await checkPlan(setup);
    const version = packageVersion();
    const agent = `pulsemesh/${version}`;
    const { http, insecureHttp, socket } = plan;
    const { signal } = interruption;
    {
      await using _door = await openWhileJoining(setup);
      const by = partJoins(await supervision.joinBy(signal));
      node = await createNode({ ...plan.node, ...by, agent, logger, signal });
    }
    const extraMetrics = (): readonly NodeMetric[] => reloader.metrics();
    const secure = { insecureHttp, socket, tls, token };
    const leave = (): void => leaving.abort();
    const more = { reload, leave, extraMetrics, version, logger };
    gateway = await startGateway(node, { ...http, ...secure, ...more });
    hint[Symbol.dispose]();
    announceStart(cli, setup, node, gateway);
    await registerRobots(node, robots, signal);
    const { dataDir, join = [] } = plan.node;
    await refuseForeignFleet(node, dataDir, partJoins(join).join, signal);
    supervision.ready(node);
    reloader.open({ node, gateway, supervision });
    using _ends = watchAuthority({ node, logger, now: Date.now });
    await untilAborted(AbortSignal.any([signal, leaving.signal]));
    supervision.stopping();
    terminal.say(leaving.signal.aborted ? leavingText : stoppingText);
  } catch (error) {
    if (interruption.signal.aborted) return exitCodeOf(interruption);
    throw await withNearestPort(error, plan, cli);
  } finally {
    await reloader.close();
    await gateway?.close();
    await node?.stop({ mode: leaving.signal.aborted ? "leave" : "pause" });
  }
  return exitCodeOf(interruption);
}

function loggerOf({ terminal }: Cli, { logLevel, logFormat }: RunFlags): Promise<RunLogger> {
  const isTty = terminal.errIsTty;
  return runLogger(terminal.say, {
    level: logLevel ?? "info",
    format: logFormat ?? (isTty ? "pretty" : "json"),
    color: isTty && wantsColor(true, terminal.env),
    now: Date.now,
  });
}

function exitCodeOf(interruption: Interruption): number {
  return interruption.by() === "SIGINT" ? EXIT.interrupted : EXIT.ok;
}

/** Nobody could know a port that the system chooses before it is printed. */
async function openWhileJoining({
  plan: { http, socket, joinFile, node },
  tls,
}: RunSetup): Promise<AsyncDisposable | undefined> {
  if (http.port === 0 || ((node.join ?? []).length === 0 && joinFile === undefined))
    return undefined;
  return await openWaitingDoor(http, tls, socket);
}

/** A first join waits until a member answers; whoever typed a wrong address should not wait in silence. */
function hintWhileJoining({ terminal }: Cli, { node: { join = [] } }: RunPlan): Disposable {
  const timer = setTimeout(() => {
    const named = partJoins(join).join;
    if (named.length === 0) return;
    terminal.say(
      `No member has answered at ${named.join(", ")} yet; trying on. Next: check with \`pulsemesh peers\` there that it runs and listens on that address.`,
    );
  }, joinHintMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

function announceStart(
  cli: Cli,
  { flags, file }: RunSetup,
  node: PulsemeshNode,
  gateway: Gateway,
): void {
  const { self } = node.fleetView();
  const addresses = node.addresses();
  if (flags.json === true) {
    const { id, fleet, dataDir: data } = node;
    const { name, region } = self;
    const { pid } = process;
    cli.terminal.out(
      printableJson({
        id,
        fleet,
        name,
        region,
        data,
        http: gateway.url,
        socket: gateway.socketUrl,
        config: file?.path,
        addresses,
        pid,
      }),
    );
    return;
  }
  cli.terminal.out(`node     ${self.name} (${node.id}), region ${self.region}`);
  cli.terminal.out(`fleet    ${node.fleet}`);
  cli.terminal.out(`data     ${node.dataDir}`);
  if (file !== undefined) cli.terminal.out(`config   ${file.path}`);
  cli.terminal.out(`http     ${gateway.url}   try: curl -X POST ${gateway.url}/heartbeat/my_robot`);
  if (gateway.socketUrl !== undefined) {
    cli.terminal.out(
      `socket   ${gateway.socketUrl}   try: pulsemesh status --url ${gateway.socketUrl}`,
    );
  }
  if (flags.open === true)
    cli.terminal.out("open     whoever reaches this node becomes a member, for a day at a time");
  if (node.issuer !== undefined && flags.open !== true)
    cli.terminal.out(`members  pulsemesh invite --url ${gateway.url}   makes another one`);
  // Elsewhere an address alone lets nobody in.
  const isEnough = flags.open === true || !node.authorityView().isClosed;
  const way = isEnough ? "join by  pulsemesh run --join" : "address ";
  for (const address of addresses) cli.terminal.out(`${way} ${address}`);
}

function untilAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

/** A taken port is answered with the nearest free one, as the flag to give. */
async function withNearestPort(error: unknown, plan: RunPlan, cli: Cli): Promise<unknown> {
  if (errorCodeOf(error) !== "address-in-use") return error;
  const wanted = [
    {
      flag: "--http",
      at: plan.http,
      say: (port: number) => formatHostPort({ ...plan.http, port }),
    },
    ...(plan.node.listen ?? []).map((text) => ({
      flag: "--listen",
      at: hostPortOfMultiaddr(text),
      say: (port: number) => text.replace(/\/tcp\/\d+/, `/tcp/${port}`),
    })),
  ];
  for (const { flag, at, say } of wanted) {
    if (at === undefined || (await listenTrouble(at)) !== "taken") continue;
    const port = await nearestFreePort(at);
    const next =
      port === undefined
        ? `choose another port with ${flag}`
        : `${flag} ${say(port)}   (free now); pulsemesh doctor --url http://${formatHostPort(at)} shows who answers on the taken one`;
    cli.context = { ...cli.context, next };
    return error;
  }
  return error;
}
