/**
 * The format of the rows on disk, and how those of earlier formats become it (rule UP3). All steps that are due are applied in one atomic
 * commit, together with the new number.
 *
 * Signed and hashed bytes (entries, parts, audit entries) are never touched by a step: others hold their hashes. So what a step rewrites is
 * bounded by what a node may host and whom it may know, and fits into one commit ({@link MIGRATION_BYTES_MAX}).
 */
import { LEFT_ROWS } from "./left-rows.ts";
import type { Migration } from "./migration.ts";

/** Version of the rows that this release reads and writes; raised when an earlier release would misread, quarantine or lose some. */
export const STORE_FORMAT: number = 2;

/** Bytes of keys and values that all steps together may rewrite; beyond it the store is left as it is. */
export const MIGRATION_BYTES_MAX: number = 64 * 1024 * 1024;

/** One step for each earlier format, in order. */
export const MIGRATIONS: readonly Migration[] = [LEFT_ROWS];
