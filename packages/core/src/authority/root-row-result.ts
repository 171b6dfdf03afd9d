/** What became of a row; stable, the label `result` of `pulsemesh_root_rows_total`, which counts as `silent` besides who has said none, and what former members were told. */
export type RootRowResult =
  /** What stands goes on by it. */
  | "taken"
  /** The end of a key's reign was taken, and what is behind it left to members: this node knows some. */
  | "rotation"
  /** There is nothing in it that is not here. */
  | "known"
  /** It goes on from what stands, which is left to members to say: this node knows some. */
  | "company"
  /** The same by the word of one that is revoked here. */
  | "revoked"
  /** It does not go on from what stands, or not by keys that were named. */
  | "beside"
  | "malformed";
