import { createHmac, sign } from "node:crypto";
import { compactVerify, CompactSign, FlattenedSign } from "jose";
import { type GrantClaims, readClaims, TOKEN_TYPES, writeClaims } from "@pulsemesh/core";
import { damage, fuzz, FUZZ_REACHES, FUZZ_TIMEOUT_MS } from "@pulsemesh/testkit";
import { assert, beforeAll, describe, expect, test } from "vitest";
import { signToken } from "../authority/sign-token.ts";
import { encodeBase32 } from "../keys/base32.ts";
import {
  generateSeed,
  privateKeyFromSeed,
  publicKeyFromRaw,
  rawPublicKey,
} from "../keys/ed25519.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import {
  HEADER_LENGTH_MAX,
  JWS_LENGTH_MAX,
  TOKEN_ALGORITHM,
  TOKEN_DEPTH_MAX,
  tokenPort,
} from "./tokens.ts";

/** Signing costs as much as reading: of that kind every so many runs have one. */
const SIGNED_EVERY_RUNS = 4;

const seed = generateSeed();
const key = rawPublicKey(seed);
const signer = encodeBase32(key);
const other = generateSeed();
const fleet = signer;
const atS = 1_800_000_000;
const claims: GrantClaims = {
  kind: "grant",
  signer,
  node: nodeIdOf(rawPublicKey(other)),
  roles: ["robot", "gateway"],
  robots: ["zap-*"],
  region: "Zürich",
  auditKey: encodeBase32(rawPublicKey(generateSeed())),
  cosignKey: encodeBase32(rawPublicKey(generateSeed())),
  notBeforeS: atS,
  expS: atS + 14 * 86_400,
  issuedS: atS,
};
const header = { alg: TOKEN_ALGORITHM, typ: TOKEN_TYPES.grant, kid: signer };
const payload = JSON.stringify(writeClaims(claims, fleet));

/** The neutral point: every signature of the form (R, 0) with R the same point holds under it. */
const identityKey: Uint8Array = Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0));

const encode = (text: string | Uint8Array): string => Buffer.from(text).toString("base64url");

/** Whatever bytes, signed by the very key that they name: of a key's owner, too, only one spelling is taken. */
function signed(headerText: string, payloadText: string | Uint8Array, secret = seed): string {
  const text = `${encode(headerText)}.${encode(payloadText)}`;
  return `${text}.${encode(sign(null, Buffer.from(text), privateKeyFromSeed(secret)))}`;
}

const withHeader = (changed: object): string =>
  signed(JSON.stringify({ ...header, ...changed }), payload);

let token: string;
beforeAll(async () => {
  token = await signToken(claims, seed, fleet);
});

describe("token port", () => {
  test("ME1 reads what jose signs, and jose verifies it with the algorithm pinned", async () => {
    const read = tokenPort.read(token);
    expect(read).toEqual({ type: TOKEN_TYPES.grant, signer, claims: JSON.parse(payload) });
    assert(read !== undefined);
    expect(readClaims(read, fleet)).toEqual({ ok: true, claims });
    const verified = await compactVerify(token, publicKeyFromRaw(key), {
      algorithms: [TOKEN_ALGORITHM],
    });
    expect(verified.protectedHeader).toEqual(header);
    expect(Buffer.from(verified.payload).toString()).toBe(payload);
    // What the hostile tokens below are made with makes honest ones, too.
    expect(tokenPort.read(signed(JSON.stringify(header), payload))).toEqual(read);
  });

  test("ME1, P6 the key that a token names is found in a header of at most HEADER_LENGTH_MAX without a look at the rest; of what names none nothing is said", () => {
    expect(tokenPort.signerOf(token)).toBe(signer);
    const [head = ""] = token.split(".");
    for (const other of [head, `${head}.`, `${head}.x.y`, `${head}.${"z".repeat(40_000)}`])
      expect(tokenPort.signerOf(other)).toBe(other === head ? undefined : signer);
    const ofLength = (length: number): string => {
      const text = JSON.stringify({ kid: signer, x: "" });
      const pad = "y".repeat(Math.floor((length * 3) / 4) - text.length);
      return `${encode(JSON.stringify({ kid: signer, x: pad }))}.`;
    };
    expect(ofLength(HEADER_LENGTH_MAX)).toHaveLength(HEADER_LENGTH_MAX + 1);
    expect(tokenPort.signerOf(ofLength(HEADER_LENGTH_MAX))).toBe(signer);
    expect(tokenPort.signerOf(ofLength(HEADER_LENGTH_MAX + 4))).toBeUndefined();
    for (const none of ["", ".", "..", "=.", `${encode("{}")}.`, `${encode("null")}.`])
      expect(tokenPort.signerOf(none)).toBeUndefined();
    expect(tokenPort.signerOf(`${encode(JSON.stringify({ kid: "x" }))}.`)).toBeUndefined();
  });

  test("ME1 a token of any other algorithm, key or form is none", async () => {
    const [head = "", body = "", signature = ""] = token.split(".");
    const hs256 = `${encode(JSON.stringify({ ...header, alg: "HS256" }))}.${body}`;
    const hmac = (secret: Uint8Array | string): string =>
      `${hs256}.${createHmac("sha256", secret).update(hs256).digest("base64url")}`;
    const pem = publicKeyFromRaw(key).export({ format: "pem", type: "spki" });
    const none = encode(JSON.stringify({ ...header, alg: "none" }));
    const flat = await new FlattenedSign(Buffer.from(payload))
      .setProtectedHeader(header)
      .sign(privateKeyFromSeed(seed));
    const unencoded = await new CompactSign(Buffer.from("claims"))
      .setProtectedHeader({ ...header, b64: true, crit: ["b64"] })
      .sign(privateKeyFromSeed(seed));
    const last = signature.at(-1) === "A" ? "B" : "A";
    const hostile: Readonly<Record<string, string>> = {
      "no signature at all": `${none}.${body}.`,
      "alg none with a signature": withHeader({ alg: "none" }),
      "HS256 with the raw public key as secret": hmac(key),
      "HS256 with the public key in PEM as secret": hmac(pem),
      "HS256 with the key's text as secret": hmac(signer),
      "HS256 in the header of an Ed25519 signature": withHeader({ alg: "HS256" }),
      "the old name of the algorithm": withHeader({ alg: "EdDSA" }),
      "the algorithm in small letters": withHeader({ alg: "ed25519" }),
      "no algorithm": withHeader({ alg: undefined }),
      "a critical extension": withHeader({ crit: ["exp"], exp: 1 }),
      "an empty list of critical extensions": withHeader({ crit: [] }),
      "unencoded payload": withHeader({ crit: ["b64"], b64: false }),
      "payload said to be encoded": unencoded,
      "a key of its own in the header": withHeader({ jwk: { kty: "OKP", crv: "Ed25519" } }),
      "an address of keys in the header": withHeader({ jku: "https://example.org/keys" }),
      "one more parameter": withHeader({ cty: "json" }),
      "no kid": withHeader({ kid: undefined }),
      "the kid of another key": withHeader({ kid: encodeBase32(rawPublicKey(other)) }),
      "the kid in capitals": withHeader({ kid: signer.toUpperCase() }),
      "a kid with bits to spare": withHeader({ kid: `${signer.slice(0, -1)}b` }),
      "a kid that is no text": withHeader({ kid: [signer] }),
      "the kid of a key of small order": withHeader({ kid: encodeBase32(identityKey) }),
      "no typ": withHeader({ typ: undefined }),
      "a typ that is no text": withHeader({ typ: 7 }),
      "alg twice, the good one last": signed(
        `{"alg":"none",${JSON.stringify(header).slice(1)}`,
        payload,
      ),
      "alg twice, the good one first": signed(
        `${JSON.stringify(header).slice(0, -1)},"alg":"Ed25519"}`,
        payload,
      ),
      "alg twice, once by an escape": signed(
        String.raw`{"\u0061lg":"none",${JSON.stringify(header).slice(1)}`,
        payload,
      ),
      "an escape in the header": signed(
        JSON.stringify(header).replace("typ", String.raw`\u0074yp`),
        payload,
      ),
      "a blank in the header": signed(JSON.stringify(header).replace(",", ", "), payload),
      "a claim twice": signed(
        JSON.stringify(header),
        `${payload.slice(0, -1)},"sub":"somebody else"}`,
      ),
      "a claim twice, once by an escape": signed(
        JSON.stringify(header),
        String.raw`{"\u0073ub":"somebody else",${payload.slice(1)}`,
      ),
      "a claim twice, deep inside": signed(JSON.stringify(header), '{"a":[{"b":1,"b":2}]}'),
      "an escape in a claim": signed(
        JSON.stringify(header),
        payload.replace("robot", String.raw`\u0072obot`),
      ),
      "a blank in the claims": signed(JSON.stringify(header), `${payload} `),
      "a number in another spelling": signed(
        JSON.stringify(header),
        payload.replace(`${atS}`, `${atS}.0`),
      ),
      "a line feed behind the claims": signed(JSON.stringify(header), `${payload}\n`),
      "claims that are no JSON": signed(JSON.stringify(header), "claims"),
      "claims that are no UTF-8": signed(
        JSON.stringify(header),
        Uint8Array.of(0x22, 0xff, 0xfe, 0x22),
      ),
      "a byte order mark before the claims": signed(JSON.stringify(header), `\uFEFF${payload}`),
      "a byte order mark before the header": signed(`\uFEFF${JSON.stringify(header)}`, payload),
      "a header that is a list": signed("[]", payload),
      "a header that is null": signed("null", payload),
      padding: `${token}=`,
      "a padded header": `${head}=.${body}.${signature}`,
      "bits to spare in the signature": `${token.slice(0, -1)}${last}`,
      "a signature that is cut": token.slice(0, -4),
      "a signature that is longer": `${token}AAAA`,
      "a dot behind it": `${token}.`,
      "four parts": `${token}.${signature}`,
      "five parts, as of an encrypted one": `${head}.${body}.${signature}.${body}.${signature}`,
      "two parts": `${head}.${body}`,
      "a blank behind it": `${token} `,
      "a line feed inside": `${token.slice(0, 40)}\n${token.slice(40)}`,
      "a byte order mark": `\uFEFF${token}`,
      "the alphabet of plain base64": token.replaceAll("-", "+").replaceAll("_", "/"),
      "a detached payload": `${head}..${signature}`,
      "the JSON serialisation": JSON.stringify(flat),
      "the general JSON serialisation": JSON.stringify({
        payload: flat.payload,
        signatures: [{ protected: flat.protected, signature: flat.signature }],
      }),
      nothing: "",
      dots: "..",
    };
    // A token in which no character is to be replaced is the honest one.
    const honest = Object.entries(hostile).filter(([, text]) => text === token);
    const plain = hostile["the alphabet of plain base64"];
    expect(honest.map(([name]) => name)).toEqual(
      plain === token ? ["the alphabet of plain base64"] : [],
    );
    const taken = Object.entries(hostile).filter(
      ([, text]) => text !== token && tokenPort.read(text) !== undefined,
    );
    expect(taken.map(([name]) => name)).toEqual([]);
  });

  test("ME1 a token of one kind is none of another, and none for another fleet", () => {
    const read = (typ: string): unknown => {
      const result = tokenPort.read(withHeader({ typ }));
      return result === undefined ? undefined : readClaims(result, fleet);
    };
    for (const typ of [...Object.values(TOKEN_TYPES), "JWT", "pulsemesh-Grant+jwt", ""]) {
      expect(read(typ)).toMatchObject({ ok: typ === TOKEN_TYPES.grant });
    }
    const honest = tokenPort.read(token);
    assert(honest !== undefined);
    expect(readClaims(honest, encodeBase32(rawPublicKey(other)))).toEqual({
      ok: false,
      code: "fleet-foreign",
    });
    const renamed = tokenPort.read(signed(JSON.stringify(header), payload.replace(signer, "x")));
    assert(renamed !== undefined);
    expect(readClaims(renamed, fleet)).toMatchObject({ ok: false });
  });

  test("ME1 keys of small order, under which anybody signs anything, sign nothing", () => {
    const y = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
    const weak = [
      identityKey,
      y(`01${"00".repeat(30)}80`),
      new Uint8Array(32),
      y(`ec${"ff".repeat(30)}7f`),
      y(`ee${"ff".repeat(30)}ff`),
      y("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
      y("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ];
    for (const raw of weak) {
      const text = `${encode(JSON.stringify({ ...header, kid: encodeBase32(raw) }))}.${encode(payload)}`;
      // R = the identity, S = 0: true of every message under the identity key.
      const forged = new Uint8Array(64);
      forged[0] = 1;
      expect(tokenPort.read(`${text}.${encode(forged)}`)).toBeUndefined();
      expect(() => publicKeyFromRaw(raw)).toThrow(RangeError);
    }
  });

  test("P6, P1 a token of more than TOKEN_DEPTH_MAX levels is none, on engines too whose stack would hold it, and brackets in strings are no levels", () => {
    const nested = (levels: number, text: string): string =>
      signed(JSON.stringify(header), `{"x":${"[".repeat(levels)}"${text}"${"]".repeat(levels)}}`);
    expect(tokenPort.read(nested(TOKEN_DEPTH_MAX - 1, "[[[["))).toBeDefined();
    expect(tokenPort.read(nested(TOKEN_DEPTH_MAX, ""))).toBeUndefined();
    expect(tokenPort.read(nested(5_000, "]]]]"))).toBeUndefined();
    const hidden = '["]\\"]",'.repeat(2_000);
    expect(
      tokenPort.read(signed(JSON.stringify(header), `{"x":${hidden}0${"]".repeat(2_000)}}`)),
    ).toBeUndefined();
  });

  test("P6 JWS_LENGTH_MAX characters are looked at, and no more", () => {
    const ofLength = (length: number): string => {
      const filler = Math.floor((length - signed(JSON.stringify(header), '""').length) * 0.75);
      for (let more = 0; more < 8; more++) {
        const text = signed(JSON.stringify(header), JSON.stringify("x".repeat(filler + more)));
        if (text.length === length) return text;
      }
      throw new Error("no text of that length");
    };
    expect(tokenPort.read(ofLength(JWS_LENGTH_MAX))).toBeDefined();
    expect(tokenPort.read(ofLength(JWS_LENGTH_MAX + 1))).toBeUndefined();
    const deep = `${"[".repeat(11_000)}${"]".repeat(11_000)}`;
    expect(() => tokenPort.read(signed(JSON.stringify(header), deep))).not.toThrow();
    expect(tokenPort.read("a".repeat(4 * 1024 * 1024))).toBeUndefined();
  });
});

test(
  "ME1 P4 fuzz: no changed token is read, and none throws",
  async () => {
    const bytes = Buffer.from(token);
    const rival = Buffer.from(await signToken({ ...claims, region: "us" }, seed, fleet));
    let reached = 0;
    fuzz("tokens", (random) => {
      const changed = Buffer.from(damage(random, bytes, [bytes, rival]));
      const text = changed.toString(random.integer(2) === 0 ? "utf8" : "latin1");
      if (text === rival.toString()) return;
      if (text.split(".").length === 3) reached++;
      assert(tokenPort.read(text) === undefined, `took ${text}`);
    });
    // Claims and header that were changed before they were encoded pass the base64, but not the signature.
    fuzz("token contents", (random) => {
      const parts = token.split(".");
      const at = random.integer(2);
      const inside = Buffer.from(parts[at] ?? "", "base64url");
      parts[at] = encode(damage(random, inside, [inside, Buffer.from(payload)]));
      assert(tokenPort.read(parts.join(".")) === undefined, `took ${parts.join(".")}`);
    });
    // Whatever the owner of a key signs that is not spelled as it has to be.
    fuzz("signed contents", (random, run) => {
      if (run % SIGNED_EVERY_RUNS !== 0) return;
      const body = damage(random, Buffer.from(payload));
      const read = tokenPort.read(signed(JSON.stringify(header), body));
      if (read === undefined) return;
      assert(JSON.stringify(read.claims) === Buffer.from(body).toString(), "took another spelling");
      readClaims(read, fleet);
    });
    if (FUZZ_REACHES) expect(reached).toBeGreaterThan(1_000);
  },
  FUZZ_TIMEOUT_MS,
);
