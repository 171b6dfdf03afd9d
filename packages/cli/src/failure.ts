/**
 * Turns whatever went wrong into what a person needs: what failed, whether anything changed, and the next step; and into the
 * exit code. Every error code has a next step here, so that none can be forgotten.
 */
import { ERROR_CODES, type ErrorCode } from "@pulsemesh/core";
import { EXIT } from "./exit-code.ts";
import { printable } from "./printable.ts";

/** What the command knew, to name it in the next step. */
export interface FailureContext {
  /** `pulsemesh run`, for the help line. */
  readonly command: string;
  readonly url?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly robot?: string | undefined;
  /** The command changes something, so an answer that never came leaves open whether it did. */
  readonly writes?: boolean | undefined;
  /** Overrides the next step of the code. */
  readonly next?: string | undefined;
}

export interface Failure {
  readonly lines: readonly string[];
  readonly exit: number;
}

const nextSteps: Readonly<Record<ErrorCode, (context: FailureContext) => string>> = {
  "robot-id-invalid": () =>
    "use letters, digits, '.', '_', ':' and '-', starting with a letter or digit, at most 128 characters",
  "robot-unknown": ({ robot }) =>
    `pulsemesh status   lists the robots; pulsemesh ping ${robot ?? "ROBOT"} --create   registers this one`,
  "robot-alive": ({ robot }) =>
    `stop the robot and repeat when it is down, or run it on the machine of its home: pulsemesh robot retire ${robot ?? "ROBOT"}`,
  "peer-unknown": () => "pulsemesh peers   lists the nodes by name and id",
  "peer-alive": () =>
    "stop that node for good first (its process still runs), then repeat when `pulsemesh peers` shows it down",
  "peer-uncertain": () =>
    "ask a node that shows it down, with --url; or repeat with --certain if you know that it is gone for good",
  "robot-not-granted": () =>
    "ask a node whose grant is about the robot, or have this node granted it",
  "robots-max": () => "let another node host the robot, or retire robots that are gone",
  "beats-too-many": () => "beat at most 10 times a second, then repeat the command",
  "schedule-invalid": () =>
    "give --every and --grace from 100ms to 31d and --missed from 1 to 100, or --cron with five fields and --tz with a zone such as Europe/Vienna",
  "label-invalid": () => "write labels as --label KEY=VALUE, at most 32 of them",
  "state-too-large": () =>
    "keep a robot's state under 16 KiB; put what is bigger elsewhere and link it",
  "state-too-deep": () => "nest a robot's state at most 32 deep",
  "state-invalid": () => "give KEY=VALUE pairs or one JSON object",
  "precondition-failed": ({ robot }) =>
    `pulsemesh state get ${robot ?? "ROBOT"} --json   shows the state and etag as they are now; then repeat`,
  observer: () =>
    "give it to a node that is no observer, with --url: pulsemesh peers   lists the fleet",
  "verdict-none": () =>
    "ask a node that was there, with --url: pulsemesh peers   lists them; one that stands every node knows within seconds",
  "bundle-invalid": () =>
    "export it again and change nothing in it: pulsemesh explain NODE --bundle FILE",
  "bundle-newer": () => "verify it with the version of pulsemesh that made it, or a later one",
  "backup-running": () => "wait until the other backup of this node is done, then repeat",
  "backup-damaged": () =>
    "use another backup; take one again with: pulsemesh backup FILE, and check it with: pulsemesh backup verify FILE",
  "backup-unwritable": () =>
    "name a file in a folder that exists and that you may write to, on a disk with room",
  twin: () =>
    "find the other process (its machine is a copy of this one's disk), stop it and start it on an empty --data folder; pulsemesh doctor   shows when it is gone",
  "not-ready": () => "wait until the node has joined (GET /readyz answers 200), then repeat",
  "statement-malformed": () => "hand it over as it was signed",
  "statement-oversized": () => "name fewer patterns, or fewer statements that are kept",
  "statement-unknown": () => "upgrade that node, or hand it over to one of a later version",
  "fleet-foreign": () => "send it to a node of the fleet that it names",
  "signer-unknown": () => "hand over the root statement that names its signer first",
  "invite-needed": () =>
    "pulsemesh invite   where the issuer's key is, then here: pulsemesh run --join INVITE",
  "network-key-needed": () =>
    "ask whoever runs that fleet for its network's key, the same file for every node, and name it with --network-key-file FILE",
  "issuer-none": () =>
    "ask the node where the fleet was made, or to which its issuer was moved: --url",
  "issuer-last": () =>
    "do what the line above says, and repeat; if the fleet is to have no issuer: pulsemesh leave --without-issuer",
  "authority-full": () => "start another fleet: this one holds as many as it can",
  "json-invalid": () =>
    "check the JSON, for instance with: node -p 'JSON.parse(process.argv[1])' '…'",
  "request-invalid": ({ command }) => `${command} --help`,
  "media-type-unsupported": () => "send application/json",
  "body-too-large": () => "send at most 1 MiB",
  "not-found": () => "check that --url names a pulsemesh node of this version: pulsemesh doctor",
  "method-not-allowed": () =>
    "check that --url names a pulsemesh node of this version: pulsemesh doctor",
  "event-streams-max": () => "end other readers of this node's events, or ask another node",
  "headers-too-large": () => "ask with fewer headers",
  "host-forbidden": () => "ask by 127.0.0.1 or localhost, as the node listens on loopback only",
  "origin-forbidden": () => "ask from a page of the node itself, or from a shell",
  "request-timed-out": () => "send the whole request at once, then repeat",
  "store-locked": () => "stop the process that holds it, or choose another folder with --data",
  "store-failed": ({ dataDir }) =>
    `pulsemesh doctor --data ${dataDir ?? "DIR"}   checks disk and file modes`,
  "store-full": ({ dataDir }) =>
    `free disk space under ${dataDir ?? "the data folder"}; a node that runs recovers by itself`,
  "store-newer": () =>
    "run the newer pulsemesh that wrote this folder, or choose another with --data",
  "data-dir-unusable": () =>
    "do what the line above says; where the folder cannot be written to, name another with --data",
  "address-in-use": () => "choose another address with --http or --listen",
  "address-invalid": () =>
    "write HTTP addresses as HOST:PORT and mesh addresses as /ip4/0.0.0.0/tcp/7421",
  "fleet-mismatch": () =>
    "choose an empty folder with --data to join that fleet, or an address or invite of the fleet that is meant",
  "join-failed": () =>
    "check with `pulsemesh peers` on the other machine that the node runs and that the address is one of its own (`pulsemesh invite` there makes an invite with those of now), and, in a private network, that --network-key-file is the same on both",
  "http-insecure": () =>
    "keep --http on 127.0.0.1, or give --tls-cert, --tls-key and --token-file, or add --insecure-http if everybody who reaches the port may read and write",
  "config-invalid": () => "correct the lines above, then: pulsemesh config check FILE",
  "config-none": () =>
    "start the node with --config FILE; pulsemesh config init --out FILE   writes one",
  "data-dir-open": ({ dataDir }) =>
    `type the chmod above, or add --shared-data where others may have ${dataDir ?? "the folder"}`,
  "tls-invalid": () =>
    "give --tls-cert and --tls-key a valid certificate and its own key, both in PEM",
  "token-file-invalid": () =>
    "put one line of at least 16 characters into a file that only you may read, and name it with --token-file",
  "token-wrong": () => "name the node's token with --token-file FILE or PULSEMESH_TOKEN_FILE",
  "operator-only": () =>
    "run this command on the node's own machine, or give the node --tls-cert, --tls-key and --token-file",
  "passphrase-wrong": ({ command }) =>
    `name the file that holds the key's passphrase with ${command === "pulsemesh run" ? "--issuer-passphrase-file" : "--passphrase-file"}`,
  "passphrase-file-invalid": () =>
    "put one line of at least 12 characters into a file that only you may read, and name it with --passphrase-file",
  "request-malformed": () => "hand over the file as the node wrote it: pulsemesh request > FILE",
  "grant-beyond": () => "grant roles and robots that the root statement lets this issuer grant",
  "grant-none": () =>
    "enrol the node with an invite: it was never granted anything, or its grant ended over 180 days ago",
  "key-revoked": () =>
    "start the node on an empty --data folder and enrol it with an invite: a revoked key never counts again",
  "invite-malformed": () => "copy the whole invite, one word that begins with pulsemesh:",
  "invite-unknown": () =>
    "ask for another invite: this one was never made there, was withdrawn, or was forgotten after its end",
  "invite-used": () => "ask for another invite, and whether somebody else has used this one",
  "invite-expired": () => "ask for another invite, with a longer --ttl",
  "invite-foreign": () => "use the invite at the node that made it",
  "invites-max": () => "wait until some have expired, or make one invite for several with --uses",
  "enrol-rate": () => "repeat after a minute",
  "option-invalid": ({ command }) => `${command} --help`,
  "node-unreachable": () =>
    "start a node with `pulsemesh run`, or name another one with --url or PULSEMESH_URL",
  "timed-out": () => "repeat with a longer --timeout",
  stopped: () => "start the node again with `pulsemesh run`",
  internal: () => "pulsemesh doctor; if it stays, report it with the lines above",
};

const fileFaults: readonly string[] = [
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOSPC",
  "EDQUOT",
  "EIO",
  "ENOTDIR",
  "EISDIR",
  "ELOOP",
  "ENAMETOOLONG",
];
const readingCalls: readonly string[] = ["open", "scandir", "stat", "lstat", "read"];
const certificateFaults = /CERT|VERIFY_LEAF|ALTNAME/;
const noConnection: readonly string[] = [
  "ECONNREFUSED",
  "ENOTFOUND",
  "ERR_SSL_WRONG_VERSION_NUMBER",
];

/** Whether `code` is one of the registry's. */
function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERROR_CODES, code);
}

/** The code of an error from core, node, gateway or client; `internal` for anything else. */
export function errorCodeOf(error: unknown): ErrorCode {
  const code =
    typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return isErrorCode(code) ? code : "internal";
}

/** Whether a node merely does not answer, as while it restarts; whoever watches tries again. */
export function isAway(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === "node-unreachable" || code === "timed-out";
}

/** What failed, on one line, for whoever has words of its own for the rest. */
export function failureText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return printable(saidOnce(message.trim()));
}

/** The lines to print on stderr and the code to exit with. */
export function describeFailure(error: unknown, context: FailureContext): Failure {
  const code = errorCodeOf(error);
  if (isFolderGone(error)) return folderGone(context);
  if (code === "internal" && isFileFault(error)) return fileFault(error, context);
  const own = code === "internal" ? nextStepOf(error) : undefined;
  const next =
    context.next ??
    certificateNext(error) ??
    schemeNext(error, context) ??
    own ??
    nextSteps[code](context);
  const lines = [
    `${context.command}: ${failureText(error)}`,
    `${changedLine(error, context)} Next: ${next}`,
  ];
  if (own !== undefined) return { lines, exit: EXIT.unknown };
  if (code === "internal" && error instanceof Error && error.stack !== undefined) {
    lines.push(error.stack);
  }
  return { lines, exit: code === "internal" ? EXIT.no : ERROR_CODES[code].exit };
}

/** Errors of the client bring their own next step, also under codes that only the client has. */
function nextStepOf(error: unknown): string | undefined {
  const next = typeof error === "object" && error !== null && "next" in error ? error.next : "";
  return typeof next === "string" && next !== "" ? next : undefined;
}

/** The shell stands in a folder that somebody removed; whoever resolves a name there fails in the middle of anything. */
function isFolderGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("syscall" in error && error.syscall === "uv_cwd") || isFolderGone(error.cause);
}

function folderGone({ command }: FailureContext): Failure {
  const lines = [
    `${command}: Cannot find the folder that this shell is in: it was removed.`,
    "Nothing was changed. Next: cd to a folder that exists, then repeat the command",
  ];
  return { lines, exit: EXIT.usage };
}

interface FileFault extends Error {
  readonly syscall: string;
  readonly path: string;
}

/** The file system says no, to a user who is another one, or on a disk that takes nothing: no bug of the program, and it names the place. */
function isFileFault(error: unknown): error is FileFault {
  return (
    error instanceof Error &&
    "syscall" in error &&
    "path" in error &&
    codesOf(error).some((code) => fileFaults.includes(code))
  );
}

function fileFault(error: FileFault, { command }: FailureContext): Failure {
  const changed = readingCalls.includes(error.syscall)
    ? "Nothing was changed."
    : "Part of it may have taken effect.";
  const next = `see that this user may use ${printable(error.path)}, and that its disk has room`;
  return {
    lines: [`${command}: ${failureText(error)}`, `${changed} Next: ${next}`],
    exit: EXIT.usage,
  };
}

/** Somebody answers, by the other of HTTP and HTTPS: it is not the node that is missing. */
function schemeNext(error: unknown, { url = "" }: FailureContext): string | undefined {
  const codes = codesOf(error);
  if (codes.includes("ERR_SSL_WRONG_VERSION_NUMBER"))
    return `what answers there does not speak HTTPS: try --url ${url.replace(/^https:/, "http:")}`;
  if (!codes.includes("UND_ERR_SOCKET") || !url.startsWith("http:")) return undefined;
  return `somebody took the connection and closed it: if the node has a certificate, try --url ${url.replace(/^http:/, "https:")}; pulsemesh doctor --url ${url}   says more`;
}

/** A connection that only the certificate prevents looks like one that nobody answers. */
function certificateNext(error: unknown): string | undefined {
  const fault = codesOf(error).find((code) => certificateFaults.test(code));
  return fault === undefined
    ? undefined
    : `its certificate is not trusted (${fault}): name it, or who signed it, with --ca-file FILE, and ask by a name that is in it`;
}

/** The message without its own "Nothing was changed", which the second line says; what it advises stays. */
function saidOnce(message: string): string {
  return message.replace(/ Nothing was changed(?:\.|; (.))/, (_all, first: string | undefined) =>
    first === undefined ? "" : ` ${first.toUpperCase()}`,
  );
}

function changedLine(error: unknown, { writes = false }: FailureContext): string {
  if (typeof error !== "object" || error === null || !("changed" in error)) {
    return "Nothing was changed.";
  }
  if (error.changed === true) return "Part of it has taken effect.";
  const open = error.changed === undefined && writes && !wasRefused(error);
  return open ? "It may have taken effect." : "Nothing was changed.";
}

/** No connection came about, or no trust in who answers, so nothing can have happened at the other end. */
function wasRefused(error: object): boolean {
  return codesOf(error).some((code) => noConnection.includes(code) || certificateFaults.test(code));
}

/** The codes of an error and of what caused it, outermost first. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  let at: unknown = error;
  while (typeof at === "object" && at !== null) {
    if ("code" in at && typeof at.code === "string") codes.push(at.code);
    at = "cause" in at ? at.cause : undefined;
  }
  return codes;
}
