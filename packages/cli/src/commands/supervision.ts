/**
 * What `run` has to do with whoever supervises it: the words to systemd, the probes at an address of their own, and the files by which
 * nodes that are started together find each other.
 */
import type { PulsemeshNode } from "@pulsemesh/node";
import type { Cli } from "../cli.ts";
import { serviceManager } from "../service-manager.ts";
import { readJoinFile, writeAddressFile } from "./join-file.ts";
import { openProbeDoor } from "./probe-door.ts";
import type { RunPlan } from "./run-options.ts";

export interface Supervision extends AsyncDisposable {
  /** All addresses to join by; waits for those of `--join-file`. */
  joinBy(signal: AbortSignal): Promise<readonly string[]>;
  /** The node takes beats: says so to everybody who was to know. Also after each reload. */
  ready(node: PulsemeshNode): void;
  reloading(): void;
  stopping(): void;
}

/**
 * Begins before anything is started, and ends after everything has stopped.
 * @throws PulsemeshError `address-in-use` or `address-invalid` where the probes cannot be answered
 */
export async function openSupervision(
  { terminal }: Cli,
  { probes, joinFile, addressFile, node: { join = [], dataDir } }: RunPlan,
): Promise<Supervision> {
  const { env, say } = terminal;
  const door = probes === undefined ? undefined : await openProbeDoor(probes);
  const warn = (why: string): void =>
    say(`Cannot tell the service manager how this node is: ${why}. The node goes on without.`);
  const manager = serviceManager({ env, pid: process.pid, warn });
  manager.starting();
  let isFirst = true;
  const onWait = (): void =>
    say(
      `No invite and no address in ${joinFile} yet; waiting for one: \`pulsemesh invite\` prints it where the issuer's key is.`,
    );
  const onUnsure = (why: string): void =>
    say(`${why} It may still be being copied; waiting until it stands still for 10s.`);
  const onSkip = (why: string): void =>
    say(`${why} This node knows its fleet and goes on without.`);
  return {
    joinBy: async (signal) =>
      joinFile === undefined
        ? join
        : [
            ...join,
            ...(await readJoinFile({
              path: joinFile,
              dataDir,
              signal,
              onWait,
              onUnsure,
              onSkip,
              others: join,
            })),
          ],
    ready: (node) => {
      door?.ask(() => node.ready());
      if (addressFile !== undefined && isFirst) writeAddressFile(addressFile, node.addresses());
      isFirst = false;
      manager.ready(node);
    },
    reloading: () => manager.reloading(),
    stopping: () => manager.stopping(),
    [Symbol.asyncDispose]: async () => {
      manager[Symbol.dispose]();
      await door?.[Symbol.asyncDispose]();
    },
  };
}
