/** Strangers at the desk of a real issuer: who guesses an invite's secret, and who comes with one that was used. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { joinFleet } from "@pulsemesh/node";
import { expect, test } from "vitest";
import { ENROLS_PER_PEER_MAX } from "../../packages/node/src/authority/enrol-rate.ts";
import { readInvite, SECRET_BYTES, writeInvite } from "../../packages/node/src/authority/invite.ts";
import { HostileFleet, PulseWatch, refusedAt, UNTOUCHED } from "../support/hostile-fleet.ts";

test("ME7 P6 a real issuer refuses who guesses an invite's secret, hears him no more after ENROLS_PER_PEER_MAX tries, and who shows one that was used; each is counted by reason", async () => {
  await using fleet = await HostileFleet.of(1);
  const { honest, issuer } = fleet;
  const terms = { roles: ["robot"], robots: ["zap-*"], ttlMs: 3_600_000 } as const;
  const invite = (await issuer.issuer?.invite(terms)) ?? "";
  const watch = new PulseWatch(honest);
  const nowS = Date.now() / 1_000;
  const come = (name: string, by: string): Promise<string> =>
    joinFleet({ dir: join(fleet.dir, name), by, name, region: "eu", nowS }).then(
      () => "enrolled",
      (error: unknown) => (error as { readonly code: string }).code,
    );
  const answers: string[] = [];
  for (let i = 0; i < ENROLS_PER_PEER_MAX + 1; i++) {
    const secret = new Uint8Array(randomBytes(SECRET_BYTES));
    answers.push(await come("guesser", writeInvite({ ...readInvite(invite), secret })));
  }
  const guessed = Array.from({ length: ENROLS_PER_PEER_MAX }, () => "invite-unknown");
  expect(answers).toEqual([...guessed, "enrol-rate"]);
  expect(await come("invited", invite)).toBe("enrolled");
  // A second one is open, or nobody would be answered.
  await issuer.issuer?.invite(terms);
  expect(await come("thief", invite)).toBe("invite-used");
  const counted = ["invite-unknown", "enrol-rate", "invite-used"].map((why) =>
    refusedAt(issuer, why),
  );
  expect(counted).toEqual([ENROLS_PER_PEER_MAX, 1, 1]);
  expect(await watch.end()).toEqual(UNTOUCHED);
}, 60_000);
