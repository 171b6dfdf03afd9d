/**
 * Every bound of a document in one table (rules CH2, CH3, CH7, promise P6). They are part of the wire: two nodes that disagree about
 * one of them disagree about which entries are bad, so changing a number is changing the protocol.
 */

/** Largest delta, in bytes (rule CH3). */
export const DELTA_BYTES_MAX: number = 24 * 1024;
/** Most structs in a delta, and most robots in one write (rule CH3). */
export const DELTA_STRUCTS_MAX: number = 8;
/** Most ranges in the delete set of a delta: one for each robot that it sets or deletes. */
export const DELETE_RANGES_MAX: number = 8;
/** Largest value of one robot, in bytes of its V1 encoding: a delta less the room for its header, key and delete set. */
export const RECORD_BYTES_MAX: number = 22 * 1024;
/** Deepest value of one robot: a state of the allowed depth 32, and the record that is wrapped around it. */
export const RECORD_DEPTH_MAX: number = 36;
/** Largest part of a snapshot, in bytes (rule CH2). */
export const PART_BYTES_MAX: number = 256 * 1024;
/** Most structs in a part: what Yjs takes about 20 ms for. */
export const PART_STRUCTS_MAX: number = 4_096;
/** Smallest `partBytesMax` that one may ask for, in bytes: a part must hold any one record. */
export const PART_BYTES_MIN: number = 24 * 1024;
/** Most parts of a snapshot: with parts filled in turn, enough for {@link LIVE_BYTES_MAX} at the smallest part size. */
export const GENERATION_PARTS_MAX: number = 4_096;
/** Most robots that one generation ever names, deleted ones counted. */
export const GENERATION_ROBOTS_MAX: number = 32_768;
/** Most clock values that one generation uses up: far more than the deltas that a reader holds could. */
export const GENERATION_CLOCKS_MAX: number = 262_144;
/** Most bytes of live values and their keys in one generation. */
export const LIVE_BYTES_MAX: number = 32 * 1024 * 1024;
