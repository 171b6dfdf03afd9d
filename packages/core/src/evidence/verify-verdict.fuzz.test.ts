import {
  createTestPorts,
  damage,
  fuzz,
  FUZZ_REACHES,
  FUZZ_TIMEOUT_MS,
  TestAuthority,
} from "@pulsemesh/testkit";
import { assert, expect, test } from "vitest";
import type { Bundle } from "./bundle.ts";
import { verdictMesh } from "./verdict-mesh.test-support.ts";
import { verifyVerdict } from "./verify-verdict.ts";

const ports = createTestPorts("reader");
const { bundleText, meshOf, resealed } = verdictMesh({
  portsOf: createTestPorts,
  authority: new TestAuthority(),
});

/** Of a verdict that stands, and of one that has ended. */
function honestTexts(): readonly string[] {
  const net = meshOf();
  net.crash("na");
  net.run(6_000);
  const standing = bundleText(net, "na", "nb");
  net.restart("na", 200);
  net.run(6_000);
  return [standing, bundleText(net, "na", "nc")];
}

const ODD = [
  null,
  0,
  -1,
  1.5,
  2 ** 53,
  "",
  "QQ",
  "12D3KooW",
  [],
  [0, 0],
  [1, 2, 3],
  {},
  true,
  "na",
];

test(
  "VE10 P6 fuzz: whatever comes as a bundle, reading never throws, and no damage makes one true",
  { timeout: FUZZ_TIMEOUT_MS },
  () => {
    const texts = honestTexts();
    const bytes = texts.map((text) => new TextEncoder().encode(text));
    const bundles = texts.map((text) => JSON.parse(text) as Bundle & { readonly sig: string });
    let weighed = 0;
    fuzz("bundle", (random, run) => {
      if (run % 20 !== 0) {
        const damaged = damage(random, random.pick(bytes), bytes);
        const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(damaged);
        const result = verifyVerdict(ports, text);
        if (result.ok && result.check.result !== "false") assert.fail("damaged, and not false");
        return;
      }
      // What a hostile member signs, so that everything behind the seal is reached.
      const at = random.integer(texts.length);
      const honest = bundles[at];
      if (honest === undefined) return;
      const field = random.pick(Object.keys(honest).filter((name) => name !== "sig"));
      const other = random.pick([...ODD, ...Object.values(random.pick(bundles))]);
      const isList = Array.isArray(honest[field as keyof Bundle]) && random.chance(0.5);
      const value = isList
        ? twisted(random, honest[field as keyof Bundle] as unknown[], other)
        : other;
      const by = random.chance(0.5) ? "nd" : "nb";
      const result = verifyVerdict(
        ports,
        resealed(texts[at] ?? "", () => ({ [field]: value, fleet: honest.fleet }), by),
      );
      if (!result.ok) return;
      weighed += 1;
      const { check } = result;
      if (check.result !== "true") return;
      const counting = check.accusers.filter(({ standing }) => standing === "counts");
      const isWhole =
        counting.length >= 3 &&
        new Set(counting.map(({ node }) => node)).size === counting.length &&
        check.bundle.subject.id === "na" &&
        String(check.bundle.pulse) === String(honest.pulse);
      if (!isWhole) assert.fail(`true: ${field} ${JSON.stringify(value)}`);
    });
    if (FUZZ_REACHES) expect(weighed).toBeGreaterThan(50);
  },
);

/** A list with one item taken out, doubled, or replaced by something else. */
function twisted(
  random: Parameters<typeof damage>[0],
  list: readonly unknown[],
  other: unknown,
): readonly unknown[] {
  const at = random.integer(Math.max(1, list.length));
  return random.pick([
    list.toSpliced(at, 1),
    [...list, list[at]],
    list.toSpliced(at, 1, other),
    list.toReversed(),
  ]);
}
