/** Why a dial came to nothing, in the few words that tell an operator what to look at. */

/** `wrong-node`: somebody else answers there; `no-handshake`: a connection stood, and both found no common language; `not-dialled`: refused, or given up, before anything was sent. */
const DIAL_FAULTS = [
  "refused",
  "timed-out",
  "unreachable",
  "name-unknown",
  "wrong-node",
  "no-handshake",
  "not-dialled",
  "failed",
] as const;

export type DialFault = (typeof DIAL_FAULTS)[number];

/** What may come of a dial. */
export const DIAL_OUTCOMES: readonly (DialFault | "reached")[] = ["reached", ...DIAL_FAULTS];

/** Name of an error that says so. */
export const NO_HANDSHAKE = "NoHandshakeError";

const FAULTS: Readonly<Record<string, DialFault>> = {
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timed-out",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  EHOSTDOWN: "unreachable",
  ENOTFOUND: "name-unknown",
  EAI_AGAIN: "name-unknown",
  ENODATA: "name-unknown",
  ESERVFAIL: "name-unknown",
  AbortError: "timed-out",
  TimeoutError: "timed-out",
  [NO_HANDSHAKE]: "no-handshake",
  // What the host says of an address that none of its transports takes, such as a WebSocket where there are none.
  NoValidAddressesError: "not-dialled",
};

/** What noise says of a key that is not the expected one; the host hands on its words alone. */
const OTHER_KEY = /identity key .* does not match/;

/** The fault behind an error of a dial or of a name. */
export function dialFaultOf(error: unknown): DialFault {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code: unknown = Reflect.get(at, "code");
    const fault = FAULTS[typeof code === "string" ? code : ""] ?? FAULTS[at.name];
    if (fault !== undefined) return fault;
    if (OTHER_KEY.test(at.message)) return "wrong-node";
    if (at instanceof AggregateError && at.errors.length > 0) return dialFaultOf(at.errors[0]);
  }
  return "failed";
}
