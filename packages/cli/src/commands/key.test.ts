import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nextRootStatement, rotateIssuer } from "@pulsemesh/node";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Call, fakeFetch, run } from "../command-line.test-support.ts";

const AT = "2027-01-15T08:00:00.000Z";
const [KEPT, FORGED] = ["ab".repeat(32), "cd".repeat(32)];

let base: string;
let dir: string;
let root: string;
let fleet: string;
/** What the fleet has, as the fake node tells it. */
let statements: string[];
beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "pulsemesh-key-"));
  dir = join(base, "data");
  root = join(base, "stick");
  const { out } = await run(["init", "--data", dir, "--root", root, "--json"]);
  fleet = (JSON.parse(out) as { fleet: string }).fleet;
  statements = stated();
});
afterEach(() => {
  vi.unstubAllGlobals();
  rmSync(base, { recursive: true });
});

function stated(folder: string = root): string[] {
  const text = readFileSync(join(folder, "root-statements.json"), "utf8");
  return (JSON.parse(text) as { statements: string[] }).statements;
}

const authority = (): object => ({
  fleet,
  closed: true,
  stale: false,
  news_at: AT,
  root: null,
  charter: null,
  statements,
  grants: [],
  superseded: [],
  revoked: [],
});

/** A node that takes statements, or answers those with `refusal`. */
function fakeNode(refusal?: Response): readonly Call[] {
  const { calls, fetch } = fakeFetch(({ method, body }) => {
    if (method === "GET") return Response.json(authority());
    if (refusal !== undefined) return refusal;
    const { tokens } = JSON.parse(body) as { readonly tokens: readonly string[] };
    statements.push(...tokens.filter((token) => !statements.includes(token)));
    return new Response(null, { status: 204 });
  });
  vi.stubGlobal("fetch", fetch);
  return calls;
}

const handed = (calls: readonly Call[]): readonly unknown[] =>
  calls.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body));

const keys = async (): Promise<Record<string, string>> => {
  const { out } = await run(["key", "show", "--data", dir, "--root", root, "--json"]);
  const { keys: held } = JSON.parse(out) as { keys: { key: string; id: string }[] };
  return Object.fromEntries(held.map(({ key, id }) => [key, id]));
};

test("CLI47 key rotate root hands the new statement to the node, and says which copies are old", async () => {
  const calls = fakeNode();
  const before = await keys();
  const { code, out, err } = await run(["key", "rotate", "root", "--root", root]);
  expect([code, out]).toEqual([0, `root statement 2 of fleet ${fleet}`]);
  expect(err).toContain("The fleet has it.");
  expect(err).toContain("replace every other copy of that folder");
  expect(handed(calls)).toEqual([{ tokens: [stated()[1]] }]);
  const after = await keys();
  expect(after["root"]).toBe(before["next-root"]);
  expect(after["next-root"]).not.toBe(before["next-root"]);
});

test("CLI47 key rotate issuer puts a new key into the node's folder, and says that the node takes it up by itself", async () => {
  const calls = fakeNode();
  const before = await keys();
  const asked = ["key", "rotate", "issuer", "--root", root, "--data", dir];
  const { code, err } = await run(asked);
  expect(code).toBe(0);
  expect(err).toContain(`The node on ${dir} issues with it as soon as`);
  expect((await keys())["issuer"]).not.toBe(before["issuer"]);
  const { out } = await run([...asked, "--json"]);
  expect(JSON.parse(out)).toMatchObject({
    status: "signed",
    number: 3,
    issuer: (await keys())["issuer"],
    token: stated()[2],
    handed: true,
  });
  expect(handed(calls).at(-1)).toEqual({ tokens: stated().slice(1) });
});

test("CLI47 without a node the statement is printed, and publish hands it over later, with what the fleet lacks besides", async () => {
  const calls = fakeNode();
  const asked = ["key", "rotate", "root", "--root", root, "--offline"];
  const { out } = await run([...asked, "--json"]);
  expect(JSON.parse(out)).toMatchObject({ token: stated()[1], handed: false });
  const path = join(root, "root-statements.json");
  expect((await run(asked)).err).toContain(`pulsemesh key publish ${path}`);
  expect(calls).toEqual([]);
  expect((await run(["key", "publish", path])).code).toBe(0);
  // As one row, which is judged as a whole.
  expect(handed(calls)).toEqual([{ tokens: stated().slice(1) }]);
  // What another node of the fleet has says as much, to one that has lost touch.
  writeFileSync(join(base, "fleet.json"), JSON.stringify(authority()));
  expect((await run(["key", "publish", join(base, "fleet.json")])).code).toBe(0);
  expect(handed(calls)).toHaveLength(2);
  expect(handed(calls)[1]).toEqual({ tokens: statements.slice(1) });
  writeFileSync(join(base, "x.json"), '{"statements": 7}');
  expect((await run(["key", "publish", join(base, "x.json")])).code).toBe(2);
});

test("CLI47 a row that is longer than a request is handed over in several, in its order", async () => {
  const calls = fakeNode();
  const path = join(base, "long.json");
  const tokens = ["a", "b", "c"].map((text) => text.repeat(330_000));
  writeFileSync(path, JSON.stringify({ statements: ["first", ...tokens] }));
  expect((await run(["key", "publish", path])).code).toBe(0);
  expect(handed(calls)).toEqual([{ tokens: tokens.slice(0, 2) }, { tokens: tokens.slice(2) }]);
});

test("CLI47 publish hands over what there is, of this fleet, and names the file that it was given where the node takes nothing", async () => {
  const calls = fakeNode();
  const path = join(base, "fleet.json");
  writeFileSync(path, JSON.stringify({ fleet, statements: statements.slice(0, 1) }));
  const { code, err } = await run(["key", "publish", path]);
  expect([code, handed(calls)]).toEqual([0, [{ tokens: statements.slice(0, 1) }]]);
  expect(err).toContain(`The node has the statement of ${path}`);
  writeFileSync(path, JSON.stringify({ fleet: "another", statements }));
  const foreign = await run(["key", "publish", path]);
  expect([foreign.code, handed(calls)]).toEqual([2, [{ tokens: statements.slice(0, 1) }]]);
  expect(foreign.err).toContain("it is of fleet another");
  // None at all would be taken for all that there is.
  writeFileSync(path, JSON.stringify({ fleet, statements: [] }));
  expect((await run(["key", "publish", path])).code).toBe(2);
  const problem = { status: 403, code: "signer-unknown", detail: "1 of 2 do not count here" };
  const headers = { "content-type": "application/problem+json" };
  fakeNode(Response.json(problem, { status: 403, headers }));
  writeFileSync(path, JSON.stringify({ fleet, statements: [...statements, "x.y.z"] }));
  const refused = await run(["key", "publish", path]);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain(`pulsemesh key publish ${path}`);
  expect(refused.err).not.toContain("root-statements.json");
});

test("CLI47 a statement that the node refuses is kept, and how to hand it over is said", async () => {
  const problem = { status: 403, code: "signer-unknown", detail: "nobody knows who signed it" };
  const headers = { "content-type": "application/problem+json" };
  fakeNode(Response.json(problem, { status: 403, headers }));
  const { code, err } = await run(["key", "rotate", "root", "--root", root]);
  expect(code).toBe(1);
  expect(err).toContain("It is signed, and in");
  expect(err).toContain("of its 1 statements behind the first one the node has confirmed 0");
  expect(err).toContain("pulsemesh key publish");
  expect(stated()).toHaveLength(2);
});

test("CLI47 a folder that is behind the fleet, or of another fleet, or unnamed signs nothing", async () => {
  fakeNode();
  cpSync(root, join(base, "copy"), { recursive: true });
  await run(["key", "rotate", "root", "--root", root]);
  const behind = await run(["key", "rotate", "root", "--root", join(base, "copy")]);
  expect(behind.code).toBe(2);
  expect(behind.err).toContain("ake the copy of the folder");
  expect(behind.err).toContain("pulsemesh grant list --json");
  writeFileSync(join(base, "known.json"), JSON.stringify(authority()));
  const carried = ["key", "rotate", "root", "--root", join(base, "copy"), "--known"];
  expect((await run([...carried, join(base, "known.json"), "--offline"])).code).toBe(2);
  expect((await run([...carried, join(base, "known.json")])).err).toContain("without --offline");
  expect(stated(join(base, "copy"))).toHaveLength(1);
  fleet = "another";
  expect((await run(["key", "rotate", "root", "--root", root])).err).toContain("another");
  expect((await run("key rotate root")).err).toContain("--root DIR");
  expect(stated()).toHaveLength(2);
});

test("CLI47 key void keeps what the list names of that key, and nothing of others", async () => {
  const calls = fakeNode();
  const { issuer = "" } = await keys();
  const row = { name: null, standing: "granted", roles: ["robot"], robots: [], region: "eu" };
  const until = { not_before: AT, expires: AT };
  const list = {
    ...authority(),
    // Whose row is not moved to the grants is not kept: the thief may have made it.
    superseded: [{ id: "12D3", statement: FORGED, issuer, roles: ["robot"], at: AT, expires: AT }],
    grants: [
      { id: "12D3", statement: KEPT, issuer, ...row, ...until },
      { id: "12D3y", statement: FORGED, issuer: "other", ...row, ...until },
    ],
    revoked: [{ id: "12D3x", statement: FORGED, by: "other", reason: "", at: AT }],
  };
  const asked = ["key", "void", issuer, "--root", root];
  const text = JSON.stringify(list);
  const alone = await run([...asked, "--keep", "-"], {}, text);
  expect([alone.code, alone.err.includes("nobody would be left")]).toEqual([2, true]);
  const { code, err } = await run([...asked, "--keep", "-", "--data", dir], {}, text);
  expect(code).toBe(0);
  expect(err).toContain(`${issuer} is void: 1 of its statements stay.`);
  expect(handed(calls)).toEqual([{ tokens: [stated()[1]] }]);
  const [, claims = ""] = (stated()[1] ?? "").split(".");
  expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
    void: [{ key: issuer, kept: [KEPT] }],
    issuers: [{ key: (await keys())["issuer"] }],
  });
});

test("CLI47 where another change had been broken off, that one is finished, exit 1, and nobody reads that a stolen key is void", async () => {
  fakeNode();
  const change = { rotate: true };
  const write = (path: string, text: string): void => {
    if (!path.endsWith("root-change.json")) throw new Error("died");
    writeFileSync(path, text, { mode: 0o600 });
  };
  const changes = { write, remove: () => undefined };
  const broken = nextRootStatement({ rootDir: root, change, nowS: Date.now() / 1_000, changes });
  await expect(broken).rejects.toThrow("died");
  const key = (await keys())["issuer"] ?? "";
  const asked = ["key", "void", key, "--keep", "none", "--root", root, "--data", dir];
  const finished = await run(asked);
  expect([finished.code, finished.out]).toEqual([1, `root statement 2 of fleet ${fleet}`]);
  expect(finished.err).toContain("Another change had been broken off here");
  expect(finished.err).toContain("It rotates the root.");
  expect(finished.err).toContain("not done. Next: type it once more");
  expect(finished.err).not.toContain("is void");
  const again = await run(asked);
  expect([again.code, again.out]).toEqual([0, `root statement 3 of fleet ${fleet}`]);
  expect(again.err).toContain(`${key} is void`);
});

test("CLI47 a new issuer that was broken off on the way to a node is to be handed over in the time that it has, and not in a week", async () => {
  const write = (path: string, text: string): void => {
    if (!path.endsWith("root-change.json")) throw new Error("died");
    writeFileSync(path, text, { mode: 0o600 });
  };
  const asked = ["key", "rotate", "issuer", "--root", root, "--data", dir, "--offline"];
  const now = Date.now();
  for (const [laterS, said] of [
    [0, "Hand it over within 1m 00s"],
    [3_600, "Hand it over at once"],
  ] as const) {
    const changes = { write, remove: () => undefined };
    const broken = rotateIssuer({ rootDir: root, dir, nowS: now / 1_000, changes });
    await expect(broken).rejects.toThrow("died");
    vi.spyOn(Date, "now").mockReturnValue(Math.floor(now / 1_000) * 1_000 + laterS * 1_000);
    const { code, err } = await run(asked);
    vi.mocked(Date.now).mockRestore();
    expect([laterS, code]).toEqual([laterS, 0]);
    expect(err).toContain(said);
    // Not of a key, which is drawn and may have it.
    expect(err).not.toMatch(/\b7d\b/);
  }
});

test("CLI47 key rotate root --stolen names what the fleet has and the folder lacks, and undoes it with --forged alone", async () => {
  fakeNode();
  cpSync(root, join(base, "copy"), { recursive: true });
  await run(["key", "rotate", "issuer", "--root", root, "--data", dir]);
  const stolen = ["key", "rotate", "root", "--stolen", "--root", join(base, "copy")];
  const refused = await run(stolen);
  expect([refused.code, refused.out]).toEqual([2, ""]);
  expect(refused.err).toContain(`number 2 of `);
  expect(refused.err).toContain((await keys())["issuer"]);
  expect(stated(join(base, "copy"))).toHaveLength(1);
  expect((await run([...stolen, "--forged"])).code).toBe(0);
  const alone = ["key", "rotate", "root", "--forged", "--root", root];
  expect((await run(alone)).err).toContain("--stolen");
});

test("CLI47 key rotate root --stolen --offline signs nothing without what the fleet has, or the word that it has nothing more", async () => {
  fakeNode();
  const stolen = ["key", "rotate", "root", "--stolen", "--offline", "--root", root];
  const refused = await run(stolen);
  expect([refused.code, refused.out]).toEqual([2, ""]);
  expect(refused.err).toMatch(/grant list --json[^]*--known[^]*--forged/);
  expect(stated()).toHaveLength(1);
  writeFileSync(join(base, "known.json"), JSON.stringify(authority()));
  expect((await run([...stolen, "--known", join(base, "known.json")])).code).toBe(0);
  expect((await run([...stolen, "--forged"])).code).toBe(0);
});

test("CLI47 what stays of a void issuer is never guessed", async () => {
  const calls = fakeNode();
  const { issuer = "" } = await keys();
  const asked = ["key", "void", issuer, "--root", root, "--data", dir];
  expect((await run(asked)).err).toContain("--keep none");
  for (const text of ["", "\n", "x", `${KEPT} ${FORGED}`, "{}", '{"grants":[],"revoked":7}']) {
    const { code } = await run([...asked, "--keep", "-"], {}, text);
    expect([text, code]).toEqual([text, 2]);
  }
  expect((await run(["key", "void", "short", "--keep", "none", "--root", root])).code).toBe(2);
  expect(calls).toEqual([]);
  expect((await run([...asked, "--keep", "-"], {}, `${KEPT}\n${KEPT}\n`)).err).toContain(
    "1 of its statements stay",
  );
});

test("CLI47 key rotate node explains that a new key is a new node, and changes nothing", async () => {
  const { code, err } = await run("key rotate node");
  expect(code).toBe(2);
  for (const part of ["pulsemesh join", "pulsemesh revoke", "Nothing was changed"])
    expect(err).toContain(part);
});

test("CLI47 key move-root moves the root's keys off the node and seals them, and says what is next", async () => {
  const held = await keys();
  const file = join(base, "phrase");
  writeFileSync(file, "correct horse battery\n", { mode: 0o644 });
  const [there, flags] = [join(base, "mnt", "root"), ["--data", dir, "--root", root]];
  const asked = ["key", "move-root", there, ...flags, "--passphrase-file", file];
  expect([(await run(asked)).code, stated()]).toEqual([2, statements]);
  chmodSync(file, 0o600);
  const inside = await run(["key", "move-root", join(dir, "x"), ...flags]);
  expect([inside.code, inside.err]).toEqual([2, expect.stringContaining("the node's folder")]);
  const next = `mkdir -p ${join(base, "mnt")}`;
  const unmounted = await run(asked);
  expect([unmounted.code, unmounted.err]).toEqual([2, expect.stringContaining(next)]);
  mkdirSync(join(base, "mnt"));
  const { code, out, err } = await run(asked);
  expect([code, out]).toEqual([0, `root of fleet ${fleet} ${there}`]);
  expect(err).toContain("second copy");
  expect(err).not.toContain("Not sealed");
  expect([existsSync(root), stated(there)]).toEqual([false, statements]);
  const again = JSON.parse((await run([...asked, "--json"])).out) as object;
  expect(again).toEqual({ status: "present", fleet, root: there, sealed: true, left: [] });
  root = there;
  expect(await keys()).toEqual(held);
  const rotate = ["key", "rotate", "root", "--root", there, "--offline"];
  expect((await run([...rotate, "--passphrase-file", file])).code).toBe(0);
});

test("CLI47 key move-root without a passphrase says how to seal, and key seal-root does", async () => {
  const there = join(base, "stick2");
  const moved = await run(["key", "move-root", there, "--data", dir, "--root", root]);
  expect([moved.code, moved.err]).toEqual([0, expect.stringContaining("key seal-root --root")]);
  const seal = ["key", "seal-root", "--root", there];
  expect((await run(seal)).err).toContain("--passphrase-file FILE");
  const file = join(base, "phrase");
  writeFileSync(file, "correct horse battery\n", { mode: 0o600 });
  const sealed = await run([...seal, "--passphrase-file", file, "--json"]);
  expect(JSON.parse(sealed.out)).toMatchObject({ status: "sealed", sealed: true, root: there });
  expect(readFileSync(join(there, "fleet-root.key"), "utf8")).toContain("scrypt");
});

test("CLI47 key rotate issuer leaves the old one a week where the statement is carried by hand, and a minute where not", async () => {
  fakeNode();
  const aheadS = (): number => {
    const [, claims = ""] = (stated().at(-1) ?? "").split(".");
    const { iat } = JSON.parse(Buffer.from(claims, "base64url").toString()) as { iat: number };
    return iat - Date.now() / 1_000;
  };
  const asked = ["key", "rotate", "issuer", "--root", root, "--data", dir];
  await run(asked);
  expect(aheadS()).toBeCloseTo(60, -1);
  const { err } = await run([...asked, "--offline"]);
  expect(aheadS()).toBeCloseTo(7 * 86_400, -2);
  expect(err).toContain("within 7d");
  await run([...asked, "--offline", "--handover", "10d"]);
  expect(aheadS()).toBeCloseTo(10 * 86_400, -2);
  expect((await run([...asked, "--handover", "59s"])).code).toBe(2);
});

test("CLI47 key seal-issuer seals the key of a node's folder, says what its node needs from then on, and a second time that nothing was changed", async () => {
  const file = join(base, "phrase");
  writeFileSync(file, "correct horse battery\n", { mode: 0o600 });
  const { issuer = "" } = await keys();
  const asked = ["key", "seal-issuer", "--data", dir];
  expect((await run(asked)).err).toContain("--passphrase-file FILE");
  const { code, out, err } = await run([...asked, "--passphrase-file", file]);
  expect([code, out]).toEqual([0, `issuer ${issuer} ${dir}`]);
  expect(err).toContain(`--issuer-passphrase-file ${file}`);
  expect(readFileSync(join(dir, "issuer.key"), "utf8")).toContain("scrypt");
  expect((await run([...asked, "--passphrase-file", file])).err).toContain("nothing was changed");
  const again = JSON.parse(
    (await run([...asked, "--passphrase-file", file, "--json"])).out,
  ) as object;
  expect(again).toEqual({ status: "present", issuer, data: dir, sealed: true });
  const none = await run(["key", "seal-issuer", "--data", base, "--passphrase-file", file]);
  expect([none.code, none.err]).toEqual([2, expect.stringContaining("an issuer's key in")]);
  // The next one is sealed as well.
  fakeNode();
  const rotate = ["key", "rotate", "issuer", "--root", root, "--data", dir];
  const bare = await run(rotate);
  expect([bare.code, bare.err]).toEqual([2, expect.stringContaining("--issuer-passphrase-file")]);
  const rotated = await run([...rotate, "--issuer-passphrase-file", file]);
  expect([rotated.code, rotated.err]).toEqual([0, expect.stringContaining("this passphrase")]);
  expect(readFileSync(join(dir, "issuer.key"), "utf8")).toContain("scrypt");
});
