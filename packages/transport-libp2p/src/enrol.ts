/** A stranger's side of enrolment (rule ME7): finds the issuer that made an invite, asks once, and takes its answer. */
import { StreamResetError, StreamStateError, UnsupportedProtocolError } from "@libp2p/interface";
import { type FleetId, PulsemeshError } from "@pulsemesh/core";
import { ENROLMENT_ANSWER_BYTES_MAX } from "./enrolment-desk.ts";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeFrame } from "./frames.ts";
import { dialFaultOf } from "./dial-fault.ts";
import { systemNames } from "./name-lookup.ts";
import type { NameService } from "./name-lookup.ts";
import { OneFrameError, readOneFrame } from "./one-frame.ts";
import { checkJoinAddresses } from "./options.ts";
import { noHandshakeWords, readNetworkKey } from "./private-network.ts";
import { readPrivateKey } from "./private-key.ts";
import { enrolmentProtocol } from "./protocol-ids.ts";
import { visit, type Visit, type VisitOptions, VisitTimeoutError } from "./visit.ts";

const ANSWER_MS = 7_000;
/** Before it asks again, doubled each time; with chance, so that those who were hung up on together do not come again together. */
const AGAIN_MS = 1_000;
/** Longest time for all addresses and tries together: five tries at one that is too busy, or eight addresses that take a connection and say nothing. */
const ENROL_MS_MAX: number = 75_000;
/** Whoever waits hears of it this often. */
const SAID_EVERY_MS = 5_000;

/** Where the time goes while nobody answers. */
export interface EnrolWait {
  /** The address that is being asked, or was asked last. */
  readonly address: string;
  readonly waitedMs: number;
  /** After how long it is given up. */
  readonly limitMs: number;
}

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
  /** How often to ask in all an issuer that hangs up, as when many ask at once. @default 1 */
  readonly tries?: number | undefined;
  /** Longest time for one address, in ms. @default 8000 */
  readonly visitMs?: number | undefined;
  /** Longest time in all, in ms. @default 75000 */
  readonly limitMs?: number | undefined;
  /** Called every 5 s while nobody answers. @default nobody is told */
  readonly waiting?: ((wait: EnrolWait) => void) | undefined;
  /** @default the system's */
  readonly names?: NameService | undefined;
}

/**
 * The issuer's answer, opaque here.
 * @throws PulsemeshError `address-invalid`, `option-invalid`; `join-failed` when no issuer answers, with why
 */
export async function enrol(options: EnrolOptions): Promise<Uint8Array> {
  const { limitMs = ENROL_MS_MAX, names = systemNames() } = options;
  const key = await readPrivateKey(options.privateKey);
  const networkKey = options.networkKey && readNetworkKey(options.networkKey);
  const addresses = checkJoinAddresses(options.addresses);
  const late = AbortSignal.timeout(limitMs);
  const signal = AbortSignal.any([late, ...(options.signal === undefined ? [] : [options.signal])]);
  const wait = { address: addresses[0] ?? "", limitMs };
  const stopSaying = sayEvery(wait, options.waiting);
  try {
    const how = { key, names, networkKey, signal, limitMs: options.visitMs };
    const said = await askAll(options, addresses, how, wait);
    if ("answer" in said) return said.answer;
    const open = said.failures.filter((failure) => !isClosed(failure));
    const after = late.aborted ? ` It was given up after ${Math.round(limitMs / 1_000)} s.` : "";
    throw new PulsemeshError(
      "join-failed",
      `Cannot enrol by ${addresses.join(", ")}: ${whyNot(open, networkKey !== undefined)}.${after}`,
      { cause: open.find(isBusy) ?? open[0] ?? said.failures[0] },
    );
  } finally {
    stopSaying();
  }
}

/** Asks at one address after the other, and again where somebody was too busy; what came of the last time at each, where nobody answered. */
async function askAll(
  { fleet, request, tries = 1 }: EnrolOptions,
  addresses: readonly string[],
  how: VisitOptions & { readonly signal: AbortSignal },
  wait: { address: string },
): Promise<{ readonly answer: Uint8Array } | { readonly failures: readonly unknown[] }> {
  const failures = new Map<string, unknown>();
  for (let round = 0; round < tries && !how.signal.aborted; round += 1) {
    for (const address of addresses) {
      if (how.signal.aborted) break;
      wait.address = address;
      try {
        return { answer: await visit(address, how, (it) => ask(it, fleet, request)) };
      } catch (error) {
        // What ends with the time, or with who waits, says nothing of the address that was asked before.
        if (!how.signal.aborted || !failures.has(address)) failures.set(address, error);
      }
    }
    if (![...failures.values()].some(isBusy)) break;
    const waitMs = AGAIN_MS * 2 ** round * (0.5 + Math.random());
    if (round + 1 < tries)
      await sleep(waitMs, undefined, { signal: how.signal }).catch(ignoreAbort);
  }
  return { failures: [...failures.values()] };
}

/** Answers how to end it. */
function sayEvery(
  wait: Omit<EnrolWait, "waitedMs">,
  waiting: EnrolOptions["waiting"] = ignoreWait,
): () => void {
  const sinceMs = performance.now();
  const timer = setInterval(
    () => waiting({ ...wait, waitedMs: Math.round(performance.now() - sinceMs) }),
    SAID_EVERY_MS,
  );
  return () => clearInterval(timer);
}

function ignoreWait(): void {
  // Nobody wants to hear it.
}

/** Whether an enrolment failed as nobody at any of the addresses takes anybody in now. */
export function isDeskClosed(error: unknown): boolean {
  return error instanceof PulsemeshError && isClosed(error.cause);
}

/** @param open what came of the addresses where somebody may be taken in */
function whyNot(open: readonly unknown[], hasKey: boolean): string {
  if (open.length === 0)
    return "the node there takes nobody in now: its invites are used up or over, or it is of another fleet";
  if (open.every((failure) => failure instanceof VisitTimeoutError))
    return "who listens there takes up connections and says nothing more in time: it is too busy, or no issuer of that fleet";
  if (open.some(isBusy))
    return "the issuer there has no time: it is asked by too many, or has just started";
  if (open.some((failure) => dialFaultOf(failure) === "no-handshake"))
    return `something listens there, and no handshake comes about: ${noHandshakeWords(hasKey)}`;
  return "no issuer answered there";
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

/** Hung up on before any answer, or kept waiting: it is asked by too many, or does not answer yet. */
function isBusy(error: unknown): boolean {
  if (error instanceof VisitTimeoutError) return true;
  if (error instanceof OneFrameError) return error.fault !== "malformed" && !error.partial;
  // While the protocol is being agreed upon, or before the question is out.
  return error instanceof StreamResetError || error instanceof StreamStateError;
}

function ignoreAbort(): void {
  // The next visit sees the abort.
}

function isClosed(error: unknown): boolean {
  return (
    error instanceof UnsupportedProtocolError ||
    (error instanceof Error && error.name === "UnsupportedProtocolError")
  );
}
