import { expect, test } from "vitest";
import { packageGraph } from "./package-graph.ts";

test("packageGraph draws own packages and lists foreign ones, in one order whatever the input's", () => {
  const core = { name: "@pulsemesh/core", description: "Pure.", dependencies: { cbor: "1" } };
  const node = { name: "@pulsemesh/node", dependencies: { "@pulsemesh/core": "*" } };
  const drawn = packageGraph([node, core]);
  expect(drawn).toContain('node["node"] --> core["core"]');
  expect(drawn).toContain("| @pulsemesh/core | Pure. |  | cbor |");
  expect(packageGraph([core, node])).toBe(drawn);
  expect(packageGraph([core])).not.toBe(drawn);
});
