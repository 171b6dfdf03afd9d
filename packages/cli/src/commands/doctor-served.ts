/** The checks of `doctor` of what the node serves HTTP with, as its metrics tell: the certificate's end, whether its config file is in use, and whether a token guards its issuer. */
import type { PulsemeshClient } from "@pulsemesh/client";
import { CERTIFICATE_SOON_MS } from "../config/certificate-watch.ts";
import type { Finding } from "./doctor-finding.ts";

const dayMs = 86_400_000;
const expiry = /^pulsemesh_http_certificate_expiry_timestamp_seconds (\d+)$/m;
const reloaded = /^pulsemesh_config_last_reload_successful ([01])$/m;
const unguarded = /^pulsemesh_issuer_unguarded 1$/m;
const unguardedFinding: Finding = {
  check: "issuer",
  result: "warn",
  detail:
    "the issuer's key is at this node and it asks for no token: any process on its machine may invite, grant and revoke",
  next: "start it with --token-file FILE, or let nothing else run on that machine",
};

/** Nothing of what the node does not have. */
export async function checkServed(client: PulsemeshClient, nowWallMs: number): Promise<Finding[]> {
  let metrics: string;
  try {
    metrics = await client.metrics();
  } catch {
    // Whatever is wrong with the node was found by another check.
    return [];
  }
  const endsSeconds = expiry.exec(metrics)?.[1];
  const isReloaded = reloaded.exec(metrics)?.[1];
  return [
    ...(unguarded.test(metrics) ? [unguardedFinding] : []),
    ...(endsSeconds === undefined ? [] : [certificateFinding(Number(endsSeconds), nowWallMs)]),
    ...(isReloaded === undefined ? [] : [reloadFinding(isReloaded === "1")]),
  ];
}

function certificateFinding(endsSeconds: number, nowWallMs: number): Finding {
  const check = "certificate";
  const at = new Date(endsSeconds * 1_000).toISOString();
  const leftMs = endsSeconds * 1_000 - nowWallMs;
  const days = Math.floor(leftMs / dayMs);
  const next = "have it renewed, then reload the node: SIGHUP or POST /-/reload";
  if (leftMs <= 0) return { check, result: "fail", detail: `it expired at ${at}`, next };
  const detail = `it expires in ${days} ${days === 1 ? "day" : "days"}, at ${at}`;
  return leftMs <= CERTIFICATE_SOON_MS
    ? { check, result: "warn", detail, next }
    : { check, result: "ok", detail };
}

function reloadFinding(isReloaded: boolean): Finding {
  const check = "reload";
  if (isReloaded) return { check, result: "ok", detail: "the config file is in use as last read" };
  return {
    check,
    result: "fail",
    detail: "the last reload was refused: the node runs with what it had before",
    next: "the node's log names the fault; mend the file, see pulsemesh config check FILE, and reload",
  };
}
