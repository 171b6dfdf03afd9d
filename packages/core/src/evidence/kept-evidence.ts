/**
 * The signed words that verdicts were made of, and ended by (rule VE10), kept as they came, so that they can be shown to who was not there.
 *
 * Intuition: a verdict is a moment, and what made it is gone with the next messages. So the newest word of each witness is held while a subject
 * is accused, goes over into the file of the verdict when that is made, and stays as long as the verdict stands, and a while longer. All of it
 * is in memory alone: who restarts is told what stands by its accusers, each of which signs it anew, and so has evidence again.
 *
 * Rejected: to hold whatever comes until a verdict is made of it. A liar that accuses everybody by pulses that do not exist would push out
 * what honest witnesses say; so each witness has one seat a subject, and who says what does not count gives way to who says what does.
 */
import type { Env } from "../env.ts";
import { comparePulseNames, type NodeId, type PulseName } from "../ids.ts";
import type { Electorate } from "../liveness/electorate.ts";
import type { ElectorateFacts } from "../liveness/electorate-facts.ts";
import type { LivenessListener } from "../liveness/liveness.ts";
import {
  decodeObservation,
  type Evidence,
  type Observation,
  OBSERVATION_BYTES_MAX,
} from "../liveness/observation-codec.ts";
import { EXPIRE_INTERVALS } from "../liveness/rules.ts";
import type { Subject } from "../liveness/subject.ts";
import type { Now } from "../now.ts";
import { decodeEnvelope, type Envelope } from "../wire/envelope.ts";
import { ENDED_VERDICTS_MAX, EVIDENCE_BYTES_MAX, KEPT_VERDICTS_MAX } from "./limits.ts";
import { type KeptWord, WordFile } from "./word-file.ts";

/** A verdict, and the words that it rests on. */
export interface VerdictFile {
  readonly subject: NodeId;
  /** The newest pulse that was known to exist. */
  readonly name: PulseName;
  /** Its signed header; undefined where none was ever heard. */
  readonly header: Evidence | undefined;
  readonly atWallMs: number;
  readonly singleWitness: boolean;
  readonly accusers: readonly NodeId[];
  readonly electorate: ElectorateFacts;
  readonly words: WordFile;
  /** `gone`: the subject is no member any more, so that nobody judges it. */
  readonly end:
    | {
        readonly atWallMs: number;
        readonly how: "restored" | "lost" | "gone";
        /** The own first-hand pulse that ended it; undefined where others' `up` did. */
        readonly pulse: Evidence | undefined;
      }
    | undefined;
}

type OpenFile = { -readonly [Key in keyof VerdictFile]: VerdictFile[Key] };

interface Deps {
  readonly env: Env;
  readonly liveness: () => {
    subject(node: NodeId): Subject | undefined;
    readonly electorate: Electorate;
  };
}

export class KeptEvidence {
  readonly #deps: Deps;
  /** What is said of subjects of which no verdict stands. */
  readonly #accused = new Map<NodeId, WordFile>();
  /** Oldest first. */
  #verdicts: OpenFile[] = [];
  #lookMonoMs = Number.NEGATIVE_INFINITY;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Bytes of everything that is kept. */
  get bytes(): number {
    let bytes = 0;
    for (const words of this.#accused.values()) bytes += words.bytes;
    for (const { words } of this.#verdicts) bytes += words.bytes;
    return bytes;
  }

  /** Of the subject's verdicts that are known, the newest first; one that stands is the first. */
  verdictsOf(node: NodeId, now: Now): readonly VerdictFile[] {
    const stands = this.#deps.liveness().subject(node)?.latch !== undefined;
    // Whoever is no member any more is judged no more, and nobody says so.
    const gone = { atWallMs: now.wallMs, how: "gone", pulse: undefined } as const;
    return this.#verdicts
      .filter(({ subject }) => subject === node)
      .map((file) => (file.end === undefined && !stands ? { ...file, end: gone } : file))
      .toReversed();
  }

  newestOf(node: NodeId, now: Now): VerdictFile | undefined {
    return this.verdictsOf(node, now)[0];
  }

  /** An own message, as it was sent. */
  onSaid(bytes: Uint8Array, now: Now): void {
    const { env } = this.#deps;
    const opened = decodeEnvelope(env, bytes, OBSERVATION_BYTES_MAX);
    if (!opened.ok) return;
    const observation = decodeObservation(env, opened.envelope.body);
    if (observation !== undefined) this.onObservation(opened.envelope, observation, now);
  }

  /** A verified message of a witness; call it after liveness has taken it. */
  onObservation(envelope: Envelope, observation: Observation, now: Now): void {
    this.#prune(now);
    const liveness = this.#deps.liveness();
    const by = envelope.author;
    for (const { kind, subject: node, name, evidence } of observation.statements) {
      if (kind !== "accuse" && kind !== "object" && kind !== "up") continue;
      const subject = liveness.subject(node);
      if (subject === undefined || !liveness.electorate.isWitness(by, node)) continue;
      this.#take(subject, { by, kind, name, evidence, envelope, takenMonoMs: now.monoMs }, now);
    }
  }

  /** A verdict about the subject was made, or has ended. */
  onVerdict(subject: Subject, kind: "down" | "up" | "unknown", now: Now): void {
    this.#end(subject, kind === "up" ? "restored" : "lost", now);
    if (kind === "down") this.#open(subject);
  }

  #take(subject: Subject, word: KeptWord, now: Now): void {
    const standing = this.#standing(subject, now);
    if (word.kind === "up") {
      // The last of a quorum's ends the verdict before it is noted here.
      const verdict =
        standing ?? this.#verdicts.findLast(({ subject: node }) => node === subject.node);
      if (verdict === undefined || comparePulseNames(word.name, verdict.name) <= 0) return;
      this.#put(verdict.words, word);
    } else if (standing !== undefined) {
      if (word.kind === "accuse" && comparePulseNames(word.name, standing.name) === 0)
        this.#put(standing.words, word);
    } else {
      const held = this.#accused.get(subject.node);
      // There is nothing to object to.
      if (held === undefined && word.kind !== "accuse") return;
      const words = held ?? new WordFile();
      this.#accused.set(subject.node, words);
      this.#put(words, word, (kept) => counts(subject, kept));
    }
  }

  /** The file of the verdict that stands; one that found no room is opened anew, as its accusers go on to say what they say. */
  #standing(subject: Subject, now: Now): OpenFile | undefined {
    const last = this.#verdicts.findLast(({ subject: node }) => node === subject.node);
    if (subject.latch === undefined) {
      if (last !== undefined && last.end === undefined) this.#end(subject, "gone", now);
      return undefined;
    }
    return last?.end === undefined && last !== undefined ? last : this.#open(subject);
  }

  #open(subject: Subject): OpenFile | undefined {
    const { latch, known } = subject;
    if (latch === undefined || !this.#hasPlace()) return undefined;
    const words = this.#accused.get(subject.node) ?? new WordFile();
    this.#accused.delete(subject.node);
    words.keepAccusationsOf(latch.name);
    const isKnown = known !== undefined && comparePulseNames(known.header, latch.name) === 0;
    const verdict: OpenFile = {
      subject: subject.node,
      name: latch.name,
      header: isKnown ? known : undefined,
      atWallMs: latch.atWallMs,
      singleWitness: latch.singleWitness,
      accusers: latch.accusers,
      electorate: latch.electorate,
      words,
      end: undefined,
    };
    this.#verdicts.push(verdict);
    return verdict;
  }

  #end(subject: Subject, how: "restored" | "lost" | "gone", now: Now): void {
    const verdict = this.#verdicts.findLast(({ subject: node }) => node === subject.node);
    if (verdict === undefined || verdict.end !== undefined) return;
    const { known } = subject;
    const sawAlive =
      how === "restored" &&
      known !== undefined &&
      subject.isFresh(now.monoMs) &&
      comparePulseNames(known.header, verdict.name) > 0;
    verdict.end = { atWallMs: now.wallMs, how, pulse: sawAlive ? known : undefined };
    const ended = this.#verdicts.filter(
      ({ subject: node, end }) => node === subject.node && end !== undefined,
    );
    const excess = new Set(ended.slice(0, Math.max(0, ended.length - ENDED_VERDICTS_MAX)));
    if (excess.size > 0) this.#verdicts = this.#verdicts.filter((each) => !excess.has(each));
  }

  /** Whether there may be one verdict more; the oldest that is over gives way, one that stands never does. */
  #hasPlace(): boolean {
    if (this.#verdicts.length < KEPT_VERDICTS_MAX) return true;
    return this.#dropEnded();
  }

  /** Keeps a word where there is room, or something that matters less gives way. */
  #put(words: WordFile, word: KeptWord, isGood: (kept: KeptWord) => boolean = () => true): void {
    if (!words.put(word, isGood)) return;
    while (this.bytes > EVIDENCE_BYTES_MAX) {
      if (this.#dropEnded(words) || this.#dropAccused(words)) continue;
      words.remove(word);
      return;
    }
  }

  #dropEnded(except?: WordFile): boolean {
    const at = this.#verdicts.findIndex(({ end, words }) => end !== undefined && words !== except);
    if (at < 0) return false;
    this.#verdicts.splice(at, 1);
    return true;
  }

  /** The largest first: who pads its words until there is no room makes room with them. */
  #dropAccused(except: WordFile): boolean {
    let largest: { readonly node: NodeId; readonly bytes: number } | undefined;
    for (const [node, words] of this.#accused) {
      if (words === except || words.bytes <= (largest?.bytes ?? 0)) continue;
      largest = { node, bytes: words.bytes };
    }
    return largest !== undefined && this.#accused.delete(largest.node);
  }

  /** Once an interval: accusations that nobody repeats come to nothing, and whoever is no member is judged no more. */
  #prune(now: Now): void {
    if (now.monoMs < this.#lookMonoMs) return;
    const { pulseEveryMs } = this.#deps.env.config;
    this.#lookMonoMs = now.monoMs + pulseEveryMs;
    for (const [node, words] of this.#accused) {
      if (now.monoMs - words.newestMonoMs > EXPIRE_INTERVALS * pulseEveryMs)
        this.#accused.delete(node);
    }
    const liveness = this.#deps.liveness();
    for (const { subject: node, end } of this.#verdicts) {
      const subject = end === undefined ? liveness.subject(node) : undefined;
      if (subject !== undefined && subject.latch === undefined) this.#end(subject, "gone", now);
    }
  }
}

/** A listener that has the evidence of each verdict filed before it hears of it. */
export function withEvidence(listener: LivenessListener, evidence: KeptEvidence): LivenessListener {
  return {
    accused: (subject, now) => listener.accused(subject, now),
    verdict: (subject, kind, now) => {
      evidence.onVerdict(subject, kind, now);
      listener.verdict(subject, kind, now);
    },
    statusChanged: (node, from, now) => listener.statusChanged(node, from, now),
    quietChanged: (from, now) => listener.quietChanged(from, now),
    regionChanged: (change, now) => listener.regionChanged(change, now),
  };
}

/** Whether a kept accusation is one that a verdict could be made of now. */
function counts(subject: Subject, { by, name, kind }: KeptWord): boolean {
  if (kind !== "accuse") return true;
  return subject.accusations.has(by) && comparePulseNames(name, subject.newestName) === 0;
}
