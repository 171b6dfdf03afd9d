/**
 * Rows of a store on their way out of a running node and in a backup: first a length that no key has and the format of the rows, then each
 * row as its two lengths (four bytes, big endian), key and value; the end is another such length, the number of rows, and the SHA-256 of all
 * before. What broke off has no such end.
 */
import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { PulsemeshError, STORE_FORMAT, type StoreRange, type StoreRow } from "@pulsemesh/core";

/** Bytes that are handed on together; between two such portions everything else has its turn. */
const PORTION_BYTES = 64 * 1024;
/** Largest key and value together that is read; no row comes near it. */
export const ROW_BYTES_MAX: number = 4 * 1024 * 1024;
/** All rows of a store. */
export const ALL_ROWS: StoreRange = { gte: "", lt: "\u{10FFFF}" };
const LENGTHS_BYTES = 8;
const BEGIN = 0xffff_fffe;
const END = 0xffff_ffff;
const END_BYTES: number = LENGTHS_BYTES + 32;

/** The rows as portions of bytes, the end included. `format`: that of the rows. */
export async function* encodeRows(
  rows: AsyncIterable<StoreRow>,
  format: number = STORE_FORMAT,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let portion: Uint8Array[] = [lengths(BEGIN, format)];
  let bytes = LENGTHS_BYTES;
  let count = 0;
  for await (const { key, value } of rows) {
    const name = new TextEncoder().encode(key);
    portion.push(lengths(name.length, value.length), name, value);
    bytes += LENGTHS_BYTES + name.length + value.length;
    count += 1;
    if (bytes < PORTION_BYTES) continue;
    const joined = Buffer.concat(portion);
    [portion, bytes] = [[], 0];
    hash.update(joined);
    yield joined;
    await nextTurn();
  }
  const rest = Buffer.concat([...portion, lengths(END, count)]);
  hash.update(rest);
  yield Buffer.concat([rest, hash.digest()]);
}

/** Reads what {@link encodeRows} has written, in portions of any size. */
export class RowDecoder {
  readonly #hash = createHash("sha256");
  #waiting: Uint8Array = new Uint8Array();
  #count = 0;
  #format: number | undefined;
  #hasEnded = false;

  /** Rows read so far. */
  get count(): number {
    return this.#count;
  }

  /** Format of the rows; undefined before the beginning was read. */
  get format(): number | undefined {
    return this.#format;
  }

  /**
   * The rows that this portion completes.
   * @throws PulsemeshError `backup-damaged`, `store-newer`
   */
  read(portion: Uint8Array): readonly StoreRow[] {
    if (this.#hasEnded && portion.length > 0) throw damaged("there is more behind their end");
    this.#waiting = this.#waiting.length === 0 ? portion : Buffer.concat([this.#waiting, portion]);
    const rows: StoreRow[] = [];
    let at = 0;
    for (;;) {
      const view = new DataView(this.#waiting.buffer, this.#waiting.byteOffset + at);
      const left = this.#waiting.length - at;
      if (left < LENGTHS_BYTES) break;
      const [keyBytes, valueBytes] = [view.getUint32(0), view.getUint32(4)];
      if (this.#format === undefined) {
        at += this.#begin(at, keyBytes, valueBytes);
        continue;
      }
      if (keyBytes === END) {
        if (left >= END_BYTES) at += this.#end(at, valueBytes);
        break;
      }
      const bytes = LENGTHS_BYTES + keyBytes + valueBytes;
      if (bytes > ROW_BYTES_MAX) throw damaged(`row ${this.#count + 1} is too long`);
      if (left < bytes) break;
      const row = this.#waiting.subarray(at, at + bytes);
      this.#hash.update(row);
      rows.push({
        key: new TextDecoder().decode(row.subarray(LENGTHS_BYTES, LENGTHS_BYTES + keyBytes)),
        value: row.slice(LENGTHS_BYTES + keyBytes),
      });
      this.#count += 1;
      at += bytes;
    }
    this.#waiting = this.#waiting.slice(at);
    return rows;
  }

  /** Call it when there is no more to read. @throws PulsemeshError `backup-damaged` when the end is missing */
  finish(): void {
    if (!this.#hasEnded) throw damaged(`they break off after row ${this.#count}`);
  }

  #begin(at: number, mark: number, format: number): number {
    if (mark !== BEGIN) throw damaged("they have no beginning");
    if (format > STORE_FORMAT) {
      throw new PulsemeshError(
        "store-newer",
        `Cannot read the rows of the store: they have format ${format}, this release knows ${STORE_FORMAT}. Nothing was changed; use the release that wrote them, or a later one.`,
      );
    }
    this.#format = format;
    this.#hash.update(this.#waiting.subarray(at, at + LENGTHS_BYTES));
    return LENGTHS_BYTES;
  }

  #end(at: number, count: number): number {
    const end = this.#waiting.subarray(at, at + END_BYTES);
    this.#hash.update(end.subarray(0, LENGTHS_BYTES));
    if (Buffer.compare(this.#hash.digest(), end.subarray(LENGTHS_BYTES)) !== 0)
      throw damaged("their checksum is wrong");
    if (count !== this.#count) throw damaged(`${this.#count} rows came, not ${count}`);
    if (this.#waiting.length > at + END_BYTES) throw damaged("there is more behind their end");
    this.#hasEnded = true;
    return END_BYTES;
  }
}

function lengths(first: number, second: number): Uint8Array {
  const bytes = new Uint8Array(LENGTHS_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, first);
  view.setUint32(4, second);
  return bytes;
}

function damaged(how: string): PulsemeshError {
  return new PulsemeshError("backup-damaged", `Cannot use the rows of the store: ${how}.`);
}
