/** Every bound of the fleet's authority in one place (rules ME1–ME3, promise P6). */

/** Longest token of a grant, in characters: it travels in the transport's hello. */
export const GRANT_LENGTH_MAX: number = 2 * 1024;
/** Longest token of any statement, in characters: it travels in one gossip message. */
export const STATEMENT_LENGTH_MAX: number = 28 * 1024;
/** Issuers that a root statement names, and voids. */
export const ISSUERS_MAX: number = 16;
/** Statements of one void issuer that a root statement keeps; what is beyond has to be granted anew. */
export const KEPT_MAX: number = 256;
/** Robot patterns of one grant. */
export const ROBOT_PATTERNS_MAX: number = 16;
/** Documents that a revocation cuts. */
export const CUTS_MAX: number = 8;
/** Longest reason of a revocation, in characters. */
export const REASON_LENGTH_MAX: number = 128;
/** Longest life of a grant, in seconds: 31 days. */
export const GRANT_LIFE_S_MAX: number = 31 * 86_400;
/** Shortest and longest passphrase that seals a key, in characters. */
export const PASSPHRASE_LENGTH_MIN: number = 12;
export const PASSPHRASE_LENGTH_MAX: number = 1_024;
/** Latest time that a statement may name, in Unix seconds: the end of the year 2199. */
export const SECONDS_MAX: number = 7_258_118_399;
/** Highest number of a root statement or charter. */
export const NUMBER_MAX: number = 999_999_999;
