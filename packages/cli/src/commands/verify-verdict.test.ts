import { dagCborCodec } from "@pulsemesh/core";
import { peerIdOfKey } from "@pulsemesh/node";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../command-line.test-support.ts";

/** Of four real nodes, one of which was killed. */
const GOLDEN = fileURLToPath(new URL("../../../../test/golden/verdict-1.json", import.meta.url));
const FLEET = "btbz7qrm5c5m37bixntvmsqg2h2dwd3m6n2u2ji2cj5luu7byj5a";
const text = readFileSync(GOLDEN, "utf8");
const UNPINNED =
  "The fleet is the one that the bundle names. Next: compare it with yours, or pin it with --fleet.";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-verdict-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

function file(content: string | Uint8Array): string {
  const path = join(dir, "bundle.json");
  writeFileSync(path, content);
  return path;
}

/** The golden bundle, changed and signed by somebody who is no member. */
function byStranger(change: Record<string, unknown> = {}): string {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const { sig: _, ...bundle } = JSON.parse(text) as Record<string, unknown>;
  const changed = { ...bundle, ...change, by: peerIdOfKey(base32(raw)) };
  const sealed = dagCborCodec.encode(["pulsemesh/1/verdict", FLEET, JSON.stringify(changed)]);
  const sig = sign(null, sealed, privateKey).toString("base64url");
  return `${JSON.stringify({ ...changed, sig })}\n`;
}

function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups
    .map((group) => "abcdefghijklmnopqrstuvwxyz234567"[Number.parseInt(group.padEnd(5, "0"), 2)])
    .join("");
}

describe("verify-verdict", () => {
  test("CLI49 VE10 the bundle of real nodes is true, with the names of who signed and what rests on its maker's word", async () => {
    const { code, out, err } = await run(["verify-verdict", GOLDEN, "--fleet", FLEET]);
    expect([code, err]).toEqual([0, ""]);
    expect(out.split("\n")).toEqual([
      "true: the fleet held the node for down, as its witnesses signed.",
      "  node       four  12D3KooWNa83KCfFt8erSfoQ5r22mqLhoaZGBVdv3BMyMUFbKxGX",
      `  fleet      ${FLEET}`,
      "  at         2026-11-22T22:31:31.080Z, by the clock of one",
      "  last pulse 217549886667/3, 2026-11-22T22:31:27.529Z by its own clock",
      "  accusers   3 count of 3 that it takes among 4 members: one, eu; three, eu; two, us",
      expect.stringMatching(
        /^ {2}made by {4}one {2}12D3KooWNkH\w+ {2}2026-11-22T22:31:\d\d\.\d{3}Z; that nobody objected in time is its word$/,
      ),
    ]);
    const { statements, ...rest } = JSON.parse(text) as { readonly statements: readonly string[] };
    expect(statements.length).toBe(6);
    expect(JSON.stringify(rest).length).toBeLessThanOrEqual(2_048);
  });

  test("CLI49 without --fleet says that the bundle names its own, reads stdin, and prints JSON", async () => {
    const { code, out, err } = await run("verify-verdict - --json", {}, text);
    expect([code, err]).toEqual([0, UNPINNED]);
    expect(JSON.parse(out)).toMatchObject({
      result: "true",
      fleet: FLEET,
      pinned: false,
      reason: "quorum",
      needed: 3,
      members: 4,
      ended: null,
      findings: [],
    });
  });

  test("CLI49 an edited bundle, and one of another fleet, is false: exit 1, with the place", async () => {
    const edited = await run([
      "verify-verdict",
      file(text.replace('"name":"four"', '"name":"five"')),
    ]);
    expect([edited.code, edited.out]).toMatchObject([
      1,
      expect.stringContaining("bundle-altered at sig"),
    ]);
    const other = await run(["verify-verdict", GOLDEN, "--fleet", "a".repeat(52)]);
    expect([other.code, other.out]).toMatchObject([
      1,
      expect.stringContaining("fleet-other at fleet"),
    ]);
  });

  test("CLI49 what says too little is unknown: exit 3, with the reason", async () => {
    const stranger = await run(["verify-verdict", file(byStranger())]);
    expect([stranger.code, stranger.out]).toMatchObject([
      3,
      expect.stringMatching(/^unknown: [^]*maker-not-granted at by/),
    ]);
    const bare = await run(["verify-verdict", file(byStranger({ statements: [] }))]);
    expect([bare.code, bare.out]).toMatchObject([
      3,
      expect.stringContaining("fleet-open at statements"),
    ]);
  });

  test("CLI49 what is no bundle is exit 2 with its code, the place and the next step", async () => {
    const cases: readonly (readonly [string | Uint8Array, string])[] = [
      ["", "at character 0 it is no JSON"],
      [text.slice(0, 300), "at character 0 it is no JSON"],
      [text.replace('","name"', '", "name"'), "it is not as it was written"],
      [
        text.replace('"members":4', '"members":"4"'),
        "at members it is missing, or of another form",
      ],
      [Buffer.concat([Buffer.from(text), Buffer.from([0xff])]), "no text in UTF-8"],
      ["x".repeat(600_000), "it is longer than any bundle"],
    ];
    for (const [content, part] of cases) {
      const { code, err } = await run(["verify-verdict", file(content)]);
      expect([code, err]).toMatchObject([2, expect.stringContaining(part)]);
      expect(err).toContain("Next: export it again and change nothing in it");
    }
    const newer = await run(["verify-verdict", file(text.replace("verdict/1", "verdict/2"))]);
    expect([newer.code, newer.err]).toMatchObject([2, expect.stringContaining("or a later one")]);
    const none = await run(["verify-verdict", join(dir, "none.json")]);
    expect([none.code, none.err]).toMatchObject([2, expect.stringContaining("no such file")]);
    const folder = await run(["verify-verdict", dir]);
    expect(folder.code).toBe(2);
    const fleet = await run(["verify-verdict", GOLDEN, "--fleet", "FLEET"]);
    expect([fleet.code, fleet.err]).toMatchObject([2, expect.stringContaining("52 characters")]);
  });
});
