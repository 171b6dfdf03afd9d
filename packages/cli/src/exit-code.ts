/** What the exit code of every command says (DESIGN §8). `exec` passes its child's code through instead. */

export const EXIT: {
  readonly ok: 0;
  /** The answer is no: down, left, not found, a bad audit log, a failed step. */
  readonly no: 1;
  /** A flag, value, address or folder cannot be used. */
  readonly usage: 2;
  /** The mesh cannot know, or no node answers. */
  readonly unknown: 3;
  readonly timedOut: 124;
  readonly interrupted: 130;
} = { ok: 0, no: 1, usage: 2, unknown: 3, timedOut: 124, interrupted: 130 };
