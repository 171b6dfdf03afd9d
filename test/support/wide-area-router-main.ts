/**
 * A router between the hosts of a `WideArea`: every packet is some time on its way, and what would open a connection to a host behind a firewall is dropped,
 * as by the router of a home or a plant. `node wide-area-router-main.ts '{"delayMs":…,"port":…,"hosts":[…]}'`; ends with its standard input.
 */
import { createSocket } from "node:dgram";

export interface RoutedHost {
  /** In the wide area. */
  readonly address: string;
  /** Where its packets go. */
  readonly endpoint: string;
  readonly isShielded: boolean;
}

export interface RouterOrder {
  /** One way. */
  readonly delayMs: number;
  readonly port: number;
  readonly hosts: readonly RoutedHost[];
}

const TCP = 6;
const PROTOCOL_AT = 9;
const TO_AT = 16;
const ADDRESS_BYTES = 4;
const FLAGS_AT = 13;
const SYN = 0x02;
const ACK = 0x10;

const { delayMs, port, hosts } = JSON.parse(process.argv[2] ?? "") as RouterOrder;
const byAddress = new Map(hosts.map((host) => [host.address, host]));
const socket = createSocket("udp4");
socket.on("message", (packet) => {
  const to = byAddress.get(packet.subarray(TO_AT, TO_AT + ADDRESS_BYTES).join("."));
  if (to === undefined || (to.isShielded && !isPartOfConnection(packet))) return;
  setTimeout(() => socket.send(packet, port, to.endpoint), delayMs);
});
socket.bind(port, () => process.stdout.write("ready\n"));
process.stdin.resume().on("end", () => process.exit());

/** TCP but for the packet that begins one from outside. */
function isPartOfConnection(packet: Buffer): boolean {
  const headerBytes = ((packet[0] ?? 0) & 0x0f) * 4;
  const flags = packet[headerBytes + FLAGS_AT] ?? SYN;
  return packet[PROTOCOL_AT] === TCP && ((flags & SYN) === 0 || (flags & ACK) !== 0);
}
