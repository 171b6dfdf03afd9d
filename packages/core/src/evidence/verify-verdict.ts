/**
 * Whether a bundle proves its verdict (rule VE10): for a third party, with nothing but the fleet's id and the bundle.
 *
 * `true`: members of the fleet, as many as a verdict takes, signed that they accuse the subject by that very pulse, and a member vouches for the rest.
 * `false`: something in it does not hold, so it proves nothing. `unknown`: nothing is wrong with it, but it does not say enough.
 *
 * What no signature can show is that nobody objected in time and who else had a say; for that stands the member that made the bundle. Whoever
 * doubts it asks another one for its own.
 */
import { Authority } from "../authority/authority.ts";
import type { ReadingEnv } from "../env.ts";
import { comparePulseNames, type FleetId, type NodeId, type PulseName } from "../ids.ts";
import { decodeObservation, type Statement } from "../liveness/observation-codec.ts";
import { quorumAmong, quorumOf } from "../liveness/rules.ts";
import { decodeEvidence, type PulseHeader } from "../pulse/pulse-codec.ts";
import { verifyEnvelope } from "../wire/envelope.ts";
import { fromBase64Url } from "./base64url.ts";
import { accusationBody, type Bundle, type BundleWord, readBundle, sealedBytes } from "./bundle.ts";

/** How far the clocks of two nodes may be apart, in ms, before one of them is wrong. */
const CLOCKS_APART_MS = 120_000;

export type VerdictFinding =
  | "bundle-altered"
  | "fleet-other"
  | "statement-refused"
  | "header-bad"
  | "signature-bad"
  | "word-foreign"
  | "witness-twice"
  | "quorum-wrong"
  | "quorum-missing"
  | "end-unproven"
  | "fleet-open"
  | "grant-missing"
  | "maker-not-granted"
  | "clock-apart"
  | "objection-newer";

export type AccuserStanding =
  | "counts"
  | "revoked"
  | "observer"
  | "no-witness"
  | "not-granted"
  | "grant-over";

export interface VerdictCheck {
  readonly result: "true" | "false" | "unknown";
  readonly bundle: Bundle;
  /** The subject's own time of the pulse that was its last, in wall ms; undefined where it was never heard. */
  readonly lastPulseWallMs: number | undefined;
  /** Accusers that the verdict takes, by the electorate that the bundle names. */
  readonly needed: number;
  readonly accusers: readonly {
    readonly node: NodeId;
    readonly name: string;
    readonly region: string | undefined;
    readonly standing: AccuserStanding;
  }[];
  /** Why it is not true, the place in the bundle first. */
  readonly findings: readonly {
    readonly code: VerdictFinding;
    readonly place: string;
    readonly detail: string;
  }[];
}

export type VerifyResult =
  | { readonly ok: true; readonly check: VerdictCheck }
  | Extract<ReturnType<typeof readBundle>, { readonly ok: false }>;

const UNKNOWN_FINDINGS: ReadonlySet<VerdictFinding> = new Set([
  "end-unproven",
  "fleet-open",
  "grant-missing",
  "maker-not-granted",
  "clock-apart",
  "objection-newer",
]);

/** What a reader computes with; it signs nothing. */
export type VerifierPorts = ReadingEnv["ports"];

/**
 * Checks a bundle; never throws on what is in it.
 * @param fleet pins the fleet by its id; without it the bundle says which one it is
 */
export function verifyVerdict(
  ports: VerifierPorts,
  text: string,
  { fleet }: { readonly fleet?: FleetId | undefined } = {},
): VerifyResult {
  const read = readBundle(text);
  if (!read.ok) return read;
  const { bundle } = read;
  const env: ReadingEnv = { identity: { fleet: bundle.fleet }, ports };
  const check = new Check(env, bundle);
  if (!ports.signature.verify(bundle.by, sealedBytes(env, bundle.fleet, read.text), read.seal))
    check.find("bundle-altered", "sig", "it is not what the node that made it has signed");
  else {
    if (fleet !== undefined && fleet !== bundle.fleet)
      check.find("fleet-other", "fleet", "it is about another fleet");
    check.run();
  }
  return { ok: true, check: check.result() };
}

class Check {
  readonly #env: ReadingEnv;
  readonly #bundle: Bundle;
  readonly #authority: Authority;
  readonly #name: PulseName;
  readonly #findings: { code: VerdictFinding; place: string; detail: string }[] = [];
  #header: PulseHeader | undefined;
  #headerBytes: Uint8Array | null = null;
  #accusers: VerdictCheck["accusers"] = [];

  constructor(env: ReadingEnv, bundle: Bundle) {
    this.#env = env;
    this.#bundle = bundle;
    this.#authority = new Authority({ ...env, config: { closed: false, vouched: [] } });
    const [boot, seq] = bundle.pulse;
    this.#name = { boot, seq };
  }

  find(code: VerdictFinding, place: string, detail: string): void {
    this.#findings.push({ code, place, detail });
  }

  run(): void {
    this.#takeStatements();
    this.#takeHeader();
    this.#takeAccusations();
    this.#takeObjections();
    this.#takeEnd();
    this.#weigh();
  }

  result(): VerdictCheck {
    const isFalse = this.#findings.some(({ code }) => !UNKNOWN_FINDINGS.has(code));
    const result = isFalse ? "false" : this.#findings.length > 0 ? "unknown" : "true";
    return {
      result,
      bundle: this.#bundle,
      lastPulseWallMs: this.#header?.wallMs,
      needed: this.#needed,
      accusers: this.#accusers,
      findings: this.#findings,
    };
  }

  /** By the electorate that the bundle names; no fewer than the rules ask for. */
  get #needed(): number {
    const { members, witnesses } = this.#bundle;
    // One witness that is left of a larger fleet makes no verdict alone: that is for a fleet of two (rules VE4, VE5).
    if (members === 2 || witnesses === null) return quorumOf(members, "accuse");
    return quorumAmong(witnesses.length + 1);
  }

  #takeStatements(): void {
    for (const [i, token] of this.#bundle.statements.entries()) {
      const taken = this.#authority.take(token);
      if (taken.status === "refused")
        this.find("statement-refused", `statements[${i}]`, `it does not count (${taken.code})`);
    }
    if (!this.#authority.isClosed)
      this.find("fleet-open", "statements", "without grants nobody can tell who is a member");
  }

  #takeHeader(): void {
    const { header } = this.#bundle;
    if (header === null) {
      if (this.#name.boot !== 0 || this.#name.seq !== 0)
        this.find("header-bad", "header", "the header of the pulse is missing");
      return;
    }
    const read = this.#readHeader(header, "header");
    if (read === undefined) return;
    if (comparePulseNames(read, this.#name) !== 0)
      return this.find("header-bad", "header", "it is that of another pulse");
    this.#header = read;
    this.#headerBytes = fromBase64Url(header) ?? null;
  }

  /** A header that the subject has signed. */
  #readHeader(text: string, place: string): PulseHeader | undefined {
    const bytes = fromBase64Url(text);
    const read = bytes === undefined ? undefined : decodeEvidence(this.#env, bytes);
    if (read?.ok !== true || read.value.envelope.author !== this.#bundle.subject.id) {
      this.find("header-bad", place, "it is no header of a pulse of the subject");
      return undefined;
    }
    if (verifyEnvelope(this.#env, read.value.envelope)) return read.value.header;
    this.find("signature-bad", place, "the subject has not signed it");
    return undefined;
  }

  #takeAccusations(): void {
    const { accusations, subject } = this.#bundle;
    const seen = new Set<NodeId>([subject.id]);
    const good: BundleWord[] = [];
    for (const [i, word] of accusations.entries()) {
      const place = `accusations[${i}]`;
      const statement = this.#readWord(word, "accuse", place);
      if (statement === undefined) continue;
      if (comparePulseNames(statement.name, this.#name) !== 0)
        this.find("word-foreign", place, "it names another pulse");
      else if (seen.has(word.by))
        this.find("witness-twice", place, "its author has no say, or has had it");
      else {
        seen.add(word.by);
        good.push(word);
      }
    }
    this.#accusers = good.map(({ by, name }) => {
      const region = this.#authority.grantOf(by)?.region;
      return { node: by, name, region, standing: this.#standing(by) };
    });
  }

  /** What a word says of the subject; every header in it is checked, as it is part of what is claimed. */
  #readWord(word: BundleWord, kind: Statement["kind"], place: string): Statement | undefined {
    const { said, by, sig } = word;
    const { subject } = this.#bundle;
    const about = { subject: subject.id, name: this.#name, header: this.#headerBytes };
    const body =
      typeof said === "string" ? fromBase64Url(said) : accusationBody(this.#env, said, about);
    const signature = fromBase64Url(sig);
    if (body === undefined || signature === undefined) {
      this.find("signature-bad", place, "its author has not signed it");
      return undefined;
    }
    const envelope = {
      author: by,
      kind: "observation",
      body,
      signature,
      attachment: undefined,
    } as const;
    if (!verifyEnvelope(this.#env, envelope)) {
      this.find("signature-bad", place, "its author has not signed it");
      return undefined;
    }
    const statement = decodeObservation(this.#env, body)?.statements.find(
      (each) => each.kind === kind && each.subject === subject.id,
    );
    if (statement === undefined) {
      this.find("word-foreign", place, "it says something else, or of somebody else");
      return undefined;
    }
    const { evidence } = statement;
    // That of the accused pulse has been checked, once for all; another one under that name shows that its author lies, and takes nothing from what he says.
    const isKnown =
      this.#header !== undefined && comparePulseNames(statement.name, this.#name) === 0;
    if (!isKnown && evidence !== undefined && !verifyEnvelope(this.#env, evidence.envelope)) {
      this.find("signature-bad", place, "the subject has not signed the header in it");
      return undefined;
    }
    return statement;
  }

  #takeObjections(): void {
    for (const [i, word] of this.#bundle.objections.entries()) {
      const place = `objections[${i}]`;
      const statement = this.#readWord(word, "object", place);
      if (statement !== undefined && comparePulseNames(statement.name, this.#name) > 0)
        this.find(
          "objection-newer",
          place,
          "it names a newer pulse, and whether in time only who heard it knows",
        );
    }
  }

  #takeEnd(): void {
    const { ended, ups, pulse } = this.#bundle;
    const said = new Set<NodeId>();
    for (const [i, word] of ups.entries()) {
      const statement = this.#readWord(word, "up", `ups[${i}]`);
      if (statement === undefined) continue;
      if (comparePulseNames(statement.name, this.#name) > 0 && this.#standing(word.by) === "counts")
        said.add(word.by);
    }
    if (ended === null || ended.how !== "restored") return;
    const header = ended.pulse === null ? undefined : this.#readHeader(ended.pulse, "ended.pulse");
    const isNewer = header !== undefined && comparePulseNames(header, this.#name) > 0;
    if (!isNewer && said.size < this.#needed)
      this.find(
        "end-unproven",
        "ended",
        `no pulse after ${pulse.join("/")} shows that it came back`,
      );
  }

  #standing(node: NodeId): AccuserStanding {
    const { at, witnesses } = this.#bundle;
    if (witnesses !== null && !witnesses.includes(node)) return "no-witness";
    const standing = this.#authority.standing(node, at);
    switch (standing.kind) {
      case "granted":
        return standing.isObserver ? "observer" : "counts";
      case "revoked":
        return "revoked";
      case "early":
      case "expired":
        return "grant-over";
      case "open":
      case "none":
        return "not-granted";
    }
  }

  #weigh(): void {
    const { at, by, made, quorum } = this.#bundle;
    if (quorum < this.#needed)
      this.find("quorum-wrong", "quorum", `a verdict takes ${this.#needed} there`);
    if (this.#header !== undefined && at < this.#header.wallMs - CLOCKS_APART_MS)
      this.find("clock-apart", "at", "it is earlier than the pulse that was the last");
    const needed = Math.max(quorum, this.#needed);
    const counting = this.#accusers.filter(({ standing }) => standing === "counts").length;
    const possible = this.#accusers.filter(
      ({ standing }) =>
        standing === "counts" || standing === "not-granted" || standing === "grant-over",
    ).length;
    const short = `${counting} of ${needed} accusers count`;
    if (possible < needed) this.find("quorum-missing", "accusations", short);
    else if (!this.#authority.isClosed) return;
    else if (counting < needed) this.find("grant-missing", "statements", short);
    const maker = this.#authority.standing(by, made);
    if (maker.kind === "revoked")
      this.find("maker-not-granted", "by", "the membership of who made the bundle was ended");
    else if (this.#authority.isClosed && maker.kind !== "granted")
      this.find(
        "maker-not-granted",
        "by",
        "who made the bundle is no member that can be vouched by",
      );
  }
}
