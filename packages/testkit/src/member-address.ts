/**
 * Valid multiaddrs of made-up members, in binary form, so that tests of address handling need no keys: `/ip4/HOST/tcp/PORT/p2p/ID`,
 * where the id is an Ed25519 peer id whose key bytes are `index`.
 */

const CODE = { ip4: 4, tcp: 6, p2p: [0xa5, 0x03] } as const;
/** An identity multihash over a protobuf of 36 bytes: key type Ed25519, 32 bytes of key. */
const PEER_ID_PREFIX = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20] as const;
const KEY_BYTES = 32;

/** The address of member `index` (0 … 2^32 - 1) at `host` (an IPv4 address) and `port`. */
export function memberAddressBytes(index: number, host = "127.0.0.1", port = 7_421): Uint8Array {
  const key = new Uint8Array(KEY_BYTES);
  new DataView(key.buffer).setUint32(0, index);
  const octets = host.split(".").map(Number);
  const id = [...PEER_ID_PREFIX, ...key];
  return Uint8Array.from([
    CODE.ip4,
    ...octets,
    CODE.tcp,
    port >> 8,
    port & 0xff,
    ...CODE.p2p,
    id.length,
    ...id,
  ]);
}
