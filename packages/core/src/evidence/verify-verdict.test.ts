/** What a third party can tell of a verdict with nothing but a bundle (rule VE10). */
import { createTestPorts, TestAuthority } from "@pulsemesh/testkit";
import fc from "fast-check";
import { assert, describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { sealObservation } from "../liveness/observation-codec.ts";
import { evidenceOf, lie, pulsesOf } from "../liveness/said.test-support.ts";
import { toBase64Url } from "./base64url.ts";
import type { Bundle } from "./bundle.ts";
import { BUNDLE_LENGTH_MAX, BUNDLE_STATEMENTS_MAX, BUNDLE_WITNESSES_MAX } from "./limits.ts";
import { FOUR, verdictMesh } from "./verdict-mesh.test-support.ts";
import { type VerdictCheck, verifyVerdict } from "./verify-verdict.ts";

const authority = new TestAuthority();
const ports = createTestPorts("reader");
const { bundleText, envOf, meshOf, resealed, statementsOf } = verdictMesh({
  portsOf: createTestPorts,
  authority,
});

function down(names: readonly NodeId[] = FOUR): ReturnType<typeof meshOf> {
  const net = meshOf(names);
  net.crash("na");
  net.run(6_000);
  return net;
}

function checkOf(text: string, fleet?: string): VerdictCheck {
  const result = verifyVerdict(ports, text, { fleet });
  if (!result.ok) throw new Error(`${result.code} at ${result.place}: ${result.detail}`);
  return result.check;
}

/** The answer, and the places of what is wrong. */
function answerOf(text: string, fleet?: string): readonly [string, readonly string[]] {
  const { result, findings } = checkOf(text, fleet);
  return [result, findings.map(({ code, place }) => `${code} ${place}`)];
}

const honest = bundleText(down(), "na", "nb");

describe("a bundle", () => {
  test("VE10 proves a verdict to who knows the fleet's id alone, and names who accused by which pulse", () => {
    const check = checkOf(honest, authority.fleet);
    expect([check.result, check.findings]).toEqual(["true", []]);
    expect(check.needed).toBe(3);
    const accusers = check.accusers.map(
      ({ node, standing, region }) => `${node} ${standing} ${region}`,
    );
    expect(accusers.toSorted()).toEqual(["nb counts eu", "nc counts eu", "nd counts eu"]);
    expect(check.lastPulseWallMs).toBeGreaterThan(1_800_000_000_000);
    expect(check.bundle.ended).toBeNull();
    expect(checkOf(honest).result).toBe("true");
  });

  test("VE10 is false for who pins another fleet", () => {
    const other = new TestAuthority("other").fleet;
    expect(answerOf(honest, other)).toEqual(["false", ["fleet-other fleet"]]);
  });

  test("VE10 fails when any bit of it is changed, wherever that is", () => {
    const bytes = new TextEncoder().encode(honest);
    const flipped = (at: number, bit: number): string => {
      const copy = Uint8Array.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ (1 << bit);
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(copy);
    };
    const passes = (text: string): boolean => {
      const result = verifyVerdict(ports, text);
      return result.ok && result.check.result !== "false";
    };
    expect(passes(honest)).toBe(true);
    // Every byte once, and more bits where fast-check likes.
    for (let at = 0; at < bytes.length; at++)
      if (passes(flipped(at, at % 8))) assert.fail(`byte ${at} may be changed`);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        expect([at, bit, passes(flipped(at, bit))]).toEqual([at, bit, false]);
      }),
      { numRuns: 1_000 },
    );
  });

  test("VE10 that another one has edited and signed is false or unknown, never true", () => {
    const { accusations, header, pulse } = JSON.parse(honest) as Bundle;
    const [first, second, third] = accusations;
    const edits: readonly (readonly [string, Record<string, unknown>, string])[] = [
      ["another subject", { subject: { id: "nx", name: "nx", region: "r" } }, "false"],
      ["another pulse", { pulse: [pulse[0], pulse[1] + 1] }, "false"],
      ["no header", { header: null }, "false"],
      ["a header of nobody", { header: toBase64Url(new Uint8Array(9)) }, "false"],
      ["two accusers", { accusations: [first, second] }, "false"],
      ["one accuser twice", { accusations: [first, second, second] }, "false"],
      [
        "an accuser's name changed",
        { accusations: [first, second, { ...third, by: "nx" }] },
        "false",
      ],
      ["the subject as accuser", { accusations: [first, second, { ...third, by: "na" }] }, "false"],
      ["a smaller quorum", { quorum: 1, accusations: [first] }, "false"],
      ["fewer witnesses", { witnesses: ["nb", "nc", "nx"] }, "false"],
      ["no statements", { statements: [] }, "unknown"],
      ["no grant of one", { statements: statementsOf(["nb", "nc"]) }, "unknown"],
      ["a statement of nobody", { statements: [...statementsOf(), "x.y.z"] }, "false"],
      ["a time before the pulse", { at: 1_700_000_000_000 }, "unknown"],
      ["an end that nothing shows", { ended: { at: 1, how: "restored", pulse: null } }, "unknown"],
      [
        "an end by the last pulse itself",
        { ended: { at: 1, how: "restored", pulse: header } },
        "unknown",
      ],
    ];
    for (const [what, change, result] of edits)
      expect([what, checkOf(resealed(honest, () => change)).result]).toEqual([what, result]);
  });

  test("VE10 counts no accusation by another pulse, though its author has signed it", () => {
    const net = down();
    const older = evidenceOf(net, pulsesOf(net, "na", 5_000)[0]?.bytes ?? new Uint8Array());
    const { boot, seq } = older.header;
    const name = { boot, seq };
    const env = envOf("nc");
    const bytes = sealObservation(env, {
      boot: 100,
      seq: 7,
      upMs: 9_000,
      statements: [{ kind: "accuse", subject: "na", name, evidence: older }],
    });
    const { b, s } = env.ports.codec.decode(bytes) as Record<"b" | "s", Uint8Array>;
    const word = { by: "nc", name: "nc", said: toBase64Url(b), sig: toBase64Url(s) };
    const text = resealed(honest, ({ accusations }) => ({
      accusations: [...accusations.filter(({ by }) => by !== "nc"), word],
    }));
    expect(answerOf(text)).toEqual([
      "false",
      ["word-foreign accusations[2]", "quorum-missing accusations"],
    ]);
  });

  test("VE10 is no worse for a witness that accuses with a forged header of the pulse that is known", () => {
    const net = meshOf();
    // It counts as an accuser, and what it says in earnest is lost.
    net.drop = ({ from, topic }) => from === "nc" && topic === "verdict";
    net.crash("na");
    net.run(2_000);
    const newest = evidenceOf(net, pulsesOf(net, "na", 0).at(-1)?.bytes ?? new Uint8Array());
    const forged = { ...newest.envelope, signature: new Uint8Array(64) };
    lie(net, "nc", { kind: "accuse", about: "na", evidence: { ...newest, envelope: forged } });
    net.run(6_000);
    const { result, accusers } = checkOf(bundleText(net, "na", "nb"));
    expect([result, accusers.map(({ node }) => node)]).toEqual(["true", ["nb", "nd", "nc"]]);
  });

  test("VE10 that is made by nobody of the fleet says too little: that nobody objected is its maker's word", () => {
    expect(answerOf(resealed(honest, () => ({}), "nx"))).toEqual([
      "unknown",
      ["maker-not-granted by"],
    ]);
  });

  test("VE10 of an open fleet says too little: anybody can make keys", () => {
    expect(answerOf(bundleText(down(), "na", "nb", []))).toEqual([
      "unknown",
      ["fleet-open statements"],
    ]);
  });

  test("VE10 ME1 a revoked witness counts no more, nor does an observer, nor one whose issuer the root does not name", () => {
    const with_ = (token: string): string =>
      bundleText(down(), "na", "nb", [...statementsOf(), token]);
    const revoked = with_(authority.revocation("nc"));
    expect(answerOf(revoked)).toEqual(["false", ["quorum-missing accusations"]]);
    expect(checkOf(revoked).accusers.find(({ node }) => node === "nc")?.standing).toBe("revoked");
    const grants = { nc: authority.grant("nc", { roles: ["observer"] }) };
    const observer = bundleText(down(), "na", "nb", statementsOf(FOUR, grants));
    expect(answerOf(observer)).toEqual(["false", ["quorum-missing accusations"]]);
    const stranger = { nc: authority.grant("nc", { signer: authority.key("nobody") }) };
    const unnamed = resealed(honest, () => ({ statements: statementsOf(FOUR, stranger) }));
    expect(answerOf(unnamed)[0]).toBe("false");
    expect(answerOf(unnamed)[1][0]).toMatch(/^statement-refused statements\[\d\]$/);
  });

  test("VE10 ME3 a witness whose grant was over, or had not begun, leaves it open whether the verdict stood", () => {
    const at = 1_800_000_000;
    for (const claims of [{ expS: at - 200, notBeforeS: at - 400 }, { notBeforeS: at + 9_000 }]) {
      const grants = { nc: authority.grant("nc", claims) };
      const text = bundleText(down(), "na", "nb", statementsOf(FOUR, grants));
      expect(answerOf(text)).toEqual(["unknown", ["grant-missing statements"]]);
      expect(checkOf(text).accusers.find(({ node }) => node === "nc")?.standing).toBe("grant-over");
    }
  });

  test("VE10 of a fleet of three or two names who had a say, and a single witness is said to be one", () => {
    const three = checkOf(bundleText(down(FOUR.slice(0, 3)), "na", "nb"));
    expect([three.result, three.needed, three.bundle.witnesses]).toEqual(["true", 2, ["nb", "nc"]]);
    const two = checkOf(bundleText(down(FOUR.slice(0, 2)), "na", "nb"));
    expect([two.result, two.needed, two.bundle.reason]).toEqual(["true", 1, "single-witness"]);
  });

  test("VE10 of a verdict that has ended proves how: by a newer pulse, or by a quorum that says up", () => {
    const net = down([...FOUR, "ne"]);
    net.drop = ({ from, to, topic }) => topic === "pulse" && from === "na" && to === "nb";
    net.restart("na", 200);
    net.run(6_000);
    for (const at of ["nb", "nc"]) {
      const { result, bundle } = checkOf(bundleText(net, "na", at));
      expect([at, result, bundle.ended?.how]).toEqual([at, "true", "restored"]);
    }
    const others = bundleText(net, "na", "nb");
    expect((JSON.parse(others) as Bundle).ended?.pulse).toBeNull();
    const bare = resealed(others, () => ({ ups: [] }));
    expect(answerOf(bare)).toEqual(["unknown", ["end-unproven ended"]]);
  });

  test("VE10 with an objection by a newer pulse says too little, as nobody can show when that came", () => {
    const net = down();
    net.restart("na", 200);
    net.run(6_000);
    const { ups } = JSON.parse(bundleText(net, "na", "nc")) as Bundle;
    expect(ups.length).toBeGreaterThan(0);
    // What `up` says is no objection, whatever list it stands in.
    expect(answerOf(resealed(honest, () => ({ objections: ups })))[0]).toBe("false");
    const objecting = meshOf();
    objecting.drop = ({ from, to }) => from === "na" && to === "nb";
    objecting.run(8_000);
    const word = objectionOf(objecting);
    const text = resealed(honest, () => ({ objections: [word] }));
    expect(answerOf(text)).toEqual(["unknown", ["objection-newer objections[0]"]]);
  });

  test("VE10 where several die at once holds as many of the long messages about all of them as a verdict takes", () => {
    const names = [...FOUR, "ne", "nf", "ng", "nh", "ni", "nj"];
    const net = meshOf(names);
    for (const node of ["na", "nb", "nc"]) net.crash(node);
    net.run(6_000);
    for (const about of ["na", "nb", "nc"]) {
      const text = bundleText(net, about, "nj");
      const { accusations } = JSON.parse(text) as Bundle;
      const long = accusations.filter(({ said }) => typeof said === "string");
      expect([about, checkOf(text).result]).toEqual([about, "true"]);
      expect(long.length).toBeLessThanOrEqual(3);
    }
  });

  test("VE10 of three witnesses has at most 2 KiB beyond the statements of the authority", () => {
    const { statements, ...rest } = JSON.parse(honest) as Bundle;
    expect(statements.length).toBe(5);
    // Ids of tests are shorter than real ones, which have 52 characters, in nine places.
    expect(JSON.stringify(rest).length + 9 * 50 + 2 * 70).toBeLessThanOrEqual(2_048);
  });
});

function objectionOf(net: ReturnType<typeof meshOf>): Record<string, unknown> {
  const { env } = net.node("nb");
  for (const { from, topic, bytes } of net.sent) {
    if (topic !== "verdict" || from === "nb") continue;
    const { a, b, s } = env.ports.codec.decode(bytes) as Record<"a" | "b" | "s", never>;
    const { i } = env.ports.codec.decode(b) as { readonly i: readonly (readonly number[])[] };
    if (i[0]?.[0] === 1 && (i[0][3] ?? 0) > 14)
      return { by: a, name: "", said: toBase64Url(b), sig: toBase64Url(s) };
  }
  throw new Error("nobody objected");
}

describe("reading a bundle", () => {
  const broken = (change: Record<string, unknown>): readonly [string, string] => {
    const result = verifyVerdict(
      ports,
      resealed(honest, () => change),
    );
    if (result.ok) throw new Error("it was read");
    return [result.code, result.place];
  };

  test("VE10 what is no bundle is refused with the place", () => {
    const refused = (text: string): readonly string[] => {
      const result = verifyVerdict(ports, text);
      return result.ok ? [] : [result.code, result.place];
    };
    expect(refused("")).toEqual(["bundle-invalid", "character 0"]);
    expect(refused("[]\n")).toEqual(["bundle-invalid", "character 0"]);
    expect(refused("{}\n")).toEqual(["bundle-invalid", "format"]);
    expect(refused(`${"[".repeat(100_000)}`)).toEqual(["bundle-invalid", "character 0"]);
    expect(refused(honest.replace('{"format"', '{ "format"'))).toEqual([
      "bundle-invalid",
      "character 1",
    ]);
    expect(refused(honest.trimEnd())[1]).toBe(`character ${honest.length - 1}`);
    expect(refused(honest.replace("verdict/1", "verdict/2"))).toEqual(["bundle-newer", "format"]);
    expect(broken({ pulse: [1] })).toEqual(["bundle-invalid", "pulse"]);
    expect(broken({ subject: { id: "na" } })).toEqual(["bundle-invalid", "subject.name"]);
    expect(broken({ accusations: [1] })).toEqual(["bundle-invalid", "accusations[0]"]);
    expect(broken({ ended: { at: 1, how: "died" } })).toEqual(["bundle-invalid", "ended.how"]);
  });

  test("VE10 P6 BUNDLE_LENGTH_MAX, BUNDLE_STATEMENTS_MAX and BUNDLE_WITNESSES_MAX bound what is read", () => {
    const long = verifyVerdict(ports, " ".repeat(BUNDLE_LENGTH_MAX + 1));
    expect(long.ok ? "" : long.place).toBe(`character ${BUNDLE_LENGTH_MAX}`);
    const many = Array.from({ length: BUNDLE_STATEMENTS_MAX + 1 }, () => "x");
    expect(broken({ statements: many })).toEqual(["bundle-invalid", "statements"]);
    const witnesses = Array.from({ length: BUNDLE_WITNESSES_MAX + 1 }, () => "nb");
    expect(broken({ witnesses })).toEqual(["bundle-invalid", "witnesses"]);
  });

  test("VE10 a bundle that its maker cannot have signed under another key is altered, whatever else is right in it", () => {
    const forged = resealed(honest, () => ({}), "nb").replace(
      '"by":"nb","name":"nb","made"',
      '"by":"nc","name":"nb","made"',
    );
    expect(answerOf(forged)).toEqual(["false", ["bundle-altered sig"]]);
    expect(
      createTestPorts("nb").signature.verify("nb", new Uint8Array(1), new Uint8Array(64)),
    ).toBe(false);
  });
});
