/**
 * What `run` tells systemd (rule DP4): that it starts, is ready, reloads, stops, and, as the watchdog wants it, that it lives. Alive means
 * that the event loop turns and that core has taken inputs since the last time, as it does each second by its own timers: a node whose
 * network, disk or fleet is in trouble is alive (promise P8), since a restart would mend none of that.
 */
import type { PulsemeshNode } from "@pulsemesh/node";
import { sendBySystemdNotify, type Send, ServiceNotifier } from "./service-notifier.ts";

const microsPerMs = 1_000;
/** Without a watchdog the status line is looked at this often. */
const statusEveryMs = 30_000;
/** While it starts, as long as this is granted by each word; a first join may wait for its fleet for days. */
const startExtensionMs = 60_000;
const startWordEveryMs = 20_000;
/** Core takes inputs each second by its own timers. */
const lifeShownWithinMs = 5_000;

export interface ServiceManagerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly warn: (why: string) => void;
  /** @default by `systemd-notify` */
  readonly send?: Send | undefined;
  /** Calls `work` every so many milliseconds until disposed. @default the real timer */
  readonly every?: ((ms: number, work: () => void) => Disposable) | undefined;
  /** Monotonic milliseconds. @default `performance.now` */
  readonly nowMs?: (() => number) | undefined;
}

/** What the manager wants to know of a running node. */
export type ServiceNode = Pick<PulsemeshNode, "metrics" | "fleetView">;

export interface ServiceManager extends Disposable {
  /** It lives and looks for its fleet. */
  starting(): void;
  ready(node: ServiceNode): void;
  /** To be followed by {@link ready}, whether the reload was good or not. */
  reloading(): void;
  stopping(): void;
}

/** Tells nobody where no manager listens. */
export function serviceManager(options: ServiceManagerOptions): ServiceManager {
  const { env, pid, warn, send = sendBySystemdNotify, every = byTimer } = options;
  const nowMs = options.nowMs ?? (() => performance.now());
  if ((env["NOTIFY_SOCKET"] ?? "") === "") return silent;
  const notifier = new ServiceNotifier(send, warn);
  const watchdogMs = watchdogOf(env, pid);
  let timer: Disposable | undefined;
  const repeat = (ms: number, work: () => void): void => {
    timer?.[Symbol.dispose]();
    timer = every(ms, work);
  };
  return {
    starting() {
      const word = {
        STATUS: "looking for the fleet",
        EXTEND_TIMEOUT_USEC: String(startExtensionMs * microsPerMs),
      };
      notifier.say(word);
      repeat(startWordEveryMs, () => notifier.say(word));
    },
    ready(node) {
      const isAlive = lifeOf(node, nowMs);
      notifier.say({ READY: "1", STATUS: statusOf(node) });
      repeat(watchdogMs === undefined ? statusEveryMs : watchdogMs / 2, () => {
        const lives = isAlive();
        const status = lives ? statusOf(node) : "core takes no inputs";
        const feed = lives && watchdogMs !== undefined;
        notifier.say({ ...(feed ? { WATCHDOG: "1" } : {}), STATUS: status });
      });
    },
    reloading: () => notifier.say({ RELOADING: "1" }),
    stopping() {
      timer?.[Symbol.dispose]();
      notifier.say({ STOPPING: "1", STATUS: "telling the others that this is planned" });
    },
    [Symbol.dispose]: () => timer?.[Symbol.dispose](),
  };
}

/** How often the watchdog bites; undefined when there is none, or when it waits for another process. */
function watchdogOf(env: ServiceManagerOptions["env"], pid: number): number | undefined {
  const { WATCHDOG_USEC: micros = "", WATCHDOG_PID: forPid = "" } = env;
  if (!/^[1-9]\d*$/.test(micros) || (forPid !== "" && Number(forPid) !== pid)) return undefined;
  return Number(micros) / microsPerMs;
}

/** Says whether core has taken inputs lately. */
function lifeOf(node: ServiceNode, nowMs: () => number): () => boolean {
  let seen = inputsOf(node);
  let seenAtMs = nowMs();
  return () => {
    const inputs = inputsOf(node);
    if (inputs !== seen) seenAtMs = nowMs();
    seen = inputs;
    return nowMs() - seenAtMs <= lifeShownWithinMs;
  };
}

function inputsOf(node: ServiceNode): number {
  return node
    .metrics()
    .filter(({ name }) => name === "inputs_total")
    .flatMap(({ samples }) => samples)
    .reduce((sum, { value }) => sum + value, 0);
}

function statusOf(node: ServiceNode): string {
  const { nodes } = node.fleetView();
  const up = nodes.filter(({ status }) => status === "up").length;
  return nodes.length === 0
    ? "ready, alone in its fleet"
    : `ready, ${up} of ${nodes.length} other nodes up`;
}

function byTimer(ms: number, work: () => void): Disposable {
  const timer = setInterval(work, ms);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

const silent: ServiceManager = {
  starting: () => {},
  ready: () => {},
  reloading: () => {},
  stopping: () => {},
  [Symbol.dispose]: () => {},
};
