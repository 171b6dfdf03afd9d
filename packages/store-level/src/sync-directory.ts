/** Makes the names in a directory durable, which the sync of a file in it does not. */
import { closeSync, fsyncSync, openSync } from "node:fs";

/** What is answered where a directory cannot be synced at all: it may be entered and not read, or the file system knows no such thing. */
const UNSYNCABLE: readonly unknown[] = ["EACCES", "EPERM", "EINVAL", "ENOSYS", "ENOTSUP"];

/** Systems that cannot sync a directory need no such call. */
export function syncDirectory(dir: string): void {
  if (process.platform === "win32") return;
  const file = openSync(dir, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The same of a directory that is somebody else's, as far as it can be done: the folder around one's own. */
export function syncAround(dir: string): void {
  try {
    syncDirectory(dir);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (!UNSYNCABLE.includes(code)) throw error;
  }
}
