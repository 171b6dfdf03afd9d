/**
 * Children of `pulsemesh dev` end when dev does, however it ends: they hold an IPC channel to it, and a channel closes even when
 * the other side is killed with -9.
 */

/** Set for children that must not outlive their parent. */
export const PARENT_WATCH: string = "PULSEMESH_DIE_WITH_PARENT";

/** Ends this process at once when the parent that asked for it is gone. */
export function dieWithParent(env: Readonly<Record<string, string | undefined>>): void {
  if (env[PARENT_WATCH] !== "1") return;
  const die = (): void => {
    process.kill(process.pid, "SIGKILL");
  };
  // Gone already, between the start of this process and this line.
  if (!process.connected) die();
  process.once("disconnect", die);
  process.channel?.unref();
}
