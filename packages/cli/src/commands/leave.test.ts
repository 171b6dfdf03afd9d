import { afterEach, expect, test, vi } from "vitest";
import { fakeFetch, run } from "../command-line.test-support.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

test("CLI25 leave says what its grant is worth from then on, and how to end it at once", async () => {
  const id = "12D3KooWLeaf";
  const { fetch } = fakeFetch(() => Response.json({ id, leaving: true }, { status: 202 }));
  vi.stubGlobal("fetch", fetch);
  const { code, err } = await run(["leave"]);
  expect(code).toBe(0);
  expect(err).toContain("not renewed");
  expect(err).toContain(`pulsemesh revoke ${id}`);
  expect(JSON.parse((await run(["leave", "--json"])).out)).toEqual({ id, leaving: true });
  // Whoever could revoke it has left with it.
  const last = await run(["leave", "--without-issuer"]);
  expect(last.err).toMatch(
    /key rotate issuer .* --replaces KEY {3}and then, there: pulsemesh revoke/,
  );
});
