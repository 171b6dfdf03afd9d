/** Broken rules about tokens, keys on disk and enrolment: what a thief, a crash or a second try would gain. */
import type { Killer, Mutation } from "./mutation.ts";

const AUTHORITY = "packages/node/src/authority/";
const KEYS = "packages/node/src/keys/";
const TOKENS = "packages/node/src/ports/tokens.ts";

const unit = (file: string, title: string): Killer => ({ project: "unit", file, title });
const tokens = (title: string): Killer => unit("packages/node/src/ports/tokens.test.ts", title);
const redeem = (title: string): Killer => unit(`${AUTHORITY}redeem.test.ts`, title);
const enrolled = (title: string): Killer => unit(`${AUTHORITY}enrol-node.test.ts`, title);
const sealing = (title: string): Killer => unit(`${AUTHORITY}seal-issuer.test.ts`, title);
const guards = (title: string): Killer => unit(`${AUTHORITY}issuing-guards.test.ts`, title);
const request = (title: string): Killer => unit(`${AUTHORITY}grant-request.test.ts`, title);
const fleet = (title: string): Killer => unit(`${AUTHORITY}fleet-authority.test.ts`, title);
const journal = (title: string): Killer => unit(`${AUTHORITY}init-journal.test.ts`, title);
const secret = (title: string): Killer => unit(`${KEYS}secret-file.test.ts`, title);

const integration = (file: string, title: string): Killer => ({
  project: "integration",
  file: `test/integration/${file}.test.ts`,
  title,
});

const tokenMutations: readonly Mutation[] = [
  {
    id: "token-of-any-algorithm",
    rules: ["ME1"],
    breaks: "a header may name any algorithm, as long as the signature holds",
    file: TOKENS,
    search: "alg !== TOKEN_ALGORITHM || ",
    replacement: "alg === undefined || ",
    killer: tokens("any other algorithm"),
  },
  {
    id: "token-with-extras",
    rules: ["ME1"],
    breaks: "header parameters that nobody looks at are let through, critical ones too",
    file: TOKENS,
    search: "|| Object.keys(others).length > 0",
    replacement: "|| Object.keys(others).length > 9",
    killer: tokens("any other algorithm"),
  },
  {
    id: "token-in-two-spellings",
    rules: ["ME1"],
    breaks: "claims may stand there twice, and the last ones count",
    file: TOKENS,
    search: "if (JSON.stringify(value) !== text)",
    replacement: "if (text === undefined)",
    killer: tokens("any other algorithm"),
  },
  {
    id: "weak-keys-sign",
    rules: ["ME1"],
    breaks: "keys under which anybody can sign anything are keys",
    file: `${KEYS}ed25519.ts`,
    search: 'SMALL_ORDER_KEYS.has(y.toString("hex"))',
    replacement: 'SMALL_ORDER_KEYS.has("")',
    killer: tokens("small order"),
  },
];

const USE = "this.#ledger.use(secret, peer, { nowS: this.#nowS(), grantedS: claims.issuedS })";

const inviteMutations: readonly Mutation[] = [
  {
    id: "invite-used-behind",
    rules: ["ME7", "P5"],
    breaks: "the use of an invite is written after the grant was handed out",
    file: `${AUTHORITY}issuer.ts`,
    search: `    ${USE};\n    return grant;`,
    replacement: `    setImmediate(() => ${USE});\n    return grant;`,
    killer: redeem("before the grant is handed out"),
  },
  {
    id: "invite-used-by-refusal",
    rules: ["ME7"],
    breaks: "who is refused has used the invite up",
    file: `${AUTHORITY}issuer.ts`,
    search: "    const claims = this.#claimsFor(this.#find(secret, shown.expS, peer), asked);",
    replacement:
      "    this.#ledger.use(secret, peer, { nowS: this.#nowS(), grantedS: 1 });\n    const claims = this.#claimsFor(this.#find(secret, shown.expS, peer), asked);",
    killer: redeem("no refusal uses anything"),
  },
  {
    id: "invite-burnt-by-lost-answer",
    rules: ["ME7"],
    breaks: "a node whose answer was lost cannot ask again",
    file: `${AUTHORITY}invite-ledger.ts`,
    search: "invite.usedBy.length >= invite.usesMax && !invite.usedBy.includes(node)",
    replacement: "invite.usedBy.length >= invite.usesMax",
    killer: redeem("makes a member"),
  },
  {
    id: "invite-undoes-narrowing",
    rules: ["ME7"],
    breaks: "whose grant was narrowed is given by its used invite what it had before",
    file: `${AUTHORITY}issuer.ts`,
    search: "if (held.issuedS > grantedS) {",
    replacement: "if (held.issuedS > grantedS * 9) {",
    killer: redeem("granted something else since"),
  },
  {
    id: "invite-signs-each-time",
    rules: ["ME7"],
    breaks: "each question by a used invite makes one more statement",
    file: `${AUTHORITY}issuer.ts`,
    search: "return isSame ? held : anew;",
    replacement: "return isSame ? anew : held;",
    killer: redeem("is given the grant of its use"),
  },
  {
    id: "invites-damaged-are-none",
    rules: ["ME7"],
    breaks: "a damaged list of invites is an empty one",
    file: `${AUTHORITY}invite-ledger.ts`,
    search: '    throw unusable(path, "read", cause);',
    replacement: "    return cause === undefined ? [] : [];",
    killer: redeem("a damaged file"),
  },
  {
    id: "invite-for-somebody-else",
    rules: ["ME7", "P4"],
    breaks: "a peer enrols another node",
    file: `${AUTHORITY}issuer.ts`,
    search: "if (request.node === peer) return request;",
    replacement: "if (request.node !== undefined) return request;",
    killer: redeem("nobody is enrolled by somebody else"),
  },
  {
    id: "enrolment-without-rate",
    rules: ["ME7", "P6"],
    breaks: "strangers may try as often as they like",
    file: `${AUTHORITY}enrol-rate.ts`,
    search: "tried >= ENROLS_PER_PEER_MAX || ",
    replacement: "tried < 0 || ",
    killer: redeem("tries of a peer a minute"),
  },
  {
    id: "audit-key-of-another",
    rules: ["ME7", "P4"],
    breaks: "a request is signed with the node's key alone",
    file: `${AUTHORITY}grant-request.ts`,
    search: "isSignature(key, bytes, signatures[at]));",
    replacement: "at > 0 || isSignature(key, bytes, signatures[at]));",
    killer: request("whoever lacks one of the keys"),
  },
  {
    id: "ended-member-asks-nobody",
    rules: ["ME7", "ME3"],
    breaks: "whose grant has ended is taken for a member, and its invite for one that was used",
    file: `${AUTHORITY}enrol-node.ts`,
    search: 'if (standing.kind === "granted" || standing.kind === "early") return old;',
    replacement: 'if (standing.kind !== "none") return old;',
    killer: enrolled("whose grant has ended asks"),
  },
  {
    id: "renewal-unknown-to-invite",
    rules: ["ME7"],
    breaks: "a member that was renewed asks for its invite once more at each start",
    file: `${AUTHORITY}enrol-node.ts`,
    search: "[...stored, ...held.statements]",
    replacement: "[...held.statements, ...stored.slice(stored.length)]",
    killer: enrolled("renewed since"),
  },
  {
    id: "private-invite-asked-in-vain",
    rules: ["ME7", "AD12"],
    breaks: "who lacks the key of a private network asks an issuer that cannot answer",
    file: `${AUTHORITY}enrol-node.ts`,
    search: "if (networkKey === undefined) refusePrivate(by);",
    replacement: "if (networkKey === null) refusePrivate(by);",
    killer: enrolled("lacks the key of a private network"),
  },
  {
    id: "twin-issues",
    rules: ["ME7", "BK1"],
    breaks: "an issuer that runs twice makes members on both sides",
    file: `${AUTHORITY}issuing.ts`,
    search: "if (!this.#deps.isTwin()) return;",
    replacement: "if (this.#deps.isTwin !== undefined) return;",
    killer: guards("runs twice"),
  },
  {
    id: "twin-invites-kept",
    rules: ["ME7", "BK1"],
    breaks: "an invite that was used at the copy of an issuer is used once more when that is gone",
    file: `${AUTHORITY}issuing.ts`,
    search: "      issuer.withdrawAll();\n",
    replacement: "",
    killer: guards("nobody has told of"),
  },
  {
    id: "last-issuer-goes",
    rules: ["ME7"],
    breaks: "the only issuer of others leaves without a word",
    file: `${AUTHORITY}issuing.ts`,
    search: "grants.some(isMember) ? key : undefined",
    replacement: "grants.every(isMember) ? key : undefined",
    killer: guards("neither leaves nor is revoked"),
  },
];

const keyMutations: readonly Mutation[] = [
  {
    id: "fleet-without-journal",
    rules: ["ME6", "P5"],
    breaks: "a crash in the middle leaves half of an authority, which a second try overwrites",
    file: `${AUTHORITY}init-journal.ts`,
    search: "    changes.write(join(folders.root, JOURNAL_FILE), `${line}\\n`);\n",
    replacement: "    if (line === undefined) return;\n",
    killer: journal("as many changes as these tests die at"),
  },
  {
    id: "init-marked-late",
    rules: ["ME6", "P5"],
    breaks:
      "who dies between the journal and the mark leaves a folder in which a start makes another fleet",
    file: `${AUTHORITY}init-journal.ts`,
    search:
      "    changes.write(join(folders.data, UNFINISHED_FILE), `${placeOf(folders)}\\n${word}\\n`);",
    replacement:
      "    if (word === undefined) changes.write(join(folders.data, UNFINISHED_FILE), `${placeOf(folders)}\\n`);",
    killer: journal("nothing but the word for it"),
  },
  {
    id: "init-finished-by-another",
    rules: ["ME6"],
    breaks:
      "a fleet that was begun is said to be finished where another was made, and its keys are gone",
    file: `${AUTHORITY}fleet-authority.ts`,
    search: "    if (isMade && !isMarked) refuseOtherFleet(begun, folders);\n",
    replacement: "",
    killer: journal("is not said to be finished"),
  },
  {
    id: "root-begins-twice",
    rules: ["ME2", "ME6"],
    breaks: "a root that has made its authority makes a second one",
    file: `${AUTHORITY}fleet-authority.ts`,
    search: "  refuseUsedRoot(folders);\n",
    replacement: "",
    killer: fleet("makes no second one"),
  },
  {
    id: "key-over-key",
    rules: ["ME6"],
    breaks: "another root's key is taken for the fleet's own",
    file: `${AUTHORITY}fleet-authority.ts`,
    search: "heldId !== undefined && heldId !== encodeBase32(key.publicKey)",
    replacement: 'heldId === ""',
    killer: fleet("no key of somebody else"),
  },
  {
    id: "start-on-half-a-fleet",
    rules: ["ME6"],
    breaks:
      "a node starts where the making of its fleet was broken off, though it cannot finish it",
    file: `${AUTHORITY}init-journal.ts`,
    search: "if (journal !== undefined) return !sealsKeys(journal);",
    replacement: "if (journal !== undefined) return true;",
    killer: journal("where the keys are sealed"),
  },
  {
    id: "half-a-fleet-left",
    rules: ["ME1", "ME6"],
    breaks: "a node that starts where the making of its fleet was broken off leaves it at that",
    file: "packages/node/src/create-node.ts",
    search: "  if (!isToldFleet(options)) await finishOwnFleet(options, clock);\n",
    replacement: '  if (dataDir === "") await finishOwnFleet(options, clock);\n',
    killer: journal("where it was broken off finishes it"),
  },
  {
    id: "fleet-by-id-alone",
    rules: ["ME1", "AD5"],
    breaks: "who knows the id of a fleet is in it",
    file: "packages/node/src/create-node.ts",
    search: "throw inviteNeeded(named, dataDir);",
    replacement:
      '{\n    writeFleetPin(dataDir, named);\n    if (inviteNeeded(named, dataDir).code !== "") return named;\n  }',
    killer: integration("closed-fleet", "a node that was not invited"),
  },
  {
    id: "desk-opened-late",
    rules: ["ME7"],
    breaks: "who asks before the issuer is there is hung up on",
    file: "packages/transport-libp2p/src/enrolment-desk.ts",
    search: "return await Promise.race([this.#first.promise, promise]);",
    replacement: "return await Promise.race([this.#first.promise, promise, undefined]);",
    killer: integration("transport-enrolment", "who asks before anybody answers"),
  },
  {
    id: "enrolment-tried-once",
    rules: ["ME7"],
    breaks: "who is hung up on by a busy issuer does not ask again",
    file: "packages/transport-libp2p/src/enrol.ts",
    search: "if (![...failures.values()].some(isBusy)) break;",
    replacement: "if ([...failures.values()].some(isBusy)) break;",
    killer: integration("transport-enrolment", "whoever is hung up on asks again"),
  },
  {
    id: "dead-address-decides",
    rules: ["ME7"],
    breaks: "a dead address behind that of a busy issuer ends the asking",
    file: "packages/transport-libp2p/src/enrol.ts",
    search: "if (![...failures.values()].some(isBusy)) break;",
    replacement: "if (!isBusy([...failures.values()].at(-1))) break;",
    killer: integration("transport-enrolment", "of several addresses one that is dead"),
  },
  {
    id: "open-by-announcement",
    rules: ["ME7"],
    breaks: "who takes everybody may listen anywhere, as long as it announces a private address",
    file: "packages/node/src/create-node.ts",
    search: "refusePublic([...resolved.listen, ...resolved.announce]);",
    replacement: "refusePublic(resolved.announce);",
    killer: integration("closed-fleet", "a node that takes everybody gives a day"),
  },
  {
    id: "pin-lost-between",
    rules: ["ME6", "P5"],
    breaks: "who dies between the two files that make a member starts no more",
    file: "packages/node/src/create-node.ts",
    search: "  restorePin(dataDir);\n",
    replacement: '  if (dataDir === "") restorePin(dataDir);\n',
    killer: integration("closed-fleet", "an invite is for one node"),
  },
  {
    id: "day-for-ever",
    rules: ["ME3", "ME7"],
    breaks: "a day that everybody was given is renewed for ever",
    file: `${AUTHORITY}issuing.ts`,
    search: "isOpenGrant(claims) ? !isOpen :",
    replacement: "isOpenGrant(claims) ? false :",
    killer: unit(`${AUTHORITY}issuing.test.ts`, "a day that everybody was given"),
  },
  {
    id: "list-done-twice",
    rules: ["ME6"],
    breaks: "a list that was carried out is carried out again, and brings replaced keys back",
    file: `${AUTHORITY}fleet-authority.ts`,
    search:
      "if (isMade && !isMarked) forgetInit(folders, changes);\n    else finishInit(begun, folders, changes);",
    replacement: "finishInit(begun, folders, changes);",
    killer: journal("does nothing of it again"),
  },
  {
    id: "half-a-fleet-forgotten",
    rules: ["ME6"],
    breaks: "where the list of a half-made fleet is away, another fleet is made",
    file: `${AUTHORITY}fleet-authority.ts`,
    search: "  if (!isPlannedOnly(folders)) refuseUnfinishedInit(folders.data);\n",
    replacement: "",
    killer: journal("that is moved while a fleet is half made"),
  },
  {
    id: "sealed-issuer-laid-open",
    rules: ["ME6"],
    breaks: "the next key of an issuer whose key is sealed lies open on its disk",
    file: `${AUTHORITY}replace-issuer.ts`,
    search: "isSealed(before) && issuerPassphrase === undefined",
    replacement: "isSealed(before) && issuerPassphrase === null",
    killer: sealing("ME2 a sealed issuer's key is followed by one"),
  },
  {
    id: "sealing-beside-rotation",
    rules: ["ME6"],
    breaks:
      "an issuer's key is replaced while it is being sealed, and the old one takes its place again",
    file: `${AUTHORITY}root-journal.ts`,
    search: "isApart ? withFolderClaim(data, work) : work()",
    replacement: "isApart ? work() : work()",
    killer: sealing("one process at a time"),
  },
  {
    id: "cheap-scrypt",
    rules: ["ME6"],
    breaks: "a key is opened that was sealed at any price",
    file: `${KEYS}secret-file.ts`,
    search: "n < SCRYPT_N || ",
    replacement: "",
    killer: secret("scrypt N from"),
  },
  {
    id: "open-key-used",
    rules: ["ME6"],
    breaks: "a key that everybody may read is used",
    file: `${KEYS}secret-file.ts`,
    search: "if ((mode & OTHERS_BITS) === 0) return;",
    replacement: "if ((mode & OTHERS_BITS) >= 0) return;",
    killer: secret("that others may read is refused"),
  },
];

export const enrolmentMutations: readonly Mutation[] = [
  ...tokenMutations,
  ...inviteMutations,
  ...keyMutations,
];
