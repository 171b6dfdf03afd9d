/** Live libp2p transports: what is asked of a peer, and told to one, before it is let in (rule ME2). */
import { setTimeout as sleep } from "node:timers/promises";
import type { Stream } from "@libp2p/interface";
import { ROOT_ROW_BYTES_MAX } from "@pulsemesh/core";
import { afterEach, expect, test } from "vitest";
import { ASK_WHY_MS } from "../../packages/transport-libp2p/src/last-questions.ts";
import { HeldLink } from "../support/held-link.ts";
import { OUR_FLEET, seedOf, until } from "../support/libp2p-harness.ts";
import { frame } from "../support/stranger.ts";
import type { Stranger } from "../support/stranger.ts";
import { closed, Scene } from "../support/victim.ts";
import type { Victim, VictimOptions } from "../support/victim.ts";

const PROTOCOL = `/pulsemesh/${OUR_FLEET}/roots/1`;
const ROW = Buffer.from("the row of the fleet's root");
const OLD = "by.the.first";
const NEW = "by.the.second";
/** No row names who has signed it. */
const UNHEARD_OF = "by.the.third";

/** Longer than who is refused is left to look at whom it deals with. */
const PAST_HANG_UP_MS = 1_500;
/** Longer than it may take to ask why. */
const PAST_ASKING_MS = ASK_WHY_MS + 1_500;

const scene = new Scene();
afterEach(() => scene.end());

interface Newcomer extends Victim {
  /** Whose rows it was handed. */
  readonly told: { readonly node: string; readonly row: string }[];
  /** Who was asked, and has said nothing. */
  readonly silent: string[];
}

/** Presents a grant of old, and lets in who has a new one as soon as it has the row. */
async function newcomer(options: VictimOptions = {}): Promise<Newcomer> {
  const told: { node: string; row: string }[] = [];
  const silent: string[] = [];
  const knows = (): boolean => told.some(({ row }) => row === ROW.toString());
  const victim = await scene.victim("newcomer", {
    grant: OLD,
    admit: (_node, grant) => (grant === NEW && knows() ? undefined : "grant-unknown"),
    roots: {
      lacksIssuerOf: (_node, grant) => grant === UNHEARD_OF || (grant === NEW && !knows()),
      takeRootRow: (node, row) => {
        if (row === undefined) silent.push(node);
        else told.push({ node, row: Buffer.from(row).toString() });
      },
    },
    ...options,
  });
  return { ...victim, told, silent };
}

/** Knows both issuers, and tells what it holds. */
const member = (options: VictimOptions = {}): Promise<Victim> =>
  scene.victim("member", {
    grant: NEW,
    admit: (_node, grant) => (grant === OLD || grant === NEW ? undefined : "grant-none"),
    roots: { rootRow: (_node, grant) => (grant === OLD ? ROW : undefined) },
    ...options,
  });

const addressOf = (late: Victim, stranger: Stranger): string =>
  nowhere(`${late.address.replace(/p2p\/.*/, "p2p/")}${stranger.node}`);
const nowhere = (address: string): string => address.replace(/tcp\/\d+/, "tcp/1");

test("ME2, AD10 who cannot place the grant of a node that it was to find asks that one for its row, and judges it by that: neither is refused", async () => {
  const friend = await member();
  const late = await newcomer({ join: [friend.address] });
  await until("each has let the other in", () => late.ups.length === 1 && friend.ups.length === 1);
  expect(late.told).toEqual([{ node: friend.transport.node, row: ROW.toString() }]);
  expect([late.refusals, friend.refusals]).toEqual([[], []]);
});

test("ME2, AD10 so it does where the other one calls, which has not seen its grant yet", async () => {
  const friend = await member();
  const late = await newcomer({ join: [nowhere(friend.address)] });
  friend.transport.remember([late.address]);
  await until("each has let the other in", () => late.ups.length === 1 && friend.ups.length === 1);
  expect(late.told).toEqual([{ node: friend.transport.node, row: ROW.toString() }]);
  expect([late.refusals, friend.refusals]).toEqual([[], []]);
});

test("ME2, AD10 who presents nothing, as a thief has made its own grant void, asks with that grant, also whom it was refused by, and is let in", async () => {
  const friend = await member();
  const told: string[] = [];
  const late: Victim = await newcomer({
    grant: undefined,
    join: [friend.address],
    roots: {
      lacksIssuerOf: (_node, grant) => grant === NEW && told.length === 0,
      rootQuestions: () => ["by.a.thief", OLD],
      takeRootRow: (_node, row) => {
        told.push(Buffer.from(row ?? []).toString());
        late.transport.present(OLD);
      },
    },
    admit: (_node, grant) => (grant === NEW && told.length > 0 ? undefined : "grant-unknown"),
  });
  await until("it has judged", () => late.refusals.length + told.length > 0);
  expect([told, late.refusals]).toEqual([[ROW.toString()], []]);
  await until("each has let the other in", () => late.ups.length === 1 && friend.ups.length === 1);
  expect(friend.refusals.map(({ refusal }) => refusal)).toEqual(["grant-none"]);
});

test("ME2, AD10 who was refused by the only grant that it has asks nobody with it again, and is told where nothing was answered", async () => {
  const friend = await member({ admit: () => "grant-unknown" });
  const late = await newcomer({ join: [friend.address] });
  await until("it is refused", () => friend.refusals.length > 0 && late.refusals.length > 0);
  expect(late.silent).toEqual([]);
  const stranger = await expected(late, (stream) => stream.abort(new Error("nothing to say")));
  await stranger.greet({ grant: NEW });
  await closed(stranger);
  expect(late.silent).toEqual([stranger.node]);
});

test("ME2, AD10 whose address was kept from an earlier run is asked, and who comes from nowhere, or is known by hearsay, is not", async () => {
  const friend = await member();
  const late = await newcomer({
    addresses: {
      load: () => Promise.resolve({ addresses: [friend.address], briefMs: new Map() }),
      save: () => Promise.resolve(),
    },
  });
  await until("it is judged", () => late.refusals.length + late.ups.length > 0);
  expect(late.told).toEqual([{ node: friend.transport.node, row: ROW.toString() }]);
  const stranger = await scene.strangerTo(late, []);
  let asked = 0;
  await stranger.host.handle(PROTOCOL, (stream) => {
    asked += 1;
    stream.send(frame(ROW));
  });
  late.transport.foundOnLocalNetwork(addressOf(late, stranger));
  await stranger.greet({ grant: UNHEARD_OF });
  await closed(stranger);
  expect([asked, late.told.length]).toEqual([0, 1]);
  expect(late.refusals).toEqual([{ node: stranger.node, refusal: "grant-unknown" }]);
});

/** Whom the newcomer was to find, somewhere else than it comes from. */
async function expected(
  late: Victim,
  answer: ((stream: Stream) => void) | undefined,
): Promise<Stranger> {
  const stranger = await scene.strangerTo(late);
  if (answer !== undefined) await stranger.host.handle(PROTOCOL, answer);
  late.transport.remember([addressOf(late, stranger)]);
  return stranger;
}

test("ME2, P6 who is asked and says no, or more than ROOT_ROW_BYTES_MAX, is judged by what is known", async () => {
  const reset = (stream: Stream): void => stream.abort(new Error("nothing to say"));
  const oversized = (stream: Stream): void => {
    stream.send(Buffer.from([0xff, 0xff, 0xff, 0x7f]));
  };
  const late = await newcomer();
  for (const answer of [undefined, reset, oversized]) {
    const stranger = await expected(late, answer);
    await stranger.greet({ grant: NEW });
    await closed(stranger);
    expect(late.refusals.splice(0)).toEqual([{ node: stranger.node, refusal: "grant-unknown" }]);
  }
  expect(late.told).toEqual([]);
});

test("ME2, P6 two who hold their answers back for ROOT_ROW_MS_MAX keep nobody out: who comes after them waits its turn", async () => {
  const late = await newcomer();
  let asked = 0;
  const slow = (): void => void (asked += 1);
  const hanging = [await expected(late, slow), await expected(late, slow)];
  // No row places them: the time of one may end just after the third one's row was taken, and whom that row places is let in.
  const answers = hanging.map((stranger) => stranger.greet({ grant: UNHEARD_OF }));
  await until("both are asked", () => asked === 2);
  const third = await expected(late, (stream) => void stream.send(frame(ROW)));
  const answer = await third.greet({ grant: NEW });
  expect(answer.length).toBeGreaterThan(0);
  expect(late.ups).toEqual([third.node]);
  await Promise.all(answers);
  expect(late.refusals.map(({ node }) => node).toSorted()).toEqual(
    hanging.map(({ node }) => node).toSorted(),
  );
  expect(late.silent.toSorted()).toEqual(hanging.map(({ node }) => node).toSorted());
  expect(late.told).toEqual([{ node: third.node, row: ROW.toString() }]);
}, 30_000);

test("ME2, AD10 who says nothing until another has told the row is judged by that row, and let in", async () => {
  const late = await newcomer();
  const held: Stream[] = [];
  const slow = await expected(late, (stream) => void held.push(stream));
  const answer = slow.greet({ grant: NEW });
  await until("it is asked", () => held.length === 1);
  const other = await expected(late, (stream) => void stream.send(frame(ROW)));
  await other.greet({ grant: NEW });
  held[0]?.abort(new Error("nothing to say"));
  await answer;
  expect(late.ups).toEqual([other.node, slow.node]);
  expect([late.silent, late.refusals]).toEqual([[slow.node], []]);
});

test("ME2 a row has whoever was turned away for want of it asked again at once", async () => {
  const friend = await member({ grant: UNHEARD_OF, roots: {} });
  let known = false;
  const late = await newcomer({
    join: [friend.address],
    admit: () => (known ? undefined : "grant-unknown"),
    roots: {
      lacksIssuerOf: (_node, grant) => grant === NEW && !known,
      takeRootRow: (_node, row) => void (known ||= row !== undefined),
    },
  });
  await until("it is turned away", () => late.refusals.length >= 4, 20_000);
  const stranger = await expected(late, (stream) => void stream.send(frame(ROW)));
  await stranger.greet({ grant: NEW });
  const sinceMs = performance.now();
  await until("its friend is let in", () => late.ups.includes(friend.transport.node));
  expect(performance.now() - sinceMs).toBeLessThan(2_000);
}, 40_000);

test("ME2, P6 a row by which nothing else stands has nobody asked again before its time", async () => {
  const friend = await member({ grant: UNHEARD_OF, roots: {} });
  const rows: string[] = [];
  const late = await newcomer({
    join: [friend.address],
    admit: () => "grant-unknown",
    roots: {
      lacksIssuerOf: (_node, grant) => grant === NEW,
      takeRootRow: (node) => {
        rows.push(node);
        return "in-vain";
      },
    },
  });
  await until("it is turned away", () => late.refusals.length >= 4, 20_000);
  const stranger = await expected(late, (stream) => void stream.send(frame(ROW)));
  await stranger.greet({ grant: NEW });
  await sleep(PAST_HANG_UP_MS);
  const asked = late.refusals.filter(({ node }) => node === friend.transport.node);
  expect([rows, asked.length]).toEqual([[stranger.node], 4]);
}, 40_000);

test("ME2, P6 who is not let in is told no row, and beyond ROOT_ROWS_AT_ONCE_MAX questions nobody is", async () => {
  const friend = await member();
  const stranger = await scene.strangerTo(friend);
  const ask = async (grant: string): Promise<string> => {
    const stream = await stranger.connection.newStream(PROTOCOL);
    let answer = "";
    stream.addEventListener("message", ({ data }) => {
      answer += Buffer.from(data.subarray()).toString();
    });
    if (stream.status === "open") stream.send(frame(Buffer.from(grant)));
    await until("it was answered", () => answer !== "" || stream.status !== "open");
    if (stream.status === "open") await stream.close();
    return answer.slice(1);
  };
  const answers = [await ask("no.such.grant")];
  for (let at = 0; at < 5; at += 1) answers.push(await ask(OLD));
  expect(answers).toEqual(["", ROW, ROW, ROW, "", ""].map(String));
  expect(friend.ups).toEqual([]);
});

/** A member once, of what is no fleet any more: it lets nobody in, and tells who had a grant why. */
const parted = (options: VictimOptions = {}): Promise<Victim> =>
  scene.victim("parted", {
    admit: () => "grant-unknown",
    roots: { formerRow: (_node, grant) => (grant === OLD ? ROW : undefined) },
    ...options,
  });

/** Has not heard of that, and lets in whoever comes, until it has. */
async function unaware(
  options: VictimOptions = {},
  questions?: readonly string[],
): Promise<Newcomer> {
  const told: { node: string; row: string }[] = [];
  const silent: string[] = [];
  const victim = await scene.victim("unaware", {
    grant: OLD,
    admit: () => (told.length > 0 ? "grant-unknown" : undefined),
    roots: {
      lacksRowOf: () => told.length === 0,
      ...(questions === undefined ? {} : { rootQuestions: () => questions }),
      takeRootRow: (node, row) => {
        if (row === undefined) silent.push(node);
        else told.push({ node, row: Buffer.from(row).toString() });
      },
    },
    ...options,
  });
  return { ...victim, told, silent };
}

test.each([
  ["who calls it", "grant-unknown"],
  ["whom it calls", "grant-unknown"],
  ["whom it calls", "revoked"],
] as const)(
  "ME2, AD11 whom a member does not let in any more asks that one why, with the grant by which it was refused, and judges it by what it is told: %s, %s",
  async (who, refusal) => {
    const gone = await parted({ admit: () => refusal });
    const late = await unaware(who === "whom it calls" ? { join: [gone.address] } : {});
    if (who === "who calls it") gone.transport.remember([late.address]);
    await until(
      "it is told, or comes again",
      () => late.told.length > 0 || gone.refusals.length > 2,
    );
    expect(late.told).toEqual([{ node: gone.transport.node, row: ROW.toString() }]);
    await until("it lets that one in no more", () => late.refusals.length > 0);
    expect(late.silent).toEqual([]);
  },
);

test("ME2, AD11 it asks nobody whom it does not hold for a member, nor one that cannot judge yet, and is shut out as ever by who says nothing", async () => {
  const notReady = await parted({ admit: () => "not-ready" });
  const late = await unaware({ join: [notReady.address] });
  await until("it is refused", () => notReady.refusals.length > 1);
  expect([late.told, late.silent]).toEqual([[], []]);
  const gone = await parted({ privateKey: seedOf("mute"), roots: {} });
  late.transport.remember([gone.address]);
  await until("it has asked in vain", () => late.silent.length > 0);
  await until("it was hung up on", () => late.transport.peers().length === 0);
  expect([late.told, late.silent]).toEqual([[], [gone.transport.node]]);
  const stranger = await unaware({
    privateKey: seedOf("in company"),
    join: [gone.address],
    roots: { lacksRowOf: () => false },
  });
  const before = gone.refusals.length;
  await until("it is refused", () => gone.refusals.length > before + 1);
  expect([stranger.told, stranger.silent]).toEqual([[], []]);
});

test("ME2, AD11, P6 who is refused is not hung up on while it is told why, and is where it has shown nothing that it had", async () => {
  const gone = await parted();
  for (const [grant, status] of [
    [OLD, "open"],
    [NEW, "closed"],
  ] as const) {
    const stranger = await scene.strangerTo(gone);
    const stream = await stranger.connection.newStream(PROTOCOL);
    await stranger.greet({ grant });
    // It never closes its own half.
    stream.send(frame(Buffer.from(grant)));
    await sleep(PAST_ASKING_MS);
    expect(stranger.connection.status === "open" ? "open" : "closed").toBe(status);
    if (stream.status === "open") await stream.close();
    await closed(stranger);
  }
}, 30_000);

test("ME2, P6 the longest row comes whole to who reads it, and that is said", async () => {
  const answers: string[] = [];
  const row = Buffer.alloc(ROOT_ROW_BYTES_MAX, "r");
  const gone = await parted({
    roots: {
      formerRow: (_node, grant) => (grant === OLD ? row : undefined),
      formerAsked: (_node, answer) => void answers.push(answer),
    },
  });
  const stranger = await scene.strangerTo(gone);
  const stream = await stranger.connection.newStream(PROTOCOL);
  let bytes = 0;
  stream.addEventListener("message", ({ data }) => {
    bytes += data.byteLength;
    if (bytes === frame(row).length) void stream.close();
  });
  await stranger.greet({ grant: OLD });
  stream.send(frame(Buffer.from(OLD)));
  await until("it is said what became of it", () => answers.length > 0);
  expect([answers, bytes]).toEqual([["told-former"], frame(row).length]);
}, 20_000);

test.each([
  ["who calls it", 1],
  ["who calls it", 4],
  ["whom it calls", 1],
  ["whom it calls", 4],
] as const)(
  "ME2, AD11 whom a member does not let in any more asks it why also over 260 ms of round trip: %s, by the last of %i grants",
  async (who, questions) => {
    const others = Array.from({ length: questions - 1 }, (_, at) => `by.another.${at}`);
    const listen = ["/ip4/127.0.0.1/tcp/0"];
    const late = await unaware({ listen, grant: others[0] ?? OLD }, [...others, OLD]);
    const gone = await parted({ listen });
    const [caller, called] = who === "who calls it" ? [gone, late] : [late, gone];
    const link = new HeldLink(Number(called.address.split("/")[4]));
    scene.atEnd(() => link[Symbol.asyncDispose]());
    link.delay(130, 0);
    const port = await link.listen();
    caller.transport.remember([called.address.replace(/tcp\/\d+/, `tcp/${port}`)]);
    await until("it is told, or comes again", () => late.told.length + gone.refusals.length > 1);
    expect(late.told).toEqual([{ node: gone.transport.node, row: ROW.toString() }]);
    expect(late.silent).toEqual([]);
  },
  20_000,
);
