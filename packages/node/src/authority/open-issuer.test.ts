/** The issuer of a data directory, as the root statement names it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AuthorityView, PulsemeshError } from "@pulsemesh/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { IssuingRig } from "../../../../test/support/issuing-rig.ts";
import { writeKeyText } from "../keys/key-file.ts";
import { openIssuer } from "./open-issuer.ts";

const DAY_S = 86_400;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-open-issuer-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("ME2, ME7 an issuer grants up to what the root says of it now: with a later end, and with narrower roles, without a restart", async () => {
  const rig = new IssuingRig(dir);
  await rig.start();
  writeFileSync(join(dir, "issuer.key"), writeKeyText(rig.issuerKey), { mode: 0o600 });
  let view: AuthorityView = rig.view;
  const quiet = (): void => {};
  const issuing = await openIssuer({
    dir,
    fleet: rig.fleet,
    self: rig.self.id,
    isPrivate: false,
    passphrase: undefined,
    view: () => view,
    statusOf: () => undefined,
    isTwin: () => false,
    isClockBehind: () => false,
    submit: (token) => rig.submit(token),
    cutsOf: () => Promise.resolve([]),
    serve: () => Promise.resolve(),
    addresses: () => [`/ip4/192.0.2.7/tcp/7421/p2p/${rig.self.id}`],
    isOpen: false,
    turnedAway: quiet,
    clock: { now: () => rig.core.now, after: () => quiet },
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
  const invited = async (): Promise<string> => {
    try {
      await issuing?.invite({ roles: ["gateway"], robots: ["*"], ttlMs: 60_000 });
      return "yes";
    } catch (error) {
      return error instanceof PulsemeshError ? error.code : String(error);
    }
  };
  expect(await invited()).toBe("yes");
  const { root } = rig.view;
  if (root === undefined) throw new Error("There is a root statement.");
  await rig.pass(100 * DAY_S * 1_000);
  expect(await invited()).toBe("grant-beyond");
  // The root names the same key for a year more, and later for less.
  const named = root.issuers.map((issuer) => ({ ...issuer, expS: issuer.expS + 365 * DAY_S }));
  view = { ...rig.view, root: { ...root, issuers: named } };
  expect(await invited()).toBe("yes");
  const narrow = named.map((issuer) => ({ ...issuer, roles: ["robot"] as const }));
  view = { ...rig.view, root: { ...root, issuers: narrow } };
  expect(await invited()).toBe("grant-beyond");
  // Where it is named no more, what it was given last is its bound.
  view = { ...rig.view, root: { ...root, issuers: [] } };
  expect(await invited()).toBe("grant-beyond");
});
