/**
 * Reads the config file again while the node runs (rules CFG8, CFG9): what is bad changes nothing, and what is good is taken over as far as a
 * running node can. One reload at a time: who asks while one is under way shares the next one.
 */
import { PulsemeshError, type RegisterCommand, type RobotId } from "@pulsemesh/core";
import type { Gateway, ReloadJson } from "@pulsemesh/gateway";
import type { NodeMetric, PulsemeshNode } from "@pulsemesh/node";
import { registerRobots } from "../commands/register-robots.ts";
import type { RunFlags } from "../commands/run-options.ts";
import { type RunSetup, restartNeeds } from "../commands/run-setup.ts";
import type { RunLogger } from "../run-logger.ts";
import { CertificateWatch } from "./certificate-watch.ts";

/** What a reload works on. */
export interface ReloadTarget {
  readonly node: PulsemeshNode;
  readonly gateway: Pick<Gateway, "renew">;
  readonly supervision: {
    readonly reloading: () => void;
    readonly ready: (node: PulsemeshNode) => void;
  };
}

export interface ReloaderDeps {
  /** Reads everything anew; `before` is what it read before, or the node started with. */
  readonly load: (before: RunSetup, signal: AbortSignal) => Promise<RunSetup>;
  /** Reads certificate and token of these flags anew, and nothing else; throws where they are bad. */
  readonly readTls: (flags: RunFlags) => RunSetup["tls"];
  readonly readToken: (flags: RunFlags) => RunSetup["token"];
  readonly logger: RunLogger;
  /** Wall milliseconds. */
  readonly now: () => number;
}

export class Reloader {
  readonly #deps: ReloaderDeps;
  readonly #started: RunSetup;
  readonly #target: PromiseWithResolvers<ReloadTarget> = Promise.withResolvers();
  readonly #stop: AbortController = new AbortController();
  readonly #certificate: CertificateWatch;
  /** Robots of the config as the node was last asked for them; without text, a refusal left open what it took. */
  readonly #asked: Map<RobotId, string | undefined>;
  #current: RunSetup;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<ReloadJson> | undefined;
  #isGood = true;
  #goodWallMs: number;

  /** `setup` is what the node starts with. */
  constructor(deps: ReloaderDeps, setup: RunSetup) {
    this.#deps = deps;
    this.#started = setup;
    this.#current = setup;
    this.#asked = new Map(setup.robots.map((robot) => [robot.robot, JSON.stringify(robot)]));
    this.#goodWallMs = deps.now();
    const expiresWallMs = (): number | undefined => this.#current.tls?.expiresWallMs;
    this.#certificate = new CertificateWatch({ ...deps, expiresWallMs });
    // Nobody may be waiting when the node stops.
    this.#target.promise.catch(() => {});
  }

  /** From now on reloads can be carried out; those that were asked for before begin. */
  open(target: ReloadTarget): void {
    this.#target.resolve(target);
    this.#certificate.start();
  }

  /** Refuses reloads from now on; resolves when none is under way. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#certificate.stop();
    this.#target.reject(stopped());
    await Promise.allSettled([this.#running, this.#next]);
  }

  /**
   * Reloads.
   * @throws PulsemeshError `config-invalid`, `tls-invalid`, `token-file-invalid`, `stopped`, or the refusal of a robot
   */
  reload(): Promise<ReloadJson> {
    if (this.#next !== undefined) return this.#next;
    const next = this.#running.then(async () => {
      // Whoever asks from here on may have changed the file since it is read.
      this.#next = undefined;
      return await this.#once();
    });
    this.#next = next;
    this.#running = next.catch(() => {});
    return next;
  }

  /** For `/metrics`. */
  metrics(): readonly NodeMetric[] {
    const { file, tls } = this.#current;
    const gauge = (name: string, help: string, value: number): NodeMetric => ({
      name,
      help,
      type: "gauge",
      samples: [{ labels: {}, value }],
    });
    const seconds = (wallMs: number): number => Math.floor(wallMs / 1_000);
    return [
      ...(file === undefined
        ? []
        : [
            gauge(
              "config_last_reload_successful",
              "1 when the last reload of the config file was good, 0 when the old one is kept.",
              this.#isGood ? 1 : 0,
            ),
            gauge(
              "config_last_reload_success_timestamp_seconds",
              "When a config file was last taken over, in seconds since 1970.",
              seconds(this.#goodWallMs),
            ),
            gauge(
              "config_hash",
              "Hash of the config file that was last taken over; nodes with the same file show the same.",
              Number.parseInt(file.hash.slice(0, hashDigits), 16),
            ),
          ]),
      ...(tls === undefined
        ? []
        : [
            gauge(
              "http_certificate_expiry_timestamp_seconds",
              "When the certificate of the HTTP port expires, in seconds since 1970.",
              seconds(tls.expiresWallMs),
            ),
          ]),
    ];
  }

  async #once(): Promise<ReloadJson> {
    const { logger, load, now } = this.#deps;
    const target = await this.#target.promise;
    try {
      if (this.#stop.signal.aborted) throw stopped();
      target.supervision.reloading();
      using _told = { [Symbol.dispose]: () => target.supervision.ready(target.node) };
      const setup = await load(this.#current, this.#stop.signal);
      const result = await this.#apply(target, setup);
      this.#current = this.#served(setup);
      this.#certificate.start();
      this.#isGood = true;
      this.#goodWallMs = now();
      this.#tell(result);
      return result;
    } catch (error) {
      if (error instanceof PulsemeshError && error.code === "stopped") throw error;
      this.#isGood = false;
      const message = error instanceof Error ? error.message : String(error);
      for (const line of message.split("\n")) logger.error({}, line);
      logger.error({}, "the reload is refused, the node goes on with what it had");
      this.#renewAlone(target);
      throw error;
    }
  }

  /**
   * Takes over certificate and token from where they were last taken from, whatever is wrong with the file: whoever renews them does not write
   * it, and HTTPS must not end because of a robot. What is bad of them was said, or will be by the reload after this one.
   */
  #renewAlone({ gateway }: ReloadTarget): void {
    const { readTls, readToken, logger } = this.#deps;
    if (this.#stop.signal.aborted) return;
    const before = this.#current;
    const tls = before.tls && (attempt(() => readTls(before.flags)) ?? before.tls);
    const token = before.token && (attempt(() => readToken(before.flags)) ?? before.token);
    this.#current = { ...before, tls, token };
    this.#certificate.start();
    const applied = renewals(before, this.#current);
    if (applied.length === 0) return;
    gateway.renew({ tls, token });
    logger.info({ applied }, "taken over all the same");
  }

  /** `setup` with the certificate and token that are in use: whether there are any is settled at the start. */
  #served(setup: RunSetup): RunSetup {
    const { tls, token } = this.#started;
    return {
      ...setup,
      tls: tls && (setup.tls ?? this.#current.tls),
      token: token && (setup.token ?? this.#current.token),
    };
  }

  /** What may be refused comes first. */
  async #apply({ node, gateway }: ReloadTarget, setup: RunSetup): Promise<ReloadJson> {
    const before = this.#current;
    const gone = this.#missing(setup.robots);
    const applied = await this.#register(node, setup.robots);
    for (const robot of gone) this.#asked.delete(robot);
    const level = setup.flags.logLevel ?? "info";
    if (level !== this.#deps.logger.level) {
      this.#deps.logger.level = level;
      applied.push("log.level");
    }
    const served = this.#served(setup);
    gateway.renew({ tls: served.tls, token: served.token });
    return {
      applied: [...applied, ...renewals(before, served)],
      needs_restart: restartNeeds(this.#started, setup),
      no_longer_named: gone,
      config_hash: setup.file?.hash ?? "",
    };
  }

  /** Asks the node for what it was not asked for; says what that was. */
  async #register(node: PulsemeshNode, robots: readonly RegisterCommand[]): Promise<string[]> {
    const texts = new Map(robots.map((each) => [each.robot, JSON.stringify(each)]));
    const changed = robots.filter(({ robot }) => this.#asked.get(robot) !== texts.get(robot));
    for (const { robot } of changed) this.#asked.set(robot, undefined);
    await registerRobots(node, changed, this.#stop.signal);
    if (this.#stop.signal.aborted) throw stopped();
    for (const { robot } of changed) this.#asked.set(robot, texts.get(robot));
    return changed.map(({ robot }) => `robot ${robot}`);
  }

  /** Robots that the config no longer names; each is told once. */
  #missing(robots: readonly RegisterCommand[]): readonly RobotId[] {
    const names = new Set(robots.map(({ robot }) => robot));
    return [...this.#asked.keys()].filter((robot) => !names.has(robot));
  }

  #tell({ applied, needs_restart, no_longer_named }: ReloadJson): void {
    const { logger } = this.#deps;
    logger.info({ applied: short(applied) }, "configuration reloaded");
    if (needs_restart.length > 0) {
      logger.warn({}, `needs a restart: ${needs_restart.join(", ")}`);
    }
    if (no_longer_named.length > 0) {
      logger.warn(
        { robots: short(no_longer_named) },
        "robots that the config no longer names stay; take them out with: pulsemesh robot retire ID",
      );
    }
  }
}

/** 48 bits: as many as a metric's number holds exactly. */
const hashDigits = 12;
const namesMost = 20;

type Secrets = Pick<RunSetup, "tls" | "token">;

/** What of these was renewed, as a reload names it. */
function renewals(before: Secrets, now: Secrets): readonly string[] {
  return [
    ...(now.tls?.cert === before.tls?.cert && now.tls?.key === before.tls?.key ? [] : ["http.tls"]),
    ...(now.token === before.token ? [] : ["http.token_file"]),
  ];
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function short(names: readonly string[]): readonly string[] {
  const rest = names.length - namesMost;
  return rest <= 0 ? names : [...names.slice(0, namesMost), `and ${rest} more`];
}

function stopped(): PulsemeshError {
  return new PulsemeshError("stopped", "Cannot reload as the node is stopping.");
}
