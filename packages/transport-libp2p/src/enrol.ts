/** A stranger's side of enrolment (rule ME7): finds the issuer that made an invite, asks once, and takes its answer. */
import { UnsupportedProtocolError } from "@libp2p/interface";
import { type FleetId, PulsemeshError } from "@pulsemesh/core";
import { ENROLMENT_ANSWER_BYTES_MAX } from "./enrolment-desk.ts";
import { encodeFrame } from "./frames.ts";
import { systemNames } from "./name-lookup.ts";
import type { NameService } from "./name-lookup.ts";
import { readOneFrame } from "./one-frame.ts";
import { checkJoinAddresses } from "./options.ts";
import { readNetworkKey } from "./private-network.ts";
import { readPrivateKey } from "./private-key.ts";
import { enrolmentProtocol } from "./protocol-ids.ts";
import { visit, type Visit } from "./visit.ts";

const ANSWER_MS = 7_000;

export interface EnrolOptions {
  /** Addresses of the issuer, tried in turn, each ending in `/p2p/<its id>`: nobody else can answer there. */
  readonly addresses: readonly string[];
  readonly fleet: FleetId;
  /** The node key, as in the transport's options. */
  readonly privateKey: Uint8Array;
  readonly request: Uint8Array;
  /** Of the private network that the issuer is in, as its file holds it. @default it is in none */
  readonly networkKey?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
  /** @default the system's */
  readonly names?: NameService | undefined;
}

/**
 * The issuer's answer, opaque here.
 * @throws PulsemeshError `address-invalid`, `option-invalid`; `join-failed` when no issuer answers, with why
 */
export async function enrol(options: EnrolOptions): Promise<Uint8Array> {
  const { fleet, request, signal, names = systemNames() } = options;
  const key = await readPrivateKey(options.privateKey);
  const networkKey = options.networkKey && readNetworkKey(options.networkKey);
  const addresses = checkJoinAddresses(options.addresses);
  let failure: unknown;
  for (const address of addresses) {
    try {
      return await visit(address, { key, names, networkKey, signal }, (it) =>
        ask(it, fleet, request),
      );
    } catch (error) {
      failure = error;
    }
  }
  const why = isClosed(failure)
    ? "the node there takes nobody in now: its invites are used up or over, or it is of another fleet"
    : "no issuer answered there";
  throw new PulsemeshError("join-failed", `Cannot enrol by ${addresses.join(", ")}: ${why}.`, {
    cause: failure,
  });
}

async function ask(
  { connection, signal }: Visit,
  fleet: FleetId,
  request: Uint8Array,
): Promise<Uint8Array> {
  const stream = await connection.newStream(enrolmentProtocol(fleet), {
    signal,
    negotiateFully: true,
  });
  const answer = readOneFrame(stream, ENROLMENT_ANSWER_BYTES_MAX, ANSWER_MS);
  // A stream that is gone already throws at the first byte: then nobody waits for the answer, and its end must not end the process.
  answer.catch(() => undefined);
  stream.send(encodeFrame(request));
  return answer;
}

function isClosed(error: unknown): boolean {
  return (
    error instanceof UnsupportedProtocolError ||
    (error instanceof Error && error.name === "UnsupportedProtocolError")
  );
}
