/** A name server on loopback that knows text records and nothing else (RFC 1035): enough for what `/dnsaddr` asks. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

const HEADER_BYTES = 12;
const TYPE_TXT = 16;
const CLASS_IN = 1;
/** A pointer to the name in the question. */
const SAME_NAME = 0xc00c;

export class DnsServer implements AsyncDisposable {
  /** Names that were asked for, in order. */
  readonly asked: string[] = [];
  readonly #socket: Socket;
  readonly #texts: ReadonlyMap<string, readonly string[]>;

  private constructor(socket: Socket, texts: ReadonlyMap<string, readonly string[]>) {
    this.#socket = socket;
    this.#texts = texts;
    socket.on("message", (query, { port, address }) => {
      socket.send(this.#answer(query), port, address);
    });
  }

  /** Answers for `texts`, a name each. */
  static async start(texts: ReadonlyMap<string, readonly string[]>): Promise<DnsServer> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new DnsServer(socket, texts);
  }

  /** As `dns.setServers` takes it. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, "close");
  }

  #answer(query: Buffer): Buffer {
    const labels: string[] = [];
    let at = HEADER_BYTES;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join(".");
    this.asked.push(name);
    const records = (this.#texts.get(name) ?? []).map(recordOf);
    const header = Buffer.from(query.subarray(0, HEADER_BYTES));
    // An answer, without an error; or: no such name.
    header.writeUInt16BE(records.length > 0 ? 0x8180 : 0x8183, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    header.writeUInt32BE(0, 8);
    return Buffer.concat([header, query.subarray(HEADER_BYTES, at + 5), ...records]);
  }
}

/** A text record of the name in the question. */
function recordOf(text: string): Buffer {
  const bytes = Buffer.from(text);
  const record = Buffer.alloc(HEADER_BYTES + 1);
  record.writeUInt16BE(SAME_NAME, 0);
  record.writeUInt16BE(TYPE_TXT, 2);
  record.writeUInt16BE(CLASS_IN, 4);
  record.writeUInt32BE(60, 6);
  record.writeUInt16BE(bytes.length + 1, 10);
  record.writeUInt8(bytes.length, 12);
  return Buffer.concat([record, bytes]);
}
