/** Title and next step of every code. The compiler demands an entry for each code of the registry (STYLE rule 30). */
import { type ErrorCode, ROBOT_ID_RULE } from "@pulsemesh/core";

export interface ProblemText {
  readonly title: string;
  readonly next: string;
}

export const PROBLEM_TEXTS: Readonly<Record<ErrorCode, ProblemText>> = {
  "robot-id-invalid": { title: "Robot id invalid", next: `Choose another id: ${ROBOT_ID_RULE}.` },
  "robot-unknown": {
    title: "Robot unknown",
    next: "Check the id with GET /api/v1/robots, or register the robot with POST /heartbeat/{robot}.",
  },
  "robot-alive": {
    title: "Robot alive elsewhere",
    next: "Stop the robot and wait until its home says down, or send the request to the node that hosts it.",
  },
  "peer-unknown": {
    title: "Node unknown",
    next: "Check the id with GET /api/v1/peers.",
  },
  "peer-alive": {
    title: "Node alive",
    next: "Stop the node first, and wait until GET /api/v1/peers shows it down or unknown.",
  },
  "peer-uncertain": {
    title: "Node not heard, which may live",
    next: "Ask a node that shows it down, or repeat with ?certain=1 if it is gone for good.",
  },
  "robots-max": {
    title: "Too many robots",
    next: "Retire robots that are gone, or send this robot's beats to another node.",
  },
  "robot-not-granted": {
    title: "Robot beyond the grant",
    next: "Ask a node whose grant is about this robot, or have this node granted it.",
  },
  "beats-too-many": {
    title: "Too many beats",
    next: "Wait as long as Retry-After says; one beat a second is plenty.",
  },
  "schedule-invalid": {
    title: "Schedule invalid",
    next: "Give an interval from 100ms to 31d, or a cron line of five fields with a time zone.",
  },
  "label-invalid": { title: "Label invalid", next: "Correct the label that the detail names." },
  "state-too-large": {
    title: "State too large",
    next: "Remove fields (set them to null) or keep large data elsewhere: a state holds 16 KiB. Nothing was changed.",
  },
  "state-too-deep": {
    title: "State too deep",
    next: "Flatten the state: it may nest 32 levels. Nothing was changed.",
  },
  "state-invalid": {
    title: "State invalid",
    next: 'Send a JSON object as merge patch, such as {"status":"scanning"}. Nothing was changed.',
  },
  "precondition-failed": {
    title: "Changed meanwhile",
    next: "Read it again and repeat the request with its new ETag in If-Match.",
  },
  "statement-malformed": {
    title: "No statement",
    next: "Send one as it was signed, a compact JWS. Nothing was changed.",
  },
  "statement-oversized": {
    title: "Statement too long",
    next: "Name fewer patterns, or fewer statements that are kept. Nothing was changed.",
  },
  "statement-unknown": {
    title: "Statement of a later version",
    next: "Send it to a node of the version that signed it, or upgrade this one. Nothing was changed.",
  },
  "fleet-foreign": {
    title: "Statement of another fleet",
    next: "Send it to a node of the fleet that it names; GET /api/v1/peers says which fleet this node is in.",
  },
  "signer-unknown": {
    title: "Signer without authority",
    next: "Hand over the root statement that names the signer first, or sign with a key that it names.",
  },
  "network-key-needed": {
    title: "The fleet is a private network",
    next: "Give the node the key of that network, with --network-key-file FILE.",
  },
  "invite-needed": {
    title: "An invite is needed",
    next: "Make one with `pulsemesh invite` where the issuer's key is, and start with --join INVITE.",
  },
  "issuer-none": {
    title: "No issuer here",
    next: "Ask the node that holds the issuer's key: where the fleet was made, or to which it was moved.",
  },
  "issuer-last": {
    title: "The fleet would have no issuer",
    next: "Let another member issue first, with `pulsemesh key rotate issuer`; or leave all the same with ?without_issuer=1.",
  },
  "authority-full": {
    title: "Too many statements",
    next: "Ten thousand grants and as many revocations are held; start another fleet for more.",
  },
  observer: {
    title: "This node is an observer",
    next: "Give beats, pings and patches to a node of the fleet that is none: GET /api/v1/peers names them.",
  },
  twin: {
    title: "This node runs twice",
    next: "Stop one of the two processes and give it a data folder of its own; the other goes on by itself a moment later. Send the request again then.",
  },
  "not-ready": { title: "Node not ready", next: "Wait until GET /readyz answers 200." },
  "json-invalid": { title: "JSON invalid", next: "Send valid JSON in UTF-8." },
  "request-invalid": {
    title: "Request invalid",
    next: "Correct what the detail names; GET /openapi.json describes every request.",
  },
  "media-type-unsupported": {
    title: "Media type unsupported",
    next: "Send it as the media type that GET /openapi.json names for this request.",
  },
  "body-too-large": { title: "Body too large", next: "Send at most 1 MiB." },
  "headers-too-large": { title: "Headers too large", next: "Send at most 16 KiB of headers." },
  "request-timed-out": {
    title: "Request too slow",
    next: "Send the whole request within 10 s.",
  },
  "host-forbidden": {
    title: "Host not served",
    next: "Call this node as localhost, 127.0.0.1 or [::1]: it serves this machine only.",
  },
  "origin-forbidden": {
    title: "Request from another site",
    next: "Call from a program, or from a page that this node served.",
  },
  "event-streams-max": {
    title: "Too many event streams",
    next: "Close streams that nobody reads, or read from another node of the fleet.",
  },
  "not-found": { title: "No such page", next: "See GET /openapi.json for what there is." },
  "method-not-allowed": {
    title: "Method not allowed",
    next: "Use one of the methods in the Allow header.",
  },
  "store-locked": {
    title: "Data directory in use",
    next: "Stop the process that holds it, or give this node another --data directory.",
  },
  "store-failed": {
    title: "Not stored",
    next: "Check the disk of this node, then send the request again: it was not acknowledged.",
  },
  "store-full": {
    title: "Disk full",
    next: "Free space on the disk of this node; it recovers alone. Then send the request again.",
  },
  "store-newer": {
    title: "Data of a newer version",
    next: "Run the version that wrote this data directory, or a later one.",
  },
  "verdict-none": {
    title: "No verdict known",
    next: "Ask a node that was there when it was made; one that stands is known to all within seconds.",
  },
  "bundle-invalid": {
    title: "No bundle",
    next: "Take it as GET /api/v1/nodes/{id}/evidence gave it, byte for byte.",
  },
  "bundle-newer": {
    title: "Bundle of a later version",
    next: "Verify it with the version that made it, or a later one.",
  },
  "backup-running": {
    title: "Backup under way",
    next: "Wait until the backup that somebody else is taking of this node is done, then ask again.",
  },
  "backup-damaged": {
    title: "No whole backup",
    next: "Use another backup; pulsemesh backup verify FILE names what is wrong with this one.",
  },
  "backup-unwritable": {
    title: "Backup not written",
    next: "Name a file in a folder that exists and may be written to, on a disk with room.",
  },
  "data-dir-unusable": {
    title: "Data directory unusable",
    next: "Give the node a directory that it may write to with --data.",
  },
  "address-in-use": {
    title: "Address in use",
    next: "Stop the process that listens there, or choose another port.",
  },
  "address-invalid": {
    title: "Address invalid",
    next: "Give an address of this machine, such as 127.0.0.1:7420.",
  },
  "fleet-mismatch": {
    title: "Another fleet",
    next: "Join by an address of a node of the same fleet, or use another --data directory.",
  },
  "join-failed": {
    title: "Could not join",
    next: "Check that the address is right and that the node there is running.",
  },
  "http-insecure": {
    title: "HTTP beyond this machine",
    next: "Listen on 127.0.0.1, or accept the risk with --insecure-http: anybody who reaches the port may write.",
  },
  "config-invalid": {
    title: "Configuration invalid",
    next: "Correct what the detail names, and reload again: until then the node goes on with what it had.",
  },
  "config-none": {
    title: "No config file",
    next: "Start the node with --config FILE; without one there is nothing to reload.",
  },
  "data-dir-open": {
    title: "Data directory open to others",
    next: "Close it with the chmod that the detail names, or start with --shared-data.",
  },
  "tls-invalid": {
    title: "Certificate or key unusable",
    next: "Give a valid certificate and its own key in PEM.",
  },
  "token-file-invalid": {
    title: "Token file unusable",
    next: "Put one line of at least 16 characters into a file that only its owner may read.",
  },
  "token-wrong": {
    title: "Token missing or wrong",
    next: "Send the header Authorization: Bearer TOKEN with this node's token.",
  },
  "operator-only": {
    title: "For this node's operator only",
    next: "Ask at http://127.0.0.1 on the node's own machine or by its Unix socket, or give the node a certificate and a token.",
  },
  "passphrase-wrong": {
    title: "Passphrase missing or wrong",
    next: "Name the file with the passphrase of that key.",
  },
  "passphrase-file-invalid": {
    title: "Passphrase file unusable",
    next: "Put one line of at least 12 characters into a file that only its owner may read.",
  },
  "request-malformed": {
    title: "No request of a node",
    next: "Hand it over as the node wrote it, one line that begins with pulsemesh-request:.",
  },
  "grant-beyond": {
    title: "Beyond what may be granted",
    next: "Grant roles and robots that the root statement lets this issuer grant.",
  },
  "grant-none": {
    title: "Nothing to renew",
    next: "Enrol the node with an invite: it was never granted anything, or its grant ended over 180 days ago.",
  },
  "key-revoked": {
    title: "Key revoked",
    next: "Start the node on an empty data directory and enrol it with an invite: a revoked key never counts again.",
  },
  "invite-malformed": {
    title: "No invite",
    next: "Copy the whole of it, one word that begins with pulsemesh:.",
  },
  "invite-unknown": {
    title: "Invite unknown",
    next: "Ask for another invite: this one was never made here, was withdrawn, or was forgotten after its end.",
  },
  "invite-used": {
    title: "Invite used up",
    next: "Ask for another invite, and whether somebody else has used this one.",
  },
  "invite-expired": {
    title: "Invite expired",
    next: "Ask for another invite, with a longer ttl.",
  },
  "invite-foreign": {
    title: "Invite of another issuer",
    next: "Use the invite at the node that made it.",
  },
  "invites-max": {
    title: "Too many invites",
    next: "Wait until some have expired; one invite can have several uses.",
  },
  "enrol-rate": {
    title: "Too many attempts to enrol",
    next: "Repeat after a minute.",
  },
  "option-invalid": { title: "Option invalid", next: "Correct the option that the detail names." },
  "node-unreachable": {
    title: "Node unreachable",
    next: "Check that the node runs and that the address is right.",
  },
  "timed-out": { title: "Timed out", next: "Try again, or allow more time." },
  stopped: { title: "Node stopping", next: "Send the request to another node, or again later." },
  internal: {
    title: "Internal error",
    next: "Look into the node's log for the cause, and please report it.",
  },
};
