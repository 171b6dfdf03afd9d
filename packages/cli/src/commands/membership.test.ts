import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dagCborCodec } from "@pulsemesh/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Call, fakeFetch, run } from "../command-line.test-support.ts";
import { inviteIn, isInvite, partJoins, splitJoins } from "./address-flags.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-membership-"));
});
afterEach(() => {
  vi.unstubAllGlobals();
  rmSync(dir, { recursive: true });
});

function fakeNode(answer: (call: Call) => Response): readonly Call[] {
  const { calls, fetch } = fakeFetch(answer);
  vi.stubGlobal("fetch", fetch);
  return calls;
}

const AT = "2027-01-15T08:00:00.000Z";
const bodyOf = (calls: readonly Call[]): unknown => JSON.parse(calls.at(-1)?.body ?? "null");

test("CLI46 invite asks for what is said, prints one string on stdout and until when on stderr", async () => {
  const calls = fakeNode(() => Response.json({ invite: "pulsemesh:word", expires: AT }));
  const plain = await run("invite");
  expect(plain).toEqual({ code: 0, out: "pulsemesh:word", err: `It can be used until ${AT}.` });
  expect(bodyOf(calls)).toEqual({ roles: ["robot"], robots: ["*"] });
  const all =
    "--role robot --role gateway --robots zap-* --robots a --region eu --ttl 10m --uses 3";
  expect((await run(`invite ${all} --json`)).out).toContain('"invite":"pulsemesh:word"');
  expect(bodyOf(calls)).toEqual({
    roles: ["robot", "gateway"],
    robots: ["zap-*", "a"],
    region: "eu",
    ttl_ms: 600_000,
    uses: 3,
  });
  await run("invite --role observer");
  expect(bodyOf(calls)).toEqual({ roles: ["observer"], robots: [] });
});

test.each([
  ["invite --role robo", "Did you mean robot?"],
  ["invite --robots a*b", "a robot pattern is"],
  ["invite --ttl 8d", "--ttl"],
  ["invite --uses 0", "--uses"],
  ["grant sign x --life 32d", "--life"],
])("CLI46 %s is refused with what is wrong, and nobody is asked", async (line, part) => {
  const calls = fakeNode(() => Response.json({}));
  const { code, err } = await run(line);
  expect([code, calls]).toEqual([2, []]);
  expect(err).toContain(part);
});

const invite = {
  id: "abcdef0123456789",
  roles: ["robot"],
  robots: ["zap-*"],
  region: null,
  uses: 2,
  used_by: ["n"],
  expires: AT,
};

test("CLI46 an invite is withdrawn by the beginning of its id, where that is one's alone", async () => {
  const invites = [invite, { ...invite, id: "abc0", used_by: [] }];
  const calls = fakeNode(({ method }) =>
    method === "DELETE" ? new Response(null, { status: 204 }) : Response.json({ invites }),
  );
  for (const id of ["abc", "d"]) {
    const { code, err } = await run(["invite", "--withdraw", id]);
    expect([code, err]).toEqual([1, expect.stringContaining("Nothing was changed")]);
  }
  expect(calls.every(({ method }) => method === "GET")).toBe(true);
  const { code, err } = await run("invite --withdraw abcd");
  expect([code, err]).toEqual([
    0,
    "Invite abcdef012345 is closed. 1 have used it, and stay members.",
  ]);
  expect(calls.at(-1)).toMatchObject({
    method: "DELETE",
    url: expect.stringContaining("/api/v1/authority/invites/abcdef0123456789"),
  });
});

test("CLI46 open invites are listed without secrets", async () => {
  fakeNode(() => Response.json({ invites: [invite] }));
  const { out } = await run("invite --list");
  expect(out.split("\n")[1]?.split(/\s+/)).toEqual([
    "abcdef012345",
    "robot",
    "zap-*",
    "-",
    "1/2",
    AT,
  ]);
  fakeNode(() => Response.json({ invites: [] }));
  expect((await run("invite --list")).err).toBe("No invite is open.");
});

test("CLI46 grant sign sends the request of a file, and prints what is carried back", async () => {
  const calls = fakeNode(() => Response.json({ statements: ["a.b.c"] }));
  const path = join(dir, "request");
  writeFileSync(path, "pulsemesh-request:word\n");
  const signed = await run(`grant sign ${path} --robots x --life 1d`);
  expect(JSON.parse(signed.out)).toEqual({ statements: ["a.b.c"] });
  expect(bodyOf(calls)).toEqual({
    request: "pulsemesh-request:word",
    roles: ["robot"],
    robots: ["x"],
    life_ms: 86_400_000,
  });
  await run("grant sign -", {}, "pulsemesh-request:other");
  expect(bodyOf(calls)).toMatchObject({ request: "pulsemesh-request:other" });
  const missing = await run(`grant sign ${join(dir, "none")}`);
  expect(missing.code).toBe(2);
});

test("CLI46, ME7 a request that mail has broken, quoted or bracketed is sent whole, and what is none, or more, is refused before anybody is asked", async () => {
  const word = `pulsemesh-request:${"Ab-9_".repeat(120)}`;
  const lines = word.match(/.{1,72}/g) ?? [];
  const mangled = [
    ` ${word}\n`,
    lines.join("\r\n"),
    lines.map((line) => `> > ${line}`).join("\n"),
    `<${lines.join("\n  ")}>`,
    `"${word}"`,
  ];
  for (const text of mangled) {
    const calls = fakeNode(() => Response.json({ statements: ["a.b.c"] }));
    expect((await run("grant sign -", {}, text)).code).toBe(0);
    expect(bodyOf(calls)).toMatchObject({ request: word });
  }
  const calls = fakeNode(() => Response.json({ statements: [] }));
  const whole = `pulsemesh-request:${Buffer.from(dagCborCodec.encode({ b: "body".repeat(50) })).toString("base64url")}`;
  const broken = (whole.match(/.{1,72}/g) ?? []).join("\n");
  for (const [text, part] of [
    [`${broken}\nThanks, Bob`, "more in it"],
    [`${whole} ${whole}`, "more in it"],
    [`please sign ${lines.join("\n")}`, "more in it"],
    ["pulsemesh:anInvite", "pulsemesh request"],
    ["", "pulsemesh request"],
  ] as const) {
    const { code, err } = await run("grant sign -", {}, text);
    expect([text, code]).toEqual([text, 2]);
    expect(err).toContain(part);
  }
  expect(calls).toEqual([]);
});

const authority = {
  fleet: "f",
  closed: true,
  stale: true,
  news_at: AT,
  root: {
    id: "r",
    number: 3,
    at: "2026-01-01T00:00:00.000Z",
    key: "k",
    charter_key: "c",
    issuers: [],
    void: [],
    disputed: [2],
  },
  charter: { id: "c", number: 9, at: AT, disputed: false },
  statements: [],
  grants: [
    {
      id: "12D3",
      statement: "ab",
      name: "alpha",
      standing: "granted",
      roles: ["robot"],
      robots: ["*"],
      region: "eu",
      issuer: "i",
      not_before: AT,
      expires: AT,
    },
  ],
  superseded: [],
  revoked: [
    { id: "12D3gone", name: "leaf", statement: "cd", reason: "stolen\u001B[2J", by: "i", at: AT },
  ],
};

test("CLI46 grant list shows who is a member until when, who is revoked, and what is an alarm", async () => {
  fakeNode(() => Response.json(authority));
  const { out, err } = await run("grant list");
  expect(out).toContain("alpha  granted");
  expect(out).toContain(`revoked leaf (12D3gone) at ${AT}: stolen`);
  expect(out).toMatch(/^NODE .* ID$/m);
  expect(out).not.toContain("\u001B");
  expect(out).toContain("root statement 3, charter 9");
  expect(err).toContain("nobody new is let in");
  expect(err).toContain("somebody else has the root's key");
  fakeNode(() => Response.json({ ...authority, closed: false, root: null, charter: null }));
  expect((await run("grant list")).err).toContain("This fleet is open");
});

test("CLI46 revoke takes a name or an id, and says whom it revoked", async () => {
  const self = { id: "12D3self", name: "alpha", region: "r", addresses: [], boot: 1 };
  const peer = { ...self, id: "12D3beta", name: "beta" };
  const view = { roster: 2, in_sight: 2, unreachable: [], document_hash: "h" };
  const wholePeer = {
    ...peer,
    status: "up",
    since: AT,
    reason: null,
    last_pulse_age_ms: 1,
    rtt_ms: 1,
    pulse_every_ms: 1_000,
    clock_offset_ms: 0,
    agent: "a",
  };
  let revoked: readonly object[] = authority.revoked;
  const calls = fakeNode(({ method, url }) => {
    if (method !== "GET") return new Response(null, { status: 204 });
    if (url.endsWith("/authority")) return Response.json({ ...authority, revoked });
    return Response.json({ fleet: "f", self, peers: [wholePeer], view });
  });
  const ended = await run(["revoke", "beta", "--reason", "stolen laptop"]);
  expect(ended).toEqual({ code: 0, out: "", err: "Revoked beta (12D3beta)." });
  expect(calls.at(-1)?.url).toContain("/api/v1/peers/12D3beta/revocation");
  expect(bodyOf(calls)).toEqual({ reason: "stolen laptop" });
  revoked = [{ ...authority.revoked[0], id: "12D3beta", reason: "lost" }];
  expect((await run("revoke beta")).err).toBe(
    `beta (12D3beta) was revoked already, at ${AT}: lost; nothing was changed.`,
  );
  expect((await run("revoke bet")).err).toContain("Did you mean beta?");
});

test("CLI46 revoke knows by name who is gone, and of several who is meant: first who is here, then who may come back, then who is revoked", async () => {
  const self = { id: "12D3self", name: "alpha", region: "r", addresses: [], boot: 1 };
  const view = { roster: 1, in_sight: 1, unreachable: [], document_hash: "h" };
  const [whole] = authority.grants;
  const grant = (id: string, standing: string): object => ({
    ...whole,
    id,
    name: "leaf",
    standing,
  });
  const named = (id: string, by = "i"): object => ({ ...authority.revoked[0], id, by, reason: "" });
  let grants: readonly object[] = [grant("12D3gone", "revoked")];
  let revoked: readonly object[] = [named("12D3gone")];
  const calls = fakeNode(({ method, url }) => {
    if (method !== "GET") return new Response(null, { status: 204 });
    if (url.endsWith("/authority")) return Response.json({ ...authority, grants, revoked });
    return Response.json({ fleet: "f", self, peers: [], view });
  });
  expect(await run("revoke leaf")).toEqual({
    code: 0,
    out: "",
    err: `leaf (12D3gone) was revoked already, at ${AT}; nothing was changed.`,
  });
  grants = [...grants, grant("12D3away", "expired")];
  expect((await run("revoke leaf")).err).toBe("Revoked leaf (12D3away).");
  expect(calls.findLast(({ method }) => method === "POST")?.url).toContain("12D3away");
  grants = [...grants, grant("12D3more", "expired")];
  const { code, err } = await run("revoke leaf");
  expect([code, err]).toEqual([2, expect.stringContaining("12D3away, 12D3more")]);
  // Another issuer had said it, and may turn out to be void.
  [grants, revoked] = [[], [named("12D3gone", "first")]];
  const twice = fakeNode(({ method, url }) => {
    if (method !== "GET") revoked = [...revoked, named("12D3gone")];
    if (url.endsWith("/authority")) return Response.json({ ...authority, grants, revoked });
    if (method !== "GET") return new Response(null, { status: 204 });
    return Response.json({ fleet: "f", self, peers: [], view });
  });
  expect((await run("revoke leaf")).err).toContain("this issuer has said it as well now");
  expect(twice.filter(({ method }) => method === "POST")).toHaveLength(1);
});

test("CLI46 what is neither an invite nor a file of grants is refused, and nothing is made", async () => {
  const path = join(dir, "grant.json");
  writeFileSync(path, '{"statements": "x"}');
  for (const what of [path, join(dir, "none")]) {
    const { code, err } = await run(`join ${what} --data ${join(dir, "data")}`);
    expect(code).toBe(2);
    expect(err).toMatch(/invite/);
  }
});

test("CLI46, ME7 an invite that mail has broken, quoted or bracketed is taken whole, also out of a file, and no error repeats one", async () => {
  const word = `pulsemesh:${"Ab-9_".repeat(30)}`;
  const lines = word.match(/.{1,40}/g) ?? [];
  const mangled = [
    word,
    ` ${word}\n`,
    lines.join("\n"),
    lines.join("\r\n  "),
    lines.map((line) => `> ${line}`).join("\n"),
    lines.map((line) => `>> > ${line}`).join("\n"),
    `<${word}>`,
    `"${word}"`,
  ];
  for (const text of mangled) expect(inviteIn(text, "it")).toBe(word);
  for (const text of ["/ip4/127.0.0.1/tcp/1", "grant.json", "/srv/pulsemesh:1/grant.json"])
    expect(inviteIn(text, "it")).toBeUndefined();
  const secret = word.slice(-30);
  expect(() => inviteIn(`your invite: ${lines.join("\n")}`, "it")).toThrow("more in it");
  expect(() => inviteIn(`your invite: ${lines.join("\n")}`, "it")).not.toThrow(secret);
  for (const what of [
    word.slice("pulsemesh:".length),
    word.slice(-110),
    word.repeat(3).replaceAll(":", "").slice(-400),
  ]) {
    const { code, err } = await run(`join ${what} --data ${join(dir, "data")}`);
    expect([code, err]).toEqual([2, expect.stringContaining("an invite begins with pulsemesh:")]);
    expect(err).not.toContain(secret);
  }
  const path = join(dir, "invite.txt");
  for (const text of [`> ${word}\n`, `Hello, use ${word}\n`]) {
    writeFileSync(path, text);
    const { code, err } = await run(`join ${path} --data ${join(dir, "data")}`);
    expect(code).not.toBe(0);
    expect(err).toMatch(/invite/);
    expect(err).not.toContain(secret);
  }
});

test("CLI46, ME7 an invite that mail has broken is whole in a variable as well, beside addresses", () => {
  const body = dagCborCodec.encode({ v: 1, secret: "h".repeat(90) });
  const word = `pulsemesh:${Buffer.from(body).toString("base64url")}`;
  const broken = (word.match(/.{1,40}/g) ?? []).join("\n");
  const member = "/dns4/eu-1/tcp/7421/p2p/12D3KooWA";
  for (const text of [broken, `${broken}\n`, broken.replaceAll("\n", " \r\n ")])
    expect(splitJoins(text).map((part) => inviteIn(part, "it"))).toEqual([word]);
  const [first, second = "", ...more] = splitJoins(`${member}, ${broken} ${member}`);
  expect([first, inviteIn(second, "it"), ...more]).toEqual([member, word, member]);
  expect(splitJoins(` ${member},${member}\n`)).toEqual([member, member]);
});

test("CLI46 --join takes one invite beside addresses", () => {
  expect(isInvite("pulsemesh:x")).toBe(true);
  expect(isInvite("/ip4/127.0.0.1/tcp/1")).toBe(false);
  expect(partJoins(["/a", "pulsemesh:x", "/b"])).toEqual({
    join: ["/a", "/b"],
    invite: "pulsemesh:x",
  });
  expect(partJoins(["/a"])).toEqual({ join: ["/a"], invite: undefined });
  expect(() => partJoins(["pulsemesh:x", "pulsemesh:y"])).toThrow("2 invites");
});
