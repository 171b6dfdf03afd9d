/**
 * How much unfinished frames may hold, all together: a frame that has begun takes room until its last byte, which costs its sender nothing
 * but patience. Whoever is no member has a share of his own, so that made-up keys cannot take that of the members. The frame that has been
 * on its way for longest makes room.
 */

/** Bytes that unfinished frames of nodes that are no members may hold. */
export const STRANGER_PARTIAL_BYTES_MAX: number = 8 * 1024 * 1024;
/** Bytes that unfinished frames of members may hold. */
export const MEMBER_PARTIAL_BYTES_MAX: number = 64 * 1024 * 1024;

/** A stream that may hold an unfinished frame. */
export interface FrameHolder {
  /** Drops the frame, and the stream with it. */
  giveUp(): void;
}

export class PartialFrames {
  readonly members: FrameShare = new FrameShare(MEMBER_PARTIAL_BYTES_MAX);
  readonly strangers: FrameShare = new FrameShare(STRANGER_PARTIAL_BYTES_MAX);

  /** What `holder` holds now; a sender that became a member meanwhile changes shares with its next frame. */
  hold(holder: FrameHolder, bytes: number, isMember: boolean): void {
    const [ours, other] = isMember
      ? [this.members, this.strangers]
      : [this.strangers, this.members];
    other.hold(holder, 0);
    ours.hold(holder, bytes);
  }
}

class FrameShare {
  readonly #bytesMax: number;
  /** In the order in which their frames began. */
  readonly #held = new Map<FrameHolder, number>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  hold(holder: FrameHolder, bytes: number): void {
    this.#bytes += bytes - (this.#held.get(holder) ?? 0);
    if (bytes === 0) this.#held.delete(holder);
    else this.#held.set(holder, bytes);
    for (const [oldest] of this.#held) {
      if (this.#bytes <= this.#bytesMax) return;
      this.hold(oldest, 0);
      oldest.giveUp();
    }
  }
}
