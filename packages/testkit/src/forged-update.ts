/**
 * Builds Yjs V1 updates piece by piece, lies included, for tests of whatever reads foreign ones. Plain numbers, no Yjs: a library that
 * wrote them would refuse to lie, and the code under test must not be its own witness.
 */

/** Bytes under construction. */
export type Bytes = readonly number[];

/** One client's structs: how many are claimed, and what is really there. */
export interface ForgedClient {
  readonly client: number;
  readonly clock: number;
  readonly structs: readonly Bytes[];
  /** @default the number of structs */
  readonly claimed?: number | undefined;
}

/** One client's ranges in the delete set, as pairs of clock and length. */
export interface ForgedDeletes {
  readonly client: number;
  readonly ranges: readonly (readonly [clock: number, length: number])[];
}

/** The whole update. */
export function forgeUpdate(
  clients: readonly ForgedClient[],
  deletes: readonly ForgedDeletes[] = [],
): Uint8Array {
  const bytes = [...varUint(clients.length)];
  for (const { client, clock, structs, claimed } of clients) {
    bytes.push(...varUint(claimed ?? structs.length), ...varUint(client), ...varUint(clock));
    for (const struct of structs) bytes.push(...struct);
  }
  bytes.push(...varUint(deletes.length));
  for (const { client, ranges } of deletes) {
    bytes.push(...varUint(client), ...varUint(ranges.length));
    for (const [clock, length] of ranges) bytes.push(...varUint(clock), ...varUint(length));
  }
  return Uint8Array.from(bytes);
}

/** An unsigned integer in groups of seven bits, lowest first, made longer by `padding` empty groups. */
export function varUint(value: number, padding: number = 0): Bytes {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push(0x80 | (rest % 0x80));
  bytes.push(rest);
  for (let count = 0; count < padding; count++) {
    bytes.push(0x80 | (bytes.pop() ?? 0), 0);
  }
  return bytes;
}

export function text(value: string): Bytes {
  const utf8 = [...new TextEncoder().encode(value)];
  return [...varUint(utf8.length), ...utf8];
}

/** Bits of a struct's first byte beside its kind. */
export const INFO = { key: 0x20, rightOrigin: 0x40, origin: 0x80 } as const;

/** Content of an item: its kind and what follows the head. */
export interface ForgedContent {
  readonly kind: number;
  readonly bytes: Bytes;
}

/** Every kind of content that V1 knows. */
export const content = {
  deleted: (length: number): ForgedContent => ({ kind: 1, bytes: varUint(length) }),
  json: (...values: readonly string[]): ForgedContent => ({
    kind: 2,
    bytes: [...varUint(values.length), ...values.flatMap(text)],
  }),
  binary: (bytes: Bytes): ForgedContent => ({
    kind: 3,
    bytes: [...varUint(bytes.length), ...bytes],
  }),
  string: (value: string): ForgedContent => ({ kind: 4, bytes: text(value) }),
  embed: (json: string): ForgedContent => ({ kind: 5, bytes: text(json) }),
  format: (key: string, json: string): ForgedContent => ({
    kind: 6,
    bytes: [...text(key), ...text(json)],
  }),
  type: (reference: number): ForgedContent => ({ kind: 7, bytes: varUint(reference) }),
  any: (...values: readonly Bytes[]): ForgedContent => ({
    kind: 8,
    bytes: [...varUint(values.length), ...values.flat()],
  }),
  subdocument: (guid: string): ForgedContent => ({
    kind: 9,
    bytes: [...text(guid), ...any.object()],
  }),
} as const;

/** Values inside of "any" content, those that are no JSON included. */
export const any = {
  undefined: [127] as Bytes,
  null: [126] as Bytes,
  integer: (below64: number): Bytes => [125, below64],
  float32: (...bytes: Bytes): Bytes => [124, ...bytes],
  float64: (...bytes: Bytes): Bytes => [123, ...bytes],
  bigint: [122, 0, 0, 0, 0, 0, 0, 0, 1] as Bytes,
  text: (value: string): Bytes => [119, ...text(value)],
  object: (...entries: readonly (readonly [string, Bytes])[]): Bytes => [
    118,
    ...varUint(entries.length),
    ...entries.flatMap(([key, value]) => [...text(key), ...value]),
  ],
  array: (...elements: readonly Bytes[]): Bytes => [
    117,
    ...varUint(elements.length),
    ...elements.flat(),
  ],
  binary: [116, 1, 0] as Bytes,
} as const;

/** A collected run. */
export function collected(length: number): Bytes {
  return [0, ...varUint(length)];
}

/** A hole. */
export function skip(length: number): Bytes {
  return [10, ...varUint(length)];
}

/** An item that names its parent: a root by name, or an item by id. */
export function firstItem(
  parent: string | readonly [client: number, clock: number],
  key: string | undefined,
  { kind, bytes }: ForgedContent,
): Bytes {
  const named =
    typeof parent === "string"
      ? [1, ...text(parent)]
      : [0, ...varUint(parent[0]), ...varUint(parent[1])];
  return [
    kind | (key === undefined ? 0 : INFO.key),
    ...named,
    ...(key === undefined ? [] : text(key)),
    ...bytes,
  ];
}

/** An item that takes its parent and key from its neighbours, given as [client, clock]. */
export function nextItem(
  neighbours: {
    readonly origin?: readonly [client: number, clock: number] | undefined;
    readonly rightOrigin?: readonly [client: number, clock: number] | undefined;
  },
  { kind, bytes }: ForgedContent,
): Bytes {
  const { origin, rightOrigin } = neighbours;
  const info =
    kind |
    INFO.key |
    (origin === undefined ? 0 : INFO.origin) |
    (rightOrigin === undefined ? 0 : INFO.rightOrigin);
  return [
    info,
    ...[origin ?? [], rightOrigin ?? []].flat().flatMap((part) => varUint(part)),
    ...bytes,
  ];
}
