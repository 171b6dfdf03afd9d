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
    root: { number: 3, issuers: [{ key: "key", expires: at(300 * dayMs) }], disputed: [] },
    grants: [grant("self", dayMs), grant("beta", dayMs)],
    ...authority,
  };
  const peers = { self: { id: "self" }, peers: [{ id: "beta", status: "up" }] };
  const client = { authority: async () => whole, peers: async () => peers };
  return checkAuthority(client as unknown as PulsemeshClient, nowWallMs);
}

test("ME1 CLI43 an issuer that ends within ISSUER_SOON_MS is a warning, one that has ended a failure, with what to type", async () => {
  const ending = (ms: number): Promise<Finding[]> =>
    found({ root: { number: 1, issuers: [{ key: "key", expires: at(ms) }], disputed: [] } });
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

test("ME3 CLI43 grants of live members that nobody renews are named, those of members that are away are not", async () => {
  expect(await found({})).toMatchObject([{ result: "ok", detail: expect.stringContaining("2") }]);
  const late = 11 * dayMs;
  const away = grant("12D3unseen", late);
  expect(await found({ grants: [away] })).toMatchObject([{ result: "ok" }]);
  const [finding] = await found({ grants: [grant("self", late), grant("beta", late), away] });
  expect(finding).toMatchObject({ check: "grants", result: "warn" });
  expect(finding?.detail).toContain("self-name, beta-name;");
  const revoked = { ...grant("beta", late), standing: "revoked" };
  expect(await found({ grants: [revoked] })).toMatchObject([{ result: "ok" }]);
});

test("ME2 ME3 CLI43 a disputed root and a stale authority are warnings; an open fleet, or none that answers, has no finding", async () => {
  const disputed = await found({ root: { number: 2, issuers: [], disputed: [2] }, stale: true });
  expect(disputed.map(({ check, result }) => `${check} ${result}`)).toEqual([
    "root warn",
    "authority warn",
  ]);
  expect(disputed[0]?.next).toContain("--stolen");
  expect(await found({ closed: false })).toEqual([]);
  const client = { authority: () => Promise.reject(new Error("no")) };
  expect(await checkAuthority(client as unknown as PulsemeshClient, nowWallMs)).toEqual([]);
});
