/** Every bound of the evidence of verdicts in one place (rule VE10, promise P6). */

/** Of one verdict, and of one subject that is accused: accusations that are kept, objections, and `up`s, one of each witness. */
export const KEPT_WORDS_MAX: number = 8;
/** Verdicts that are over of which a node keeps the evidence, of one subject. */
export const ENDED_VERDICTS_MAX: number = 2;
/** Verdicts of which a node keeps the evidence, standing or over. */
export const KEPT_VERDICTS_MAX: number = 256;
/** Bytes of all evidence that a node keeps, of verdicts and of what may become one. */
export const EVIDENCE_BYTES_MAX: number = 2 * 1024 * 1024;
/** Longest bundle that is read, in characters. */
export const BUNDLE_LENGTH_MAX: number = 512 * 1024;
/** Statements of the fleet's authority in one bundle. */
export const BUNDLE_STATEMENTS_MAX: number = 256;
/** Witnesses that a bundle names where they are not the whole roster. */
export const BUNDLE_WITNESSES_MAX: number = 64;
