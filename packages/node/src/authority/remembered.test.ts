import { statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RootRig } from "../../../../test/support/root-rig.ts";
import { encodeBase32 } from "../keys/base32.ts";
import { keyFromSeed } from "../keys/key-file.ts";
import { generateSeed } from "../keys/ed25519.ts";
import { readSecretKey } from "../keys/secret-file.ts";
import { FILE_STATEMENTS_MAX, readStatements } from "./authority-file.ts";
import { makeMember, requestOf, START_S } from "./enrolment.test-support.ts";
import { createIssuer, type Issuer } from "./issuer.ts";
import { remember } from "./remembered.ts";
import { readStatedRoots } from "./root-folder.ts";
import { nextRootStatement } from "./root-statements.ts";
import { signToken } from "./sign-token.ts";

let rig: RootRig;
let issuer: Issuer;
let path: string;
beforeEach(async () => {
  rig = await new RootRig().init();
  path = join(rig.dir, "authority.json");
  const { fleet, node: self } = rig.made;
  issuer = createIssuer({
    dir: rig.dir,
    fleet,
    self,
    key: await readSecretKey(join(rig.dir, "issuer.key")),
    bounds: { expS: START_S + 999_999, roles: ["robot"], robots: ["*"] },
    members: { grantOf: () => undefined, isRevoked: () => false },
    now: () => ({ monoMs: 0, wallMs: START_S * 1_000 }),
  });
});
afterEach(() => rig.remove());

const keep = (token: string, known: readonly string[] = rig.made.statements.slice(0, 2)): void =>
  remember(rig.dir, { fleet: rig.made.fleet, self: rig.made.node }, known, token);

test("ME2, ME6 the newest charter, the own grant and the root statements are beside the issuer's key, and no more", async () => {
  const [root = "", charter = "", grant = ""] = rig.made.statements;
  const facts = {
    root: "a".repeat(64),
    revocations: [],
    previous: { id: "b".repeat(64), number: 7 },
  };
  const eighth = await issuer.charter(facts);
  keep(eighth);
  expect(readStatements(path)).toEqual([root, eighth, grant]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const change = { rotate: true };
  const { token } = await nextRootStatement({ rootDir: rig.rootDir, change, nowS: START_S + 9 });
  const ofOther = await issuer.grant(requestOf(makeMember()), { roles: ["robot"], robots: ["*"] });
  keep(ofOther, [root, token, eighth]);
  expect(readStatements(path)).toEqual([root, token, eighth, grant]);
  keep(charter, ["no.token.here", root]);
  expect(readStatements(path)).toEqual([root, grant, charter]);
});

test("ME6 P6 with more than FILE_STATEMENTS_MAX root statements the file is left as it is", async () => {
  const [root = ""] = rig.made.statements;
  const before = readStatements(path);
  const key = keyFromSeed(generateSeed());
  const signer = encodeBase32(key.publicKey);
  const { claims } = readStatedRoots(rig.rootDir)[0];
  const many = await Promise.all(
    Array.from({ length: FILE_STATEMENTS_MAX }, (_, at) =>
      signToken(
        { ...claims, signer, number: at + 2, previous: "a".repeat(64) },
        key.seed,
        rig.made.fleet,
      ),
    ),
  );
  keep(root, many);
  expect(readStatements(path)).toEqual(before);
});
