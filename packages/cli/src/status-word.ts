/** How a status looks: always a word and a shape, colour only on top (nobody has to tell states apart by colour). */
import { EXIT } from "./exit-code.ts";

const looks: Readonly<Record<string, { readonly shape: string; readonly style: string }>> = {
  up: { shape: "●", style: "32" },
  late: { shape: "◐", style: "33" },
  down: { shape: "✖", style: "31" },
  new: { shape: "○", style: "36" },
  unknown: { shape: "?", style: "35" },
  paused: { shape: "‖", style: "34" },
  left: { shape: "–", style: "90" },
};

const healthStyles: Readonly<Record<string, string>> = { degraded: "33", failing: "31" };

/** Shape and word, such as `✖ down`. */
export function statusWord(status: string): string {
  return `${looks[status]?.shape ?? "?"} ${status}`;
}

/** ANSI style code of a status. */
export function statusStyle(status: string): string | undefined {
  return looks[status]?.style;
}

/** ANSI style code of a robot's health; none for `ok`. */
export function healthStyle(health: string): string | undefined {
  return healthStyles[health];
}

/** What `pulsemesh status ROBOT` exits with. */
export function statusExitCode(status: string): number {
  switch (status) {
    case "up":
    case "late":
    case "new":
    case "paused":
      return EXIT.ok;
    case "down":
    case "left":
      return EXIT.no;
    default:
      return EXIT.unknown;
  }
}
