/**
 * Multicast DNS answers as a member gives them, written here by hand, so that the tests also check the form against a second writer:
 * one pointer from the fleet's service name to a random name, and one text record with the address.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";

const ADDRESS = "224.0.0.251";
const PORT = 5_353;
const EVERY_MS = 200;
const TTL_SECONDS = 120;
const TYPE = { pointer: 12, text: 16 } as const;

/** Announces `address` (IPv4, ending in a peer id) for a fleet five times a second, for as long as the process lives. */
export async function announceForEver(fleet: string, address: string): Promise<void> {
  const socket = createSocket("udp4");
  socket.bind(0);
  await once(socket, "listening");
  socket.setMulticastInterface(address.split("/")[2] ?? "");
  const bytes = announcement(fleet, address);
  setInterval(() => socket.send(bytes, PORT, ADDRESS), EVERY_MS);
}

function announcement(fleet: string, address: string): Uint8Array {
  const service = [`_pm-${fleet}`, "_udp", "local"];
  const name = ["liar", ...service];
  const text = Buffer.from(`dnsaddr=${address}`);
  // No number, an authoritative answer, no question, two answers.
  const header = Buffer.from([0, 0, 0x84, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
  return Buffer.concat([
    header,
    record(service, TYPE.pointer, nameBytes(name)),
    record(name, TYPE.text, Buffer.concat([Buffer.from([text.length]), text])),
  ]);
}

function record(name: readonly string[], type: number, data: Uint8Array): Uint8Array {
  const fields = Buffer.alloc(10);
  fields.writeUInt16BE(type, 0);
  fields.writeUInt16BE(1, 2);
  fields.writeUInt32BE(TTL_SECONDS, 4);
  fields.writeUInt16BE(data.length, 8);
  return Buffer.concat([nameBytes(name), fields, data]);
}

function nameBytes(labels: readonly string[]): Uint8Array {
  const parts = labels.map((label) =>
    Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]),
  );
  return Buffer.concat([...parts, Buffer.from([0])]);
}
