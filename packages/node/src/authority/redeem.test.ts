import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "../keys/code-of.test-support.ts";
import { type GrantClaims, readClaims } from "@pulsemesh/core";
import { afterEach, assert, beforeEach, describe, expect, test } from "vitest";
import { writePrivateFile } from "../keys/private-file.ts";
import { tokenPort } from "../ports/tokens.ts";
import { ENROLS_PER_PEER_MAX } from "./enrol-rate.ts";
import { IssuerRig, makeMember, requestOf, START_S } from "./enrolment.test-support.ts";
import { readInvite, writeInvite } from "./invite.ts";
import { INVITE_USES_MAX, INVITES_MAX } from "./invite-ledger.ts";
import { INVITE_TTL_MS_MAX, type InviteOptions } from "./issuer.ts";

const HOUR_MS = 3_600_000;
const [anna, berta] = [makeMember(), makeMember()];
const address = "/ip4/192.0.2.7/tcp/7421";
const options: InviteOptions = {
  roles: ["robot"],
  robots: ["zap-*"],
  addresses: [address],
  ttlMs: HOUR_MS,
};

let rig: IssuerRig;
beforeEach(() => {
  rig = new IssuerRig(mkdtempSync(join(tmpdir(), "pulsemesh-invites-")));
});
afterEach(() => rmSync(rig.dir, { recursive: true, force: true }));

const ledger = (): string => join(rig.dir, "invites.json");
const refused = (code: string): unknown => expect.objectContaining({ code });

/** Shows an invite to an issuer that has just started, so that no rate is in the way. */
async function redeem(invite: string, { id, ...keys } = anna): Promise<string> {
  return rig.start().redeem(invite, requestOf({ ...keys }), id);
}

function claimsOf(token: string): GrantClaims {
  const read = tokenPort.read(token);
  const result = read === undefined ? undefined : readClaims(read, rig.fleet);
  assert(result?.ok === true && result.claims.kind === "grant");
  return result.claims;
}

describe("invite", () => {
  test("ME7 makes a member with its own terms, once", async () => {
    const invite = rig.start().invite({ ...options, region: "us" });
    expect(readInvite(invite)).toMatchObject({
      fleet: rig.fleet,
      issuer: rig.self,
      addresses: [address],
      expS: START_S + 3_600,
      isPrivate: false,
    });
    const within = rig.start({ isPrivate: true }).invite(options);
    expect(readInvite(within).isPrivate).toBe(true);
    const read = tokenPort.read(await redeem(invite));
    assert(read !== undefined);
    expect(readClaims(read, rig.fleet)).toMatchObject({
      ok: true,
      claims: { kind: "grant", node: anna.id, roles: ["robot"], robots: ["zap-*"], region: "us" },
    });
    expect(await codeOf(redeem(invite, berta))).toBe("invite-used");
    // Its answer may have been lost on the way.
    expect(await codeOf(redeem(invite))).toBe("none");
  });

  test("ME7 who asks again is given the grant of its use, and no other: what it may do meanwhile stands", async () => {
    const invite = rig.start().invite(options);
    const first = await redeem(invite);
    // It never became known: the issuer died before it was handed to the fleet.
    rig.pass(60_000);
    const known = await redeem(invite);
    expect(claimsOf(known).issuedS).toBe(START_S + 60);
    expect(claimsOf(known)).not.toEqual(claimsOf(first));
    rig.grants.set(anna.id, claimsOf(known));
    rig.pass(60_000);
    expect(await redeem(invite)).toBe(known);
    // A key of its was lost: the terms and the use are the same ones.
    const other = { ...anna, audit: berta.audit };
    const anew = claimsOf(await redeem(invite, other));
    expect(anew).toMatchObject({ issuedS: START_S + 120, roles: ["robot"], robots: ["zap-*"] });
    expect(anew.auditKey).not.toBe(claimsOf(known).auditKey);
    rig.grants.set(anna.id, anew);
    expect(claimsOf(await redeem(invite, other))).toEqual(anew);
    rig.revoked.add(anna.id);
    expect(await codeOf(redeem(invite, other))).toBe("key-revoked");
  });

  test("ME7 who was granted something else since it has used an invite gets nothing by it any more", async () => {
    const invite = rig.start().invite({ ...options, uses: 2 });
    rig.grants.set(anna.id, claimsOf(await redeem(invite)));
    rig.pass(1_000);
    const narrow = { roles: ["observer"], robots: [] } as const;
    const narrowed = claimsOf(await rig.start().grant(requestOf(anna), narrow));
    rig.grants.set(anna.id, narrowed);
    rig.pass(1_000);
    expect(await codeOf(redeem(invite))).toBe("invite-used");
    // The rest of its uses is for others.
    expect(await codeOf(redeem(invite, berta))).toBe("none");
    // A member that is invited anew gets what that invite says.
    const wider = claimsOf(await redeem(rig.start().invite(options)));
    expect(wider.roles).toEqual(["robot"]);
    expect(wider.issuedS).toBeGreaterThan(narrowed.issuedS);
  });

  test("ME7, P5 one that was withdrawn is known no more, also after a start, and who has used it may not ask again; others stay", async () => {
    const issuer = rig.start();
    const [first, second] = [issuer.invite({ ...options, uses: 2 }), issuer.invite(options)];
    await redeem(first);
    const [{ id } = { id: "" }] = rig.start().invites;
    issuer.withdraw(id);
    for (const one of [anna, berta])
      expect(await codeOf(redeem(first, one))).toBe("invite-unknown");
    expect(() => rig.start().withdraw(id)).toThrow(refused("invite-unknown"));
    expect(await codeOf(redeem(second, berta))).toBe("none");
  });

  test("ME7 of two that show it at once one becomes a member", async () => {
    const issuer = rig.start();
    const invite = issuer.invite(options);
    const answers = await Promise.allSettled(
      [anna, berta].map(async (one) => issuer.redeem(invite, requestOf(one), one.id)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(rig.start().invites).toMatchObject([{ usedBy: [expect.any(String)] }]);
  });

  test("ME7 P6 INVITE_USES_MAX nodes at most are made members by one", async () => {
    const invite = rig.start().invite({ ...options, uses: 3 });
    // One that asks again uses it once.
    for (const one of [berta, berta, makeMember(), berta, makeMember()]) await redeem(invite, one);
    expect(rig.start().invites).toMatchObject([{ usedBy: { length: 3 } }]);
    expect(await codeOf(redeem(invite))).toBe("invite-used");
    for (const uses of [0, -1, 1.5, Number.NaN, INVITE_USES_MAX + 1])
      expect(() => rig.start().invite({ ...options, uses })).toThrow(refused("option-invalid"));
    rig.start().invite({ ...options, uses: INVITE_USES_MAX });
  });

  test("ME7 P6 ends at its time, INVITE_TTL_MS_MAX after it was made at the latest, and is forgotten", async () => {
    const first = rig.start().invite(options);
    rig.pass(HOUR_MS - 1);
    const second = rig.start().invite({ ...options, ttlMs: INVITE_TTL_MS_MAX });
    expect(rig.start().invites).toHaveLength(2);
    rig.pass(1);
    expect(await codeOf(redeem(first))).toBe("invite-expired");
    await redeem(second);
    // Forgotten with the next write; that it has ended it says itself.
    expect(JSON.parse(readFileSync(ledger(), "utf8"))).toMatchObject({ invites: [{}] });
    expect(await codeOf(redeem(first))).toBe("invite-expired");
    // What it says itself opens nothing.
    const longer = writeInvite({ ...readInvite(first), expS: START_S + 90 * 86_400 });
    expect(await codeOf(redeem(longer))).toBe("invite-unknown");
    for (const ttlMs of [0, 999, Number.NaN, Number.POSITIVE_INFINITY, INVITE_TTL_MS_MAX + 1])
      expect(() => rig.start().invite({ ...options, ttlMs })).toThrow(refused("option-invalid"));
  });

  test("ME7 an invite whose own text is older than what this issuer knows of it is judged by the latter", async () => {
    const invite = rig.start().invite(options);
    await redeem(writeInvite({ ...readInvite(invite), expS: 1 }));
    expect(await codeOf(redeem(invite, berta))).toBe("invite-used");
  });

  test("ME7 is none with another secret, at another issuer, in another fleet", async () => {
    const invite = readInvite(rig.start().invite(options));
    const secret = Uint8Array.from(invite.secret);
    secret[19] = (secret[19] ?? 0) ^ 1;
    const cases = {
      "invite-unknown": { ...invite, secret },
      "invite-foreign": { ...invite, issuer: berta.id },
    };
    for (const [code, changed] of Object.entries(cases))
      expect(await codeOf(redeem(writeInvite(changed)))).toBe(code);
    const foreign = writeInvite({ ...invite, fleet: new IssuerRig(rig.dir).fleet });
    expect(await codeOf(redeem(foreign))).toBe("invite-foreign");
    expect(await codeOf(redeem("pulsemesh:"))).toBe("invite-malformed");
    expect(rig.start().invites).toMatchObject([{ usedBy: [] }]);
  });

  test("ME7 P4 nobody is enrolled by somebody else, and no refusal uses anything", async () => {
    const invite = rig.start().invite(options);
    const issuer = rig.start();
    const asAnna = issuer.redeem(invite, requestOf(anna), berta.id);
    expect(await codeOf(asAnna)).toBe("request-malformed");
    expect(await codeOf(issuer.redeem(invite, "", anna.id))).toBe("request-malformed");
    const other = requestOf(anna, new IssuerRig(rig.dir).fleet);
    expect(await codeOf(issuer.redeem(invite, other, anna.id))).toBe("fleet-foreign");
    rig.revoked.add(anna.id);
    expect(await codeOf(redeem(invite))).toBe("key-revoked");
    // The root has narrowed the issuer since.
    const bounds = { expS: START_S + 90 * 86_400, roles: ["observer"], robots: ["*"] } as const;
    const narrow = rig.start({ bounds });
    const beyond = narrow.redeem(invite, requestOf(berta), berta.id);
    expect(await codeOf(beyond)).toBe("grant-beyond");
    expect(rig.start().invites).toMatchObject([{ usedBy: [] }]);
    await redeem(invite, berta);
  });

  test("ME7 P6 INVITES_MAX are open at one time; what has ended makes room", () => {
    const issuer = rig.start({ write: (path, content) => writeFileSync(path, content) });
    for (let i = 0; i < INVITES_MAX; i++) issuer.invite(options);
    expect(() => issuer.invite(options)).toThrow(refused("invites-max"));
    rig.pass(HOUR_MS);
    issuer.invite(options);
    expect(issuer.invites).toHaveLength(1);
  });

  test("ME7 P6 ENROLS_PER_PEER_MAX tries of a peer a minute, right or wrong", async () => {
    const issuer = rig.start();
    const invite = issuer.invite(options);
    for (let i = 0; i < ENROLS_PER_PEER_MAX; i++)
      expect(await codeOf(issuer.redeem("pulsemesh:", "", anna.id))).toBe("invite-malformed");
    const late = async (): Promise<string> => issuer.redeem(invite, requestOf(anna), anna.id);
    expect(await codeOf(late())).toBe("enrol-rate");
    rig.pass(60_000);
    expect(await codeOf(late())).toBe("none");
  });
});

describe("invites on disk", () => {
  test("ME7 P5 a use is on disk before the grant is handed out: nobody else uses it, whenever the node dies", async () => {
    const invite = rig.start().invite(options);
    const copy = `${rig.dir}-copy`;
    const states: string[] = [];
    const watched = rig.start({
      write(path, content) {
        states.push(readFileSync(path, "utf8"));
        writePrivateFile(path, content);
      },
    });
    await watched.redeem(invite, requestOf(anna), anna.id);
    try {
      // The machine dies in the instant in which the grant is handed out.
      cpSync(rig.dir, copy, { recursive: true });
      const revived = new IssuerRig(copy);
      const shown = { ...readInvite(invite), issuer: revived.self, fleet: revived.fleet };
      const again = revived.start().redeem(writeInvite(shown), requestOf(berta), berta.id);
      expect(await codeOf(again)).toBe("invite-used");
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
    expect(states).toHaveLength(1);
  });

  test("ME7 P5 a write that fails hands out nothing; what is on disk decides afterwards", async () => {
    const invite = rig.start().invite(options);
    for (const isWritten of [false, true]) {
      const dying = rig.start({
        write(path, content) {
          if (isWritten) writePrivateFile(path, content);
          throw new Error("ENOSPC");
        },
      });
      const answer = dying.redeem(invite, requestOf(anna), anna.id);
      expect(await codeOf(answer)).toBe("data-dir-unusable");
      expect(rig.start().invites).toMatchObject([{ usedBy: isWritten ? [anna.id] : [] }]);
    }
    expect(await codeOf(redeem(invite, berta))).toBe("invite-used");
    expect(await codeOf(redeem(invite))).toBe("none");
  });

  test("ME7 an invite that could not be written is not handed out, and the ones before stay", () => {
    rig.start().invite(options);
    const full = rig.start({
      write() {
        throw new Error("ENOSPC");
      },
    });
    expect(() => full.invite(options)).toThrow(refused("data-dir-unusable"));
    expect(rig.start().invites).toHaveLength(1);
  });

  test("ME6 ME7 the file is its owner's, and no secret is in it", () => {
    const invite = rig.start().invite(options);
    const text = readFileSync(ledger(), "utf8");
    const secret = Buffer.from(readInvite(invite).secret);
    for (const form of ["hex", "base64", "base64url"] as const)
      expect(text).not.toContain(secret.toString(form));
    expect(statSync(ledger()).mode & 0o777).toBe(0o600);
    expect(readdirSync(rig.dir)).toEqual(["invites.json"]);
  });

  test("ME7 a damaged file is an error and never empty, or used invites would be open again", async () => {
    const invite = rig.start().invite(options);
    const text = readFileSync(ledger(), "utf8");
    const json = JSON.parse(text) as { readonly invites: readonly [object] };
    const withInvite = (changed: object): string =>
      JSON.stringify({ ...json, invites: [{ ...json.invites[0], ...changed }] });
    const damaged = [
      "",
      "null",
      "[]",
      "{}",
      text.slice(0, -3),
      JSON.stringify({ ...json, v: 2 }),
      JSON.stringify({ ...json, invites: [null] }),
      withInvite({ id: "x" }),
      withInvite({ usesMax: 0 }),
      withInvite({ endS: "later" }),
      withInvite({ roles: ["king"] }),
      withInvite({ robots: ["a*b"] }),
      withInvite({ region: "" }),
      withInvite({ usedBy: undefined }),
      withInvite({ usedBy: [anna.id, berta.id], grantedS: [1, 1] }),
      withInvite({ usedBy: [anna.id], grantedS: [] }),
      withInvite({ usedBy: [anna.id], grantedS: ["now"] }),
    ];
    for (const bad of damaged) {
      writeFileSync(ledger(), bad);
      expect(await codeOf(redeem(invite))).toBe("data-dir-unusable");
      expect(() => rig.start().invite(options)).toThrow(refused("data-dir-unusable"));
      expect(readFileSync(ledger(), "utf8")).toBe(bad);
    }
    // Whoever removes it closes them all.
    rmSync(ledger());
    expect(await codeOf(redeem(invite))).toBe("invite-unknown");
  });
});
