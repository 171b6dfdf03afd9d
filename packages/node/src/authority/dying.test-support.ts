/** A machine that dies between any two changes of files; for tests of what is made all or none. */
import { type FileChanges, privateFileChanges } from "./init-journal.ts";

/** The machine dies at one change: before it, or when it is on disk and nobody knows. */
export function dyingAt(at: number, when: "before" | "after"): FileChanges {
  let left = at;
  const once = (change: () => void): void => {
    left -= 1;
    if (left < 0 && when === "before") throw new Error("died");
    change();
    if (left < 0) throw new Error("died");
  };
  return {
    write: (path, text) => once(() => privateFileChanges.write(path, text)),
    remove: (path) => once(() => privateFileChanges.remove(path)),
  };
}
