/** Robots and nodes as tables, for `status`, `peers` and `dev`. */
import { formatAge, formatDuration } from "./duration.ts";
import { formatHostPort, hostPortOfMultiaddr } from "./host-port.ts";
import type { PeersJson, RobotJson } from "@pulsemesh/client";
import { healthStyle, statusStyle, statusWord } from "./status-word.ts";
import { type Column, tableLines } from "./table.ts";

const robotColumns: readonly Column<RobotJson>[] = [
  { title: "ROBOT", text: ({ robot_id: id }) => id },
  {
    title: "STATUS",
    text: ({ status }) => statusWord(status),
    style: ({ status }) => statusStyle(status),
  },
  { title: "HEALTH", text: ({ health }) => health, style: ({ health }) => healthStyle(health) },
  { title: "AGE", text: ({ age_ms: ageMs }) => formatAge(ageMs), align: "right" },
  { title: "EVERY", text: ({ schedule }) => everyText(schedule), align: "right" },
  { title: "NODE", text: ({ node, node_id: id }) => node ?? id ?? "-" },
  { title: "REGION", text: ({ region }) => region ?? "-" },
  { title: "WITNESSES", text: ({ witnesses }) => witnessText(witnesses) },
  { title: "REASON", text: ({ reason }) => reason ?? "" },
];

/** One line per robot, header first. */
export function robotTable(robots: readonly RobotJson[], color: boolean): string[] {
  if (robots.length === 0) {
    return ["No robots yet. The first beat registers one: curl -X POST URL/heartbeat/my_robot"];
  }
  return tableLines(robots, robotColumns, { color });
}

/** How many witnesses of the home node agree that it is up: `4/5`. */
export function witnessText({ up, of }: RobotJson["witnesses"]): string {
  return `${up}/${of}`;
}

/** `10s`, or a cron line. */
export function everyText(schedule: RobotJson["schedule"]): string {
  if (schedule === null) return "-";
  return schedule.type === "every" ? formatDuration(schedule.every_ms) : schedule.cron;
}

interface PeerRow {
  readonly name: string;
  readonly region: string;
  readonly status: string;
  readonly pulse: string;
  readonly rtt: string;
  readonly clock: string;
  readonly address: string;
  readonly reason: string;
  readonly id: string;
}

const peerColumns: readonly Column<PeerRow>[] = [
  { title: "NODE", text: ({ name }) => name },
  { title: "REGION", text: ({ region }) => region },
  {
    title: "STATUS",
    text: ({ status }) => statusWord(status),
    style: ({ status }) => statusStyle(status),
  },
  { title: "PULSE", text: ({ pulse }) => pulse, align: "right" },
  { title: "RTT", text: ({ rtt }) => rtt, align: "right" },
  { title: "CLOCK", text: ({ clock }) => clock, align: "right" },
  { title: "REASON", text: ({ reason }) => reason },
  { title: "ADDRESS", text: ({ address }) => address },
  { title: "ID", text: ({ id }) => id },
];

/** The answering node first, then its peers by name. */
export function peerTable({ self, peers }: PeersJson, color: boolean): string[] {
  const rows: PeerRow[] = [
    {
      ...self,
      status: self.twin === undefined ? "up" : "unknown",
      pulse: "-",
      rtt: "-",
      clock: "-",
      address: addressText(self.addresses),
      reason: self.twin === undefined ? "this node" : "this node, running twice",
    },
    ...peers
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((peer) => ({
        ...peer,
        pulse: formatAge(peer.last_pulse_age_ms),
        rtt: peer.rtt_ms === null ? "-" : `${peer.rtt_ms}ms`,
        clock: clockText(peer.clock_offset_ms),
        address: addressText(peer.addresses),
        reason: peer.reason ?? "",
      })),
  ];
  return tableLines(rows, peerColumns, { color });
}

/** How far a peer's clock is ahead: `+12ms`, `-1.5s`, `-3m 05s`. */
export function clockText(offsetMs: number | null = null): string {
  if (offsetMs === null) return "-";
  const sizeMs = Math.abs(offsetMs);
  return `${offsetMs < 0 ? "-" : "+"}${sizeMs < 1_000 ? `${sizeMs}ms` : formatAge(sizeMs)}`;
}

/** Where a node says that it is: the first host and port, and how many more there are. */
function addressText(addresses: readonly string[]): string {
  const [first, ...more] = addresses;
  if (first === undefined) return "-";
  const at = hostPortOfMultiaddr(first);
  const text = at === undefined ? first : formatHostPort(at);
  return more.length === 0 ? text : `${text} +${more.length}`;
}
