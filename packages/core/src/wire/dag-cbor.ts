/** The codec of the wire and the disk: dag-cbor in its strict form, the one library that core brings along (ADR on dependencies). */
import { decode, encode } from "@ipld/dag-cbor";
import type { CodecPort } from "../ports.ts";

/** Codec port for every driver, real or simulated. */
export const dagCborCodec: CodecPort = {
  encode: (value) => encode(value),
  decode: (bytes): unknown => decode(bytes),
};
