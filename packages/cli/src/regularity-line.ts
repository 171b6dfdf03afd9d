/** How regularly a robot beats, in one line of `status ROBOT` (rule RG8). */
import type { RobotJson } from "@pulsemesh/client";
import { formatAge } from "./duration.ts";

type Regularity = NonNullable<RobotJson["regularity"]>;

/** From this score on it is called unusual (rule RG3). */
const UNUSUAL = 3;
/** What a home said longer ago is told with its age: its silence may be another one now. */
const FRESH_MS = 3_000;

/** `usually every 10.0s, half within 20ms (0.2%); no drift; 0 early, 2 late of 60; usual`. */
export function regularityLine(regularity: RobotJson["regularity"], nowWallMs: number): string {
  if (regularity === null || regularity === undefined) return "not known here yet";
  const { samples, usual_ms: usualMs, early, late } = regularity;
  if (usualMs === null) return "no two beats yet";
  const parts = [
    `${usualText(regularity, usualMs)}${jitterText(regularity)}`,
    driftText(regularity),
    `${early} early, ${late} late of ${samples}`,
    scoreText(regularity),
    ageText(nowWallMs - Date.parse(regularity.as_of)),
  ];
  return parts.filter((part) => part !== "").join("; ");
}

function usualText({ measures }: Regularity, usualMs: number): string {
  if (measures === "interval") return `usually every ${spanText(usualMs)}`;
  return `usually ${spanText(Math.abs(usualMs))} ${usualMs < 0 ? "before" : "after"} it is due`;
}

function jitterText({ jitter_ms: jitterMs, jitter_ratio: ratio }: Regularity): string {
  if (jitterMs === null) return "";
  return `, half within ${spanText(jitterMs)}${ratio === null ? "" : ` (${percent(ratio)})`}`;
}

function driftText({ drift_ms: driftMs, drift_ratio: ratio }: Regularity): string {
  if (driftMs === null) return "";
  if (driftMs === 0) return "no drift";
  const sign = driftMs < 0 ? "-" : "+";
  const part = ratio === null ? "" : ` (${sign}${percent(Math.abs(ratio))})`;
  return `drift ${sign}${spanText(Math.abs(driftMs))}${part}`;
}

function scoreText({ newest_score: newest, silence_score: silence }: Regularity): string {
  if (newest === null && silence === null) return "too few to say what is unusual";
  const [score, what] =
    (silence ?? 0) > (newest ?? 0) ? [silence ?? 0, "silence"] : [newest ?? 0, "newest beat"];
  return score < UNUSUAL ? "usual" : `unusual ${what} (${score} of 10)`;
}

function ageText(ageMs: number): string {
  return ageMs > FRESH_MS ? `as its home said ${formatAge(ageMs)} ago` : "";
}

function spanText(ms: number): string {
  return ms < 1_000 ? `${ms}ms` : formatAge(ms);
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 1_000) / 10}%`;
}
