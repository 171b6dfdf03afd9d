import { createTestPorts, TestAuthority } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { DocumentName } from "../ids.ts";
import { Outbox } from "../outbox.ts";
import { Authority } from "./authority.ts";
import type { Role } from "./claims.ts";
import { CUSTODY_EPOCH, Rights } from "./rights.ts";

const fleet = new TestAuthority();

function setOf(...tokens: readonly string[]): { readonly set: Authority; readonly rights: Rights } {
  const identity = { fleet: fleet.fleet, self: "a", name: "a", region: "r", agent: "t" };
  const env = { ports: createTestPorts("a"), identity, config: coreConfig({}), out: new Outbox() };
  const set = new Authority(env);
  for (const token of tokens) set.take(token);
  const rights = new Rights(set);
  rights.renew([]);
  return { set, rights };
}

const ALL: readonly (readonly [Role, DocumentName, string, boolean])[] = [
  ["robot", "reported", "zap-1", true],
  ["gateway", "reported", "zap-1", true],
  ["operator", "reported", "zap-1", true],
  ["responder", "reported", "zap-1", true],
  ["observer", "reported", "zap-1", false],
  ["robot", "reported", "bot-1", false],
  ["operator", "reported", "bot-1", false],
  ["robot", "desired", "zap-1", false],
  ["gateway", "desired", "zap-1", false],
  ["operator", "desired", "zap-1", true],
  ["operator", "desired", "bot-1", false],
  ["robot", "roster", "c", false],
  ["robot", "roster", "b", true],
  ["responder", "roster", "c", false],
  ["gateway", "roster", "c", true],
  ["operator", "roster", "c", true],
  ["observer", "roster", "c", false],
];

describe("what an author may write", () => {
  test.each(ALL)(
    "ME1 as %s, with robots zap-*, of %s about %s: %s",
    (role, document, robot, is) => {
      const { rights } = setOf(
        fleet.root(),
        fleet.grant("b", { roles: [role], robots: ["zap-*"] }),
      );
      expect(rights.shows(document, { author: "b", epoch: 1 }, robot)).toBe(is);
      expect(rights.of(document).shows({ author: "b", epoch: 1 }, robot)).toBe(is);
    },
  );

  test("ME1 in an open fleet everybody writes everything, and nobody is asked about", () => {
    const { rights } = setOf();
    expect(rights.isOpen).toBe(true);
    expect(rights.counts("x")).toBe(true);
    expect(rights.shows("desired", { author: "x", epoch: 1 }, "r")).toBe(true);
  });

  test("ME1 of a revoked author nothing counts but its custody, which is shown whatever its grant says", () => {
    const { rights } = setOf(fleet.root(), fleet.grant("b"), fleet.revocation("b"));
    expect(rights.counts("b")).toBe(false);
    expect(rights.shows("reported", { author: "b", epoch: 1 }, "r")).toBe(false);
    expect(rights.shows("reported", { author: "b", epoch: CUSTODY_EPOCH }, "r")).toBe(true);
    expect(rights.shows("reported", { author: "c", epoch: CUSTODY_EPOCH }, "r")).toBe(false);
  });

  test("ME3 what has changed holds from the moment on at which everybody is told, and until then the word before", () => {
    const { set, rights } = setOf(fleet.root(), fleet.grant("b"));
    rights.renew(["b", "c"]);
    set.take(fleet.revocation("b"));
    set.take(fleet.grant("c"));
    expect([rights.authorship("b"), rights.authorship("c")]).toEqual(["writer", "none"]);
    expect(rights.changed(["b", "c", "d"])).toEqual(["b", "c"]);
    rights.renew(["b", "c"]);
    expect([rights.authorship("b"), rights.authorship("c")]).toEqual(["revoked", "writer"]);
    expect(rights.changed(["b", "c", "d"])).toEqual([]);
  });
});
