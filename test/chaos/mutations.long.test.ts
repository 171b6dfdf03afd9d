/** Every rule that is broken on purpose is noticed by a test; see `test/mutations/`. */
import { expect, test } from "vitest";
import { mutations } from "../mutations/mutations.ts";
import { tryAll } from "../mutations/try-all.ts";

test(
  "P2 P3 P5 every rule that is broken on purpose makes a test fail",
  { timeout: 3_600_000 },
  async () => {
    const { killed, problems } = await tryAll(mutations);
    expect(problems).toEqual([]);
    expect(killed.length).toBe(mutations.length);
  },
);
