/**
 * What nodes compare (promise P1): every robot's view with stamps ahead of the clock counted at once, so that no reader's clock matters.
 *
 * Whoever has such a stamp is worked out twice, once as it is shown and once as it is compared; of the second only the hash is kept until
 * something changes, or many records from the future would make every comparison as dear as the first.
 */
import type { Env } from "../env.ts";
import type { RobotId } from "../ids.ts";
import { DocumentHash } from "./document-hash.ts";
import { IdList } from "./id-list.ts";
import { hasAnything, type ShownRecord } from "./robot-slot.ts";

interface Compared {
  readonly hash: Uint8Array;
  readonly hasAnything: boolean;
}

export class DocumentExport {
  readonly #env: Env;
  /** A robot's view with everything in it, whatever its stamps. */
  readonly #whole: (robot: RobotId) => ShownRecord;
  readonly #compared = new Map<RobotId, Compared>();
  readonly #ids: IdList = new IdList((robot) => this.#of(robot).hasAnything);
  readonly #hashes: DocumentHash;
  readonly #shown: (robot: RobotId) => ShownRecord;
  #hash: string | undefined;

  constructor(
    env: Env,
    shown: (robot: RobotId) => ShownRecord,
    whole: (robot: RobotId) => ShownRecord,
  ) {
    this.#env = env;
    this.#shown = shown;
    this.#whole = whole;
    this.#hashes = new DocumentHash(env.ports.hash);
  }

  /** A record may have changed. */
  touch(robot: RobotId): void {
    this.#hash = undefined;
    this.#compared.delete(robot);
    this.#hashes.touch(robot);
    this.#ids.touch(robot);
  }

  /** Works the robot out now, so that many that changed at once are not left to whoever asks first. */
  settle(robot: RobotId): void {
    this.#of(robot);
  }

  hash(): string {
    this.#hash ??= this.#hashes.of(this.#ids.ids(), (robot) => this.#of(robot).hash);
    return this.#hash;
  }

  encode(): Uint8Array {
    const rows = this.#ids.ids().map((robot) => [robot, this.#view(robot).root]);
    return this.#env.ports.codec.encode(rows);
  }

  #of(robot: RobotId): Compared {
    const held = this.#compared.get(robot);
    if (held !== undefined) return held;
    const view = this.#view(robot);
    const compared = { hash: view.hash, hasAnything: hasAnything(view) };
    // Any other view is kept as it is shown.
    if (isAhead(this.#shown(robot))) this.#compared.set(robot, compared);
    return compared;
  }

  #view(robot: RobotId): ShownRecord {
    const shown = this.#shown(robot);
    return isAhead(shown) ? this.#whole(robot) : shown;
  }
}

function isAhead({ aheadHlc }: ShownRecord): boolean {
  return aheadHlc !== Number.POSITIVE_INFINITY;
}
