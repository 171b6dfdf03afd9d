/** The checks of `doctor` that read a data folder whose node does not answer (rule CLI44): whose it is, and whether a process holds it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "./doctor-finding.ts";

const addressBytesMost = 4 * 1024 * 1024;

/** What is known of the node that the folder belongs to; nothing where there is none. */
export async function checkHolder(folder: string): Promise<Finding[]> {
  const pin = await jsonOf(join(folder, "fleet.json"));
  const fleet: unknown = pin === undefined ? undefined : Reflect.get(pin, "fleet");
  if (pin === undefined) return [];
  const check = "folder";
  if (typeof fleet !== "string" || !/^[a-z2-7]{52}$/.test(fleet)) {
    const detail = `${join(folder, "fleet.json")} is damaged`;
    const next = `write {"fleet":"ID","closed":true} into it, with the id that \`pulsemesh peers\` shows on a member`;
    return [{ check, result: "fail", detail, next }];
  }
  const saved = await jsonOf(join(folder, "addresses.json"));
  const addresses: unknown = saved === undefined ? undefined : Reflect.get(saved, "addresses");
  const count = Array.isArray(addresses) ? addresses.length : 0;
  const detail = `of a member of fleet ${fleet.slice(0, 12)}…, which remembers ${count} addresses of others`;
  const pid = await holderOf(folder);
  if (pid === undefined)
    return [{ check, result: "ok", detail: `${detail}; no process runs on it` }];
  const next = "name its HTTP address with --url, or its socket with --url unix:/PATH";
  return [{ check, result: "warn", detail: `${detail}; process ${pid} runs on it`, next }];
}

async function jsonOf(path: string): Promise<object | undefined> {
  try {
    const text = await readFile(path, "utf8");
    if (text.length > addressBytesMost) return {};
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? json : {};
  } catch (error) {
    return error instanceof SyntaxError ? {} : undefined;
  }
}

/** The process that holds the folder, if the one that the folder names is alive. */
async function holderOf(folder: string): Promise<number | undefined> {
  const text = (await readFile(join(folder, "pid"), "utf8").catch(() => "")).trim();
  if (!/^[1-9][0-9]{0,9}$/.test(text)) return undefined;
  try {
    process.kill(Number(text), 0);
    return Number(text);
  } catch (error) {
    const isForeign = error instanceof Error && Reflect.get(error, "code") === "EPERM";
    return isForeign ? Number(text) : undefined;
  }
}
