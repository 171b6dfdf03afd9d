/**
 * The ids of which something holds, sorted, kept up to date by what may have changed: one robot that comes or goes among ten thousand
 * costs a walk over them and no sorting.
 */
import { compareText, type RobotId } from "../ids.ts";

export class IdList {
  readonly #holds: (robot: RobotId) => boolean;
  #ids: readonly RobotId[] = [];
  readonly #in = new Set<RobotId>();
  readonly #stale = new Set<RobotId>();

  constructor(holds: (robot: RobotId) => boolean) {
    this.#holds = holds;
  }

  /** It may be another one than before. */
  touch(robot: RobotId): void {
    this.#stale.add(robot);
  }

  /** The same array as last time when the same ids are in it. */
  ids(): readonly RobotId[] {
    const come: RobotId[] = [];
    let isGone = false;
    for (const robot of this.#stale) {
      const isIn = this.#holds(robot);
      if (isIn === this.#in.has(robot)) continue;
      if (isIn) {
        this.#in.add(robot);
        come.push(robot);
      } else {
        this.#in.delete(robot);
        isGone = true;
      }
    }
    this.#stale.clear();
    if (isGone) this.#ids = this.#ids.filter((robot) => this.#in.has(robot));
    if (come.length > 0) this.#ids = merged(this.#ids, come.toSorted(compareText));
    return this.#ids;
  }
}

function merged(a: readonly RobotId[], b: readonly RobotId[]): readonly RobotId[] {
  const result: RobotId[] = [];
  let next = 0;
  for (const robot of a) {
    for (let other = b[next]; other !== undefined && other < robot; other = b[++next])
      result.push(other);
    result.push(robot);
  }
  return next === 0 ? result.concat(b) : result.concat(b.slice(next));
}
