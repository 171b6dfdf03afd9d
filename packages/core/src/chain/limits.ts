/** Every bound of chains and their entries in one place (rules CH2, CH3, CH7, promise P6). Sizes in bytes unless named otherwise. */
import { GOSSIP_BYTES_MAX } from "../driver/transport.ts";

/** Largest signed entry, envelope included: an entry must fit into one gossip message. */
export const ENTRY_BYTES_MAX: number = GOSSIP_BYTES_MAX;
/** Largest delta payload (a V1 update). */
export const DELTA_BYTES_MAX: number = 24 * 1024;
/** Robots that one delta may set. */
export const DELTA_ROBOTS_MAX: number = 8;
/** Encoded records that a writer puts into one delta before it begins the next. */
export const DELTA_FILL_BYTES_MAX: number = 18 * 1024;
/** Largest part of a snapshot. */
export const PART_BYTES_MAX: number = 256 * 1024;
/** Parts of one snapshot: the 32 MiB that documents hold of one author, in parts that miss at most one record of being full. */
export const SNAPSHOT_PARTS_MAX: number = 160;
/** Robots that one author writes about in a document, over all its live epochs; of which it has nothing but a retired marker, those count apart. */
export const AUTHOR_ROBOTS_MAX: number = 10_000;
/** Robots and retired markers of one author in a document, over all its live epochs: fewer than documents take, deleted ones counted. */
export const AUTHOR_IDS_MAX: number = 30_000;
/**
 * Records that one author writes in a document, ids included and over all its live epochs, in dag-cbor. In the documents' own encoding a
 * value is at most twice as long, so that a snapshot of everything stays below the 32 MiB that a generation may hold.
 */
export const AUTHOR_LIVE_BYTES_MAX: number = 15 * 1024 * 1024;
/** Authors of one document (rule CH7). */
export const AUTHORS_MAX: number = 10_000;
/** Live (uncovered) epochs of one author that are held; an honest author covers its own beyond {@link OWN_EPOCHS_MAX}. */
export const EPOCHS_MAX: number = 64;
/** Live own epochs after which the author writes a snapshot that covers them. */
export const OWN_EPOCHS_MAX: number = 4;
/** A snapshot is due when the deltas since the last one outweigh the live bytes this many times … */
export const DELTA_TO_LIVE_RATIO_MAX: number = 8;
/** … but not before they weigh this much. */
export const SNAPSHOT_BYTES_MIN: number = 64 * 1024;
/** Entries after the opening of one epoch that a reader holds; authors write a snapshot long before. */
export const DELTAS_MAX: number = 20_000;
/** Bytes of those entries: an author that writes a snapshot when it is due stays below, whatever it writes. */
export const DELTAS_BYTES_MAX: number = 32 * 1024 * 1024;
/** Highest epoch and seq: both are printed with this many digits in row keys. */
export const EPOCH_DIGITS: number = 12;
export const SEQ_DIGITS: number = 12;
export const EPOCH_MAX: number = 999_999_999_999;
export const SEQ_MAX: number = 999_999_999_999;
/** For how long a node may say that its silence is no sign of death, in ms: 400 days. */
export const MAY_BE_OFFLINE_MS_MAX: number = 400 * 86_400_000;
/** Longest name, region and agent in a chain header. */
export const HEADER_TEXT_LENGTH_MAX: number = 64;
