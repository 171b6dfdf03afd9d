/**
 * What this node's own configuration said of its robots when it was applied last: a restart repeats the configuration, and must not undo
 * what an operator has changed or retired since, wherever (rule VE7, ADR 0013). One hash a robot, kept for good: also of robots that
 * were retired, which a restart must not bring back.
 */
import { ROBOTS_PER_NODE_MAX } from "../command.ts";
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import { isRobotId, type RobotId } from "../ids.ts";
import { toHex } from "../wire/hex.ts";
import { scheduleToJson } from "./schedule.ts";
import type { RegistrationTerms } from "./registration.ts";

const ROW_PREFIX = "robot-config/";
const HASH_BYTES = 32;

export class AppliedConfig {
  readonly #env: Env;
  readonly #hashes = new Map<RobotId, string>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** Takes one stored row; others are ignored. */
  restore({ key, value }: StoreRow): void {
    if (!key.startsWith(ROW_PREFIX)) return;
    const id = key.slice(ROW_PREFIX.length);
    if (isRobotId(id) && value.length === HASH_BYTES) this.#hashes.set(id, toHex(value));
  }

  /** Whether the configuration says what it said when it was applied last. */
  isApplied(robot: RobotId, terms: RegistrationTerms): boolean {
    return this.#hashes.get(robot) === toHex(this.#hashOf(terms));
  }

  /** Notes what was applied, in the commit that holds the entry which says so: without that entry it is applied anew. Beyond {@link ROBOTS_PER_NODE_MAX} ids a restart applies anew. */
  remember(robot: RobotId, terms: RegistrationTerms): void {
    const isNew = !this.#hashes.has(robot);
    if (isNew && this.#hashes.size >= ROBOTS_PER_NODE_MAX) return;
    const value = this.#hashOf(terms);
    this.#hashes.set(robot, toHex(value));
    this.#env.out.persistWithStaged(() => [{ type: "put", key: ROW_PREFIX + robot, value }]);
  }

  #hashOf({ schedule, labels, floating }: RegistrationTerms): Uint8Array {
    const { codec, hash } = this.#env.ports;
    return hash.sha256(codec.encode([scheduleToJson(schedule), { ...labels }, floating]));
  }
}
