/** Public face of backups, apart from the node's, whose network takes longer to load than a backup to take. */
export { oldDrafts } from "../keys/drafts.ts";
export { openRestores } from "./broken-restore.ts";
export { openBackupFile } from "./backup-file.ts";
export { type NodeFolder, readNodeFolder } from "./node-folder.ts";
export { readBackup } from "./read-backup.ts";
export { restoreBackup } from "./restore-backup.ts";
export { storedRowsOf } from "./stored-rows.ts";
export { type BackupSink, writeBackup } from "./write-backup.ts";
