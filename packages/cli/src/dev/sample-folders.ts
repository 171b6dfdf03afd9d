/** The folders that the example robots watch in `dev`, healthy at first, and the ways in which the story damages them. */
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeManifest } from "./robots/replica-freshness.ts";

export interface SampleFolders {
  /** What the secret scanner reads. */
  readonly source: string;
  /** What the permission check reads. */
  readonly release: string;
  readonly primary: string;
  readonly replica: string;
}

const hourMs = 3_600_000;
const privateMode = 0o640;
const openMode = 0o777;

/** Creates all four below `parent`. `nowMs` is wall time. */
export async function makeSampleFolders(parent: string, nowMs: number): Promise<SampleFolders> {
  const folders: SampleFolders = {
    source: join(parent, "source"),
    release: join(parent, "release"),
    primary: join(parent, "primary"),
    replica: join(parent, "replica"),
  };
  for (const folder of Object.values(folders) as string[]) {
    await mkdir(folder, { recursive: true, mode: 0o750 });
  }
  await writeFile(
    join(folders.source, "deploy.sh"),
    '#!/bin/sh\nset -eu\nexec deploy --token "$DEPLOY_TOKEN"\n',
    { mode: privateMode },
  );
  await writeFile(join(folders.source, "settings.ini"), "region = eu\nretries = 3\n", {
    mode: privateMode,
  });
  for (const name of ["app.js", "app.css"]) {
    await writeFile(join(folders.release, name), `/* ${name} */\n`, { mode: privateMode });
  }
  await writeFile(join(folders.primary, "orders.csv"), "id,total\n1,10\n");
  await writeManifest(folders.primary, nowMs);
  await refreshReplica(folders);
  return folders;
}

/** Somebody commits a key. It is put together here, so that no scanner finds it in this file. */
export async function plantSecret({ source }: SampleFolders): Promise<string> {
  const key = ["AKIA", "Q3EGRIZ7", "PULSEMSH"].join("");
  const path = join(source, "backup.env");
  await writeFile(path, `BUCKET=backups\nAWS_ACCESS_KEY_ID=${key}\n`, { mode: privateMode });
  return path;
}

/** The key is taken out again. */
export async function removeSecret({ source }: SampleFolders): Promise<void> {
  await rm(join(source, "backup.env"), { force: true });
}

/** Somebody opens a released file to everybody. */
export async function openPermissions({ release }: SampleFolders): Promise<string> {
  const path = join(release, "app.js");
  await chmod(path, openMode);
  return path;
}

/** The mode is set back. */
export async function closePermissions({ release }: SampleFolders): Promise<void> {
  await chmod(join(release, "app.js"), privateMode);
}

/** The primary goes on while the copy stays as it was an hour ago. */
export async function makeReplicaStale(folders: SampleFolders, nowMs: number): Promise<void> {
  await writeManifest(folders.replica, nowMs - hourMs);
  const orders = join(folders.primary, "orders.csv");
  await writeFile(orders, `${await readFile(orders, "utf8")}2,20\n`);
  await writeManifest(folders.primary, nowMs);
}

/** The replica catches up. */
export async function refreshReplica({ primary, replica }: SampleFolders): Promise<void> {
  for (const name of ["orders.csv", "manifest.json"]) {
    await copyFile(join(primary, name), join(replica, name));
  }
}
