import type { PulsemeshClient } from "@pulsemesh/client";
import { expect, test } from "vitest";
import { ISSUER_SOON_MS } from "../config/authority-ends.ts";
import { checkAuthority } from "./doctor-authority.ts";
import type { Finding } from "./doctor-finding.ts";

const dayMs = 86_400_000;
const nowWallMs = Date.UTC(2027, 0, 1);
const at = (ms: number): string => new Date(nowWallMs + ms).toISOString();

const grant = (id: string, ageMs: number): object => ({
  id,
  name: id === "12D3unseen" ? null : `${id}-name`,
  standing: "granted",
  not_before: at(-ageMs),
  expires: at(14 * dayMs - ageMs),
});

function found(authority: object): Promise<Finding[]> {
  const whole = {
    closed: true,
    stale: false,
    news_at: at(0),
    charter: { number: 1, at: at(0), disputed: false },
    root: {
      number: 3,
      at: at(0),
      issuers: [{ key: "key", expires: at(300 * dayMs) }],
      disputed: [],
    },
    grants: [grant("self", dayMs), grant("beta", dayMs)],
    revoked: [],
    ...authority,
  };
  const peers = { self: { id: "self" }, peers: [{ id: "beta", status: "up" }] };
  const client = { authority: async () => whole, peers: async () => peers };
  return checkAuthority(client as unknown as PulsemeshClient, nowWallMs);
}

test("ME1 CLI43 an issuer that ends within ISSUER_SOON_MS is a warning, one that has ended a failure, with what to type", async () => {
  const ending = (ms: number): Promise<Finding[]> =>
    found({
      root: { number: 1, at: at(0), issuers: [{ key: "key", expires: at(ms) }], disputed: [] },
    });
  expect(await ending(ISSUER_SOON_MS + 1)).toMatchObject([{ check: "authority", result: "ok" }]);
  expect(await ending(ISSUER_SOON_MS)).toMatchObject([
    {
      check: "issuer",
      result: "warn",
      detail: expect.stringContaining("key ends in 60 days"),
      next: expect.stringContaining("pulsemesh key rotate issuer"),
    },
  ]);
  expect(await ending(0)).toMatchObject([{ check: "issuer", result: "fail" }]);
});

test("ME1 CLI43 a node of a closed fleet that holds nothing of its authority is a failure, with the two ways back", async () => {
  const findings = await found({ root: null, charter: null, grants: [] });
  expect(findings).toMatchObject([{ check: "authority", result: "fail" }]);
  expect(findings[0]?.next).toMatch(/--join ADDRESS.*pulsemesh join INVITE/);
});

test("ME3 CLI43 grants of live members that nobody renews are named, those of members that are away are not", async () => {
  expect(await found({})).toMatchObject([{ result: "ok", detail: expect.stringContaining("2") }]);
  const late = 11 * dayMs;
  const away = grant("12D3unseen", late);
  expect(await found({ grants: [away] })).toMatchObject([{ result: "ok" }]);
  const [finding] = await found({ grants: [grant("self", late), grant("beta", late), away] });
  expect(finding).toMatchObject({ check: "grants", result: "warn" });
  expect(finding?.detail).toContain("self-name, beta-name;");
  // One that was made for a time of its own is meant to end.
  const own = { ...grant("beta", late), expires: at(dayMs) };
  expect(await found({ grants: [own] })).toMatchObject([{ result: "ok" }]);
  const revoked = { ...grant("beta", late), standing: "revoked" };
  expect(await found({ grants: [revoked] })).toMatchObject([{ result: "ok" }]);
});

test("ME3 CLI43 a charter that is dated ahead names the clock, and fails where nothing else was heard", async () => {
  const root = { number: 1, at: at(dayMs), issuers: [], disputed: [] };
  const charter = { number: 2, at: at(365 * dayMs), disputed: false };
  const [ahead] = await found({ root, charter });
  expect(ahead).toMatchObject({ check: "authority", result: "warn" });
  expect(ahead?.detail).toContain("charter 2 is dated 365d");
  expect(ahead?.next).toContain("NTP");
  const [stale] = await found({
    root,
    charter: { number: 1, at: at(-dayMs), disputed: false },
    stale: true,
  });
  expect(stale).toMatchObject({ check: "authority", result: "fail" });
  expect(stale?.detail).toMatch(/nobody new is let in; root statement 1 is dated 1d/);
  // A root of such a date does no harm where there is a newer word.
  expect(await found({ root, charter: { number: 2, at: at(0), disputed: false } })).toMatchObject([
    { result: "ok" },
  ]);
});

test("ME2 ME3 CLI43 a disputed root and a stale authority are warnings; an open fleet, or none that answers, has no finding", async () => {
  const disputed = await found({
    root: { number: 2, at: at(0), issuers: [], disputed: [2] },
    stale: true,
  });
  expect(disputed.map(({ check, result }) => `${check} ${result}`)).toEqual([
    "root warn",
    "authority warn",
  ]);
  expect(disputed[0]?.next).toContain("--stolen");
  const root = { number: 3, at: at(0), issuers: [], disputed: [2], unanswered: [] };
  expect((await found({ root })).map(({ check }) => check)).not.toContain("root");
  expect(await found({ closed: false })).toEqual([]);
  const client = { authority: () => Promise.reject(new Error("no")) };
  expect(await checkAuthority(client as unknown as PulsemeshClient, nowWallMs)).toEqual([]);
});

test("ME3 CLI43 a charter that nobody has signed anew is a warning at every member, with the way out where the only issuer has left", async () => {
  const charter = (hours: number): object => ({
    charter: { number: 7, at: at(-hours * 3_600_000), disputed: false },
  });
  expect(await found(charter(12))).toMatchObject([{ result: "ok" }]);
  const [late] = await found(charter(14));
  expect(late).toMatchObject({ check: "authority", result: "warn" });
  expect(late?.detail).toContain("signed 14h 00m ago");
  expect(late?.next).toContain("key rotate issuer --root DIR --data ITS-FOLDER --replaces key");
  const [stale] = await found({ ...charter(30), stale: true });
  expect(stale?.detail).toContain("nobody new is let in");
  expect(stale?.next).toContain("--replaces key");
  const issuers = ["one", "two"].map((key) => ({ key, expires: at(300 * dayMs) }));
  const root = { number: 3, at: at(0), issuers, disputed: [] };
  const [unsure] = await found({ ...charter(30), stale: true, root });
  expect(unsure?.next).toContain("--replaces KEY");
});

test("ME2 CLI43 two charters with one number are a warning", async () => {
  const [finding] = await found({ charter: { number: 7, at: at(0), disputed: true } });
  expect(finding).toMatchObject({ check: "charter", result: "warn" });
  expect(finding?.detail).toContain("two charters number 7");
});

test("ME1 CLI43 as many grants or revocations as nearly fill the fleet are a warning, grants that can give way are not", async () => {
  const many = Array.from({ length: 8_000 }, (_, i) => grant(`n${i}`, 14 * dayMs));
  const [first] = await found({ grants: many });
  expect(first).toMatchObject({ check: "grants", result: "warn" });
  expect(first?.detail).toContain("8000 of at most 10000");
  // An ended one holds its room for as long as an older one could be valid.
  const ended = many.map((each) => ({ ...each, standing: "expired" }));
  expect(await found({ grants: ended })).toMatchObject([{ check: "grants", result: "warn" }]);
  const over = ended.map((each, i) => ({
    ...each,
    ...grant(`n${i}`, 31 * dayMs),
    standing: "expired",
  }));
  expect(await found({ grants: over })).toMatchObject([{ result: "ok" }]);
  const revoked = Array.from({ length: 8_000 }, (_, i) => {
    return { id: `n${i}`, statement: "s", reason: "", by: "i", at: at(0) };
  });
  expect(await found({ revoked })).toMatchObject([{ check: "revocations", result: "warn" }]);
});
