import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rootFindings } from "./doctor-root.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pulsemesh-doctor-root-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test.each([
  ["root", "fleet-root.key"],
  ["root", "fleet-root-next.key"],
  ["", "fleet-root.key"],
])(
  "ME6 CLI43 a key of the root in '%s' of the data folder, %s, is a warning until it is moved",
  async (place, name) => {
    expect(await rootFindings(dir)).toEqual([]);
    mkdirSync(join(dir, place), { recursive: true });
    writeFileSync(join(dir, place, name), "secret", { mode: 0o600 });
    expect(await rootFindings(dir)).toEqual([
      {
        check: "root",
        result: "warn",
        detail: expect.stringContaining(`in ${join(dir, place)}:`),
        next: expect.stringContaining(`pulsemesh init --data ${dir} --root DIR`),
      },
    ]);
    writeFileSync(join(dir, place, "root-statements.json"), "{}");
    expect(await rootFindings(dir)).toMatchObject([
      { next: expect.stringContaining(`pulsemesh key move-root DIR --data ${dir} `) },
    ]);
    rmSync(join(dir, place, name));
    expect(await rootFindings(dir)).toEqual([]);
  },
);
