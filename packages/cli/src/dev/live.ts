/** `dev` without `--once`: shows the mesh until a signal comes, and brings back nodes that somebody killed. */
import { setTimeout as wait } from "node:timers/promises";
import { liveRegion } from "../live-region.ts";
import type { Terminal } from "../terminal.ts";
import { type DevSnapshot, changeLines, snapshotLines, takeSnapshot } from "./dev-view.ts";
import type { LocalMesh, LocalNode } from "./local-mesh.ts";

const showEveryMs = 500;
/** Long enough to see the verdict and `home-down`, short enough to wait for. */
const bringBackMs = 20_000;

/** Resolves when `signal` aborts. */
export async function showMesh(
  terminal: Terminal,
  mesh: LocalMesh,
  signal: AbortSignal,
): Promise<void> {
  const notes: string[] = [];
  const region = terminal.outIsTty ? liveRegion(terminal) : undefined;
  const note = (line: string): void => {
    const time = new Date().toTimeString().slice(0, 8);
    if (region === undefined) terminal.out(`${time} ${line}`);
    else notes.splice(0, notes.length, ...[...notes, `${time} ${line}`].slice(-5));
  };
  for (const node of mesh.nodes) void bringBack(node, note, signal);
  let before: DevSnapshot | undefined;
  try {
    while (!signal.aborted) {
      const snapshot = await takeSnapshot(mesh);
      for (const line of changeLines(before, snapshot)) note(line);
      before = snapshot;
      region?.draw([...snapshotLines(snapshot, terminal.color), "", ...notes]);
      await wait(showEveryMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    region?.end();
  }
}

/** Watches one node's process for as long as dev runs. */
async function bringBack(
  node: LocalNode,
  note: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const { code, signal: by } = await node.child().ended;
    if (signal.aborted) return;
    note(
      `node ${node.plan.name} ended (${by ?? `exit code ${code}`}); it is started again in ${bringBackMs / 1_000}s`,
    );
    await wait(bringBackMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    node.restart();
    note(`node ${node.plan.name} is started again, pid ${node.child().pid}`);
  }
}
