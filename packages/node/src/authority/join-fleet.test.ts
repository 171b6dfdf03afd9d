import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { PulsemeshError, ROLES } from "@pulsemesh/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RootRig } from "../../../../test/support/root-rig.ts";
import { createNode } from "../create-node.ts";
import { codeOf } from "../keys/code-of.test-support.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import { readSecretKey } from "../keys/secret-file.ts";
import { memberKeys } from "./enrol-node.ts";
import { decodeQuestion, encodeAnswer } from "./enrolment-frames.ts";
import { START_S } from "./enrolment.test-support.ts";
import { readRequest } from "./grant-request.ts";
import { createIssuer, type Issuer } from "./issuer.ts";
import { acceptMembership, joinFleet, requestMembership } from "./join-fleet.ts";

const drawn = ["audit.key", "cosign.key", "node.key"];

let rig: RootRig;
let dir: string;
let issuer: Issuer;
let asked: number;
beforeEach(async () => {
  rig = await new RootRig().init();
  dir = join(rig.base, "member");
  asked = 0;
  issuer = createIssuer({
    dir: rig.dir,
    fleet: rig.made.fleet,
    self: rig.made.node,
    key: await readSecretKey(join(rig.dir, "issuer.key")),
    bounds: { expS: START_S + 9_000_000, roles: ROLES, robots: ["*"] },
    members: { grantOf: () => undefined, isRevoked: () => false },
    now: () => ({ monoMs: 0, wallMs: START_S * 1_000 }),
  });
});
afterEach(() => rig.remove());

const invite = (): string =>
  issuer.invite({
    roles: ["robot"],
    robots: ["*"],
    addresses: ["/ip4/192.0.2.7/tcp/7421"],
    ttlMs: 3_600_000,
  });

/** Asks the issuer as over the network; `lost` is what happens to its answer. */
async function joined(
  by: string,
  { lost, ...options }: { readonly lost?: boolean; readonly sharedData?: boolean } = {},
): ReturnType<typeof joinFleet> {
  return joinFleet({
    dir,
    by,
    name: "m",
    region: "eu",
    nowS: START_S,
    ...options,
    async ask({ request }) {
      asked += 1;
      const question = decodeQuestion(request);
      const grant = await issuer.redeem(
        question?.invite ?? "",
        question?.request ?? "",
        nodeIdOf(memberKeys(dir).node.publicKey),
      );
      if (lost === true) throw new PulsemeshError("join-failed", "Nobody answered.");
      return encodeAnswer({ ok: true, statements: [...rig.made.statements, grant] });
    },
  });
}

const usedBy = (): readonly string[] => issuer.invites.flatMap(({ usedBy: nodes }) => nodes);
const textsOf = (names: readonly string[]): readonly string[] =>
  names.map((name) => readFileSync(join(dir, name), "utf8"));

test.each([0o755, 0o770])(
  "CFG13, ME7 in a folder of mode %o, which no start would take, nobody is asked and nothing is written; as a shared one it is taken",
  async (mode) => {
    mkdirSync(dir);
    chmodSync(dir, mode);
    const by = invite();
    expect(await codeOf(joined(by))).toBe("data-dir-open");
    const request = { dir, name: "m", region: "eu", nowS: START_S };
    expect(await codeOf(requestMembership(request))).toBe("data-dir-open");
    expect([asked, usedBy(), readdirSync(dir)]).toEqual([0, [], []]);
    expect(await joined(by, { sharedData: true })).toMatchObject({ isOld: false });
    expect(usedBy()).toHaveLength(1);
  },
);

test("ME7 what cannot be an invite, and statements that were asked for elsewhere, make no folder and no key", async () => {
  expect(await codeOf(joined("pulsemesh:garbage"))).toBe("invite-malformed");
  expect(await codeOf(acceptMembership(dir, rig.made.statements))).toBe("statement-malformed");
  expect(existsSync(dir)).toBe(false);
  mkdirSync(dir, { mode: 0o700 });
  expect(await codeOf(acceptMembership(dir, rig.made.statements))).toBe("statement-malformed");
  expect(readdirSync(dir)).toEqual([]);
});

test("ME7, CLI46 statements that were carried until their grant has ended make no member, and change nothing", async () => {
  const request = await requestMembership({ dir, name: "m", region: "eu", nowS: START_S });
  const terms = { roles: ["robot"], robots: ["*"], lifeMs: 60_000 } as const;
  const statements = [...rig.made.statements, await issuer.grant(request, terms)];
  const before = readdirSync(dir).toSorted();
  const endS = START_S + 60;
  await expect(acceptMembership(dir, statements, { nowS: endS })).rejects.toMatchObject({
    code: "grant-none",
    message: expect.stringContaining(new Date(endS * 1_000).toISOString()),
  });
  expect(readdirSync(dir).toSorted()).toEqual(before);
  expect(await acceptMembership(dir, statements, { nowS: endS - 1 })).toMatchObject({
    fleet: rig.made.fleet,
  });
});

test("ME7, P5 who asked in vain has left the keys that it asked under and an empty store: by the same invite, whose use may be spent, the same node comes in", async () => {
  const by = invite();
  expect(await codeOf(joined(by, { lost: true }))).toBe("join-failed");
  expect(readdirSync(dir).toSorted()).toEqual([...drawn, "format.json", "store"].toSorted());
  const [before, users] = [textsOf(drawn), usedBy()];
  expect(users).toHaveLength(1);
  expect(await joined(by)).toMatchObject({ node: users[0], isOld: false });
  expect([textsOf(drawn), usedBy()]).toEqual([before, users]);
});

test("ME7, ME1 what a join in vain has left keeps nobody from another fleet: that of another invite, or one of its own", async () => {
  expect(await codeOf(joined(invite(), { lost: true }))).toBe("join-failed");
  const [self] = usedBy();
  const request = { dir, name: "m", region: "eu", nowS: START_S };
  // Still of no fleet: whoever is asked next may be of any.
  expect(readRequest(await requestMembership(request))).toMatchObject({
    node: self,
    fleet: undefined,
  });
  const node = await createNode({ dataDir: dir, listen: ["/ip4/127.0.0.1/tcp/0"] });
  await node.stop();
  expect(node.id).toBe(self);
  expect(node.fleet).not.toBe(rig.made.fleet);
});

test("ME7, P5 who dies between the files that make a member finishes by repeating it, and asks nobody", async () => {
  const by = invite();
  const whole = await joined(by);
  for (const missing of [["addresses.json"], ["fleet.json", "addresses.json"]]) {
    const before = textsOf(missing);
    for (const name of missing) rmSync(join(dir, name));
    expect(await joined(by)).toEqual({ ...whole, isOld: true });
    expect(textsOf(missing)).toEqual(before);
  }
  expect([asked, usedBy()]).toEqual([1, [whole.node]]);
});

test("CH6, ME7 who joins by an invite again does not take its issuer for one that comes and goes, and keeps what it has of others", async () => {
  const by = invite();
  await joined(by);
  const path = join(dir, "addresses.json");
  const saved = JSON.parse(readFileSync(path, "utf8")) as { readonly addresses: string[] };
  expect(saved).toMatchObject({ brief_ms: {} });
  const brief = { [rig.made.node]: 600_000, other: 1_200_000 };
  writeFileSync(path, JSON.stringify({ ...saved, brief_ms: brief }));
  await joined(by);
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
    ...saved,
    brief_ms: { other: 1_200_000 },
  });
});
