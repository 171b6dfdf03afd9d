/** The one thing that a closed fleet says to strangers, on real hosts: whether they may become members (rule ME7). */
import {
  enrol,
  EnrolmentDesk,
  type AnswerEnrolment,
  type EnrolWait,
} from "@pulsemesh/transport-libp2p";
import { GRANT_LENGTH_MAX, ROOTS_MAX, STATEMENT_LENGTH_MAX } from "@pulsemesh/core";
import { type AddressInfo, connect, createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { OTHER_FLEET, OUR_FLEET, seedOf } from "../support/libp2p-harness.ts";
import { until } from "../support/until.ts";
import { Scene, type Victim } from "../support/victim.ts";
import {
  decodeAnswer,
  encodeAnswer,
  ENROLMENT_STATEMENTS_MAX,
} from "../../packages/node/src/authority/enrolment-frames.ts";
import {
  ENROLMENT_ANSWER_BYTES_MAX,
  ENROLMENT_REQUEST_BYTES_MAX,
  ENROLMENTS_RUNNING_MAX,
  QUESTIONS_AT_ONCE_MAX,
} from "../../packages/transport-libp2p/src/enrolment-desk.ts";

const scene = new Scene();
afterEach(() => scene.end());

interface Issuer extends Victim {
  readonly desk: EnrolmentDesk;
  readonly turnedAway: string[];
}

/** A node of a closed fleet that lets in nobody and answers who asks to be a member. */
async function issuer(answer?: AnswerEnrolment): Promise<Issuer> {
  const turnedAway: string[] = [];
  const desk = new EnrolmentDesk((node) => turnedAway.push(node));
  const victim = await scene.victim("issuer", { desk, admit: () => "grant-none" });
  await desk.serve(answer);
  return { ...victim, desk, turnedAway };
}

function ask(
  { address }: Victim,
  request: Uint8Array,
  { name = "stranger", fleet = OUR_FLEET, tries = 1 } = {},
): Promise<Uint8Array> {
  return enrol({ addresses: [address], fleet, privateKey: seedOf(name), request, tries });
}

/** An issuer that answers as many as it does at a time, until it is let go on with them. */
async function busyIssuer(): Promise<{
  readonly it: Issuer;
  readonly slow: readonly Promise<Uint8Array>[];
  readonly free: () => void;
}> {
  const gate = Promise.withResolvers<void>();
  let running = 0;
  const it = await issuer(async (_node, request) => {
    running += 1;
    if (textOf(request) === "slow") await gate.promise;
    return bytes("yes");
  });
  const slow = Array.from({ length: ENROLMENTS_RUNNING_MAX }, (_, i) =>
    ask(it, bytes("slow"), { name: `s${i}` }),
  );
  await until("it has its hands full", () => running === ENROLMENTS_RUNNING_MAX);
  return { it, slow, free: gate.resolve };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (answer: Uint8Array): string => new TextDecoder().decode(answer);

test("ME7 a stranger asks the issuer and has its answer, who is told which key it is that asks", async () => {
  const asked: string[] = [];
  const it = await issuer(async (node, request) => {
    asked.push(node);
    return bytes(`for ${textOf(request)}`);
  });
  expect(textOf(await ask(it, bytes("an invite")))).toBe("for an invite");
  const { node } = (await scene.victim("stranger")).transport;
  expect(asked).toEqual([node]);
  expect(it.ups).toEqual([]);
});

test("ME7 while no invite is open, and in another fleet, nobody is answered, and he is told which it may be", async () => {
  const it = await issuer();
  const closed = { code: "join-failed", message: expect.stringContaining("takes nobody in now") };
  await expect(ask(it, bytes("x"))).rejects.toMatchObject(closed);
  await it.desk.serve(async () => bytes("yes"));
  expect(textOf(await ask(it, bytes("x")))).toBe("yes");
  await expect(ask(it, bytes("x"), { fleet: OTHER_FLEET })).rejects.toMatchObject(closed);
  await it.desk.serve(undefined);
  await expect(ask(it, bytes("x"), { name: "third" })).rejects.toMatchObject(closed);
});

test("ME7 where nobody listens the invite is said to lead nowhere", async () => {
  const it = await issuer();
  await it.transport.stop();
  await expect(ask(it, bytes("x"))).rejects.toMatchObject({
    code: "join-failed",
    message: expect.stringContaining("no issuer answered there"),
  });
});

test("P6, ME7 as many root statements as there may be, each as long as it may be, fit into an answer of ENROLMENT_ANSWER_BYTES_MAX", () => {
  const roots = Array.from({ length: ROOTS_MAX + 1 }, () => "x".repeat(STATEMENT_LENGTH_MAX));
  const statements = [...roots, "x".repeat(GRANT_LENGTH_MAX)];
  expect(statements).toHaveLength(ENROLMENT_STATEMENTS_MAX);
  const answer = encodeAnswer({ ok: true, statements });
  expect(answer.length).toBeLessThanOrEqual(ENROLMENT_ANSWER_BYTES_MAX);
  expect(decodeAnswer(answer)).toEqual({ ok: true, statements });
});

test("P6, ME7 questions of ENROLMENT_REQUEST_BYTES_MAX and answers of ENROLMENT_ANSWER_BYTES_MAX bytes pass, longer ones do not", async () => {
  const lengths: number[] = [];
  const it = await issuer(async (_node, request) => {
    lengths.push(request.length);
    return new Uint8Array(
      request[0] === 1 ? ENROLMENT_ANSWER_BYTES_MAX + 1 : ENROLMENT_ANSWER_BYTES_MAX,
    );
  });
  const answer = await ask(it, new Uint8Array(ENROLMENT_REQUEST_BYTES_MAX));
  expect(answer).toHaveLength(ENROLMENT_ANSWER_BYTES_MAX);
  await expect(ask(it, new Uint8Array(ENROLMENT_REQUEST_BYTES_MAX + 1))).rejects.toMatchObject({
    code: "join-failed",
  });
  await expect(ask(it, Uint8Array.of(1))).rejects.toMatchObject({ code: "join-failed" });
  expect(lengths).toEqual([ENROLMENT_REQUEST_BYTES_MAX, 1]);
});

test("P6, ME7 one stranger has QUESTIONS_AT_ONCE_MAX questions at once, then he is hung up on unheard", async () => {
  let answers = 0;
  const it = await issuer(async () => {
    answers += 1;
    return bytes("no");
  });
  for (let i = 0; i < QUESTIONS_AT_ONCE_MAX; i++) await ask(it, bytes("guess"));
  await expect(ask(it, bytes("guess"))).rejects.toMatchObject({ code: "join-failed" });
  expect(answers).toBe(QUESTIONS_AT_ONCE_MAX);
  expect(it.turnedAway).toHaveLength(1);
  expect(textOf(await ask(it, bytes("honest"), { name: "another" }))).toBe("no");
});

test("P6, ME7 ENROLMENTS_RUNNING_MAX questions are being answered at a time, and who comes meanwhile may come again", async () => {
  const gate = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<void>();
  let running = 0;
  const it = await issuer(async () => {
    running += 1;
    if (running === ENROLMENTS_RUNNING_MAX) heard.resolve();
    await gate.promise;
    return bytes("yes");
  });
  const first = Array.from({ length: ENROLMENTS_RUNNING_MAX }, (_, i) =>
    ask(it, bytes("x"), { name: `s${i}` }),
  );
  await heard.promise;
  await expect(ask(it, bytes("x"), { name: "late" })).rejects.toMatchObject({
    code: "join-failed",
  });
  gate.resolve();
  expect((await Promise.all(first)).map(textOf)).toEqual(first.map(() => "yes"));
  expect(textOf(await ask(it, bytes("x"), { name: "late" }))).toBe("yes");
});

test("ME7 who asks before anybody answers waits, and is answered by who does then, or hung up on where nobody does", async () => {
  const expecting = async (name: string): Promise<Victim & { readonly desk: EnrolmentDesk }> => {
    const desk = new EnrolmentDesk(() => undefined);
    const victim = await scene.victim(name, { desk, admit: () => "grant-none" });
    await desk.expect();
    return { ...victim, desk };
  };
  const it = await expecting("issuer");
  const early = Array.from({ length: ENROLMENTS_RUNNING_MAX }, (_, i) =>
    ask(it, bytes("x"), { name: `s${i}` }).then(textOf, () => "hung up"),
  );
  let isOver = false;
  void Promise.race(early).then(() => (isOver = true));
  await until("they wait", () => isOver || it.desk.waiting === early.length);
  await it.desk.serve(async () => bytes("yes"));
  expect(await Promise.all(early)).toEqual(early.map(() => "yes"));
  expect(it.desk.waiting).toBe(0);
  const shut = await expecting("shut");
  const begunMs = performance.now();
  const asked = ask(shut, bytes("x"), { name: "another" });
  await until("it waits", () => shut.desk.waiting === 1);
  await shut.desk.serve(undefined);
  await expect(asked).rejects.toMatchObject({ message: expect.stringContaining("has no time") });
  expect(performance.now() - begunMs).toBeLessThan(4_000);
});

test("ME7 of several addresses one that is dead keeps nobody from asking again at one that is busy", async () => {
  const { it, slow, free } = await busyIssuer();
  const dead = it.address.replace(/tcp\/\d+/, "tcp/1");
  const late = enrol({
    addresses: [it.address, dead],
    fleet: OUR_FLEET,
    privateKey: seedOf("late"),
    request: bytes("x"),
    tries: 4,
  }).catch(() => bytes("given up"));
  await until("the late one is hung up on", () => it.turnedAway.length === 1);
  free();
  expect((await Promise.all([...slow, late])).map(textOf)).toEqual(
    [...slow, late].map(() => "yes"),
  );
});

test("ME7 whoever is hung up on asks again, as often as he was told, and is answered when there is room", async () => {
  const { it, slow, free } = await busyIssuer();
  const late = ask(it, bytes("x"), { name: "late", tries: 4 }).catch(() => bytes("hung up on"));
  await until("the late one is hung up on", () => it.turnedAway.length === 1);
  free();
  expect((await Promise.all([...slow, late])).map(textOf)).toEqual(
    [...slow, late].map(() => "yes"),
  );
  expect(it.turnedAway).toHaveLength(1);
});

/** A way to a port that answers who connects until both sides have agreed on how to secure the connection, and then no more. */
function tarpit(port: number): Promise<number> {
  return stalls(port, 100, () => true);
}

/** A way to a port that lets so many bytes of the first answer through and no more, as a node on a busy machine does; from the second one on all. */
async function stallsOnce(port: number, bytesMax: number): Promise<number> {
  let count = 0;
  return await stalls(port, bytesMax, () => (count += 1) === 1);
}

async function stalls(port: number, bytesMax: number, isNext: () => boolean): Promise<number> {
  const relay = createServer((inbound) => {
    const outbound = connect(port, "127.0.0.1");
    const isFirst = isNext();
    let left = bytesMax;
    outbound.on("data", (chunk: Buffer) => {
      if (!isFirst) return void inbound.write(chunk);
      inbound.write(chunk.subarray(0, left));
      left = Math.max(0, left - chunk.length);
    });
    inbound.on("data", (chunk: Buffer) => outbound.write(chunk));
    for (const each of [inbound, outbound]) each.on("error", () => undefined);
    inbound.on("close", () => outbound.destroy());
    outbound.on("close", () => inbound.destroy());
  });
  scene.atEnd(() => relay.close());
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  return (relay.address() as AddressInfo).port;
}

test("ME7 an issuer whose machine is so busy that a handshake does not end in time is asked again, one that is not there is not", async () => {
  const it = await issuer(async () => bytes("yes"));
  const port = Number(/tcp\/(\d+)/.exec(it.address)?.[1]);
  const by = async (bytesMax: number): Promise<Uint8Array> => {
    const way = it.address.replace(/tcp\/\d+/, `tcp/${await stallsOnce(port, bytesMax)}`);
    const options = { addresses: [way], fleet: OUR_FLEET, privateKey: seedOf("late") };
    return enrol({ ...options, request: bytes("x"), tries: 2, visitMs: 1_500 });
  };
  // Both have agreed on noise, and its answer is on the way.
  expect(textOf(await by(100))).toBe("yes");
  await expect(by(0)).rejects.toMatchObject({ message: expect.stringContaining("no handshake") });
});

test("P6, ME7 addresses that take a connection and say nothing cost ENROL_MS_MAX in all, who waits hears where the time goes, and then what is wrong", async () => {
  const it = await issuer(async () => bytes("yes"));
  const port = Number(/tcp\/(\d+)/.exec(it.address)?.[1]);
  const addresses: string[] = [];
  for (let at = 0; at < 3; at += 1)
    addresses.push(it.address.replace(/tcp\/\d+/, `tcp/${await tarpit(port)}`));
  const waits: EnrolWait[] = [];
  const beganAtMs = performance.now();
  const late = enrol({
    addresses,
    fleet: OUR_FLEET,
    privateKey: seedOf("late"),
    request: bytes("x"),
    tries: 2,
    visitMs: 1_500,
    limitMs: 6_000,
    waiting: (wait) => void waits.push(wait),
  });
  const said = await late.then(textOf, String);
  expect(said).toMatch(/takes up connections and says nothing.* given up after 6 s/);
  expect(performance.now() - beganAtMs).toBeLessThan(8_000);
  expect(waits.map(({ limitMs }) => limitMs)).toEqual([6_000]);
  expect(addresses).toContain(waits[0]?.address);
}, 20_000);

test("P6, ME7 strangers that begin to ask and say nothing keep nobody waiting", async () => {
  const it = await issuer(async () => bytes("yes"));
  for (let i = 0; i <= ENROLMENTS_RUNNING_MAX; i++) {
    const slow = await scene.strangerTo(it);
    const stream = await slow.connection.newStream(`/pulsemesh/${OUR_FLEET}/join/1`);
    stream.send(Uint8Array.of(100));
  }
  expect(textOf(await ask(it, bytes("x"), { name: "honest" }))).toBe("yes");
  expect(it.turnedAway).toEqual([]);
});
