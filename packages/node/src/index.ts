/** Public face of the node: `createNode` starts one, the rest says what it is. */
export * from "./api.ts";
export type { NodeDiagnosis, NodeSettings } from "./diagnosis.ts";
export type { BackupContent } from "./backup/read-backup.ts";
export { readBackup } from "./backup/read-backup.ts";
export { restoreBackup } from "./backup/restore-backup.ts";
export { openBackupFile } from "./backup/backup-file.ts";
export { type NodeFolder, readNodeFolder } from "./backup/node-folder.ts";
export { storedRowsOf } from "./backup/stored-rows.ts";
export { writeBackup } from "./backup/write-backup.ts";
export { createNode } from "./create-node.ts";
export { createCron } from "./ports/cron.ts";
