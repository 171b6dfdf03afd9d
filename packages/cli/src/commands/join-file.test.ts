import { execFileSync } from "node:child_process";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dagCborCodec } from "@pulsemesh/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { JOIN_FILE_BYTES_MAX, parseJoinFile, readJoinFile, writeAddressFile } from "./join-file.ts";

const member = "/dns4/eu-1/tcp/7421/p2p/12D3KooWCYjxrusbZY9LifoDsCHetkr5NzckMzyaTouQHX9nTAZP";

let folder = "";
let skipped: string[] = [];
let unsure: string[] = [];
let looks = 0;
/** What happens to the file between two looks. */
let meanwhile: (look: number) => void = () => {};
beforeEach(() => {
  [skipped, unsure, looks] = [[], [], 0];
  meanwhile = () => {};
});
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "pulsemesh-join-file-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What is read; `waits` where it would wait, which is then ended. */
async function read(path: string, others: string[] = []): Promise<readonly string[] | "waits"> {
  const stop = new AbortController();
  const { signal } = stop;
  const onWait = (): void => stop.abort();
  const onUnsure = (why: string): void => void unsure.push(why);
  const onSkip = (why: string): void => void skipped.push(why);
  const pause = async (): Promise<void> => {
    signal.throwIfAborted();
    looks += 1;
    meanwhile(looks);
  };
  const told = { onWait, onUnsure, onSkip };
  try {
    return await readJoinFile({ path, dataDir: folder, others, signal, pause, ...told });
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") return "waits";
    throw error;
  }
}

test("DP3 a join file has an address a line, with room for people", () => {
  expect(parseJoinFile(`# the first one\n\n  ${member}  # eu\r\n${member}\n`, "f")).toEqual([
    member,
    member,
  ]);
  expect(parseJoinFile("", "f")).toEqual([]);
});

test("DP3 a bad line of a join file is named with the file", () => {
  expect(() => parseJoinFile(`${member}\n/dns4/eu-1/tcp/7421\n`, "/run/join")).toThrow(
    /Cannot use \/run\/join:2 '.*' as it must end in the member's id/,
  );
});

test("DP3 what one node writes another one reads, and nothing is left beside it", async () => {
  const path = join(folder, "join");
  writeAddressFile(path, [member]);
  writeAddressFile(path, [member, member]);
  expect(readdirSync(folder)).toEqual(["join"]);
  expect(await read(path)).toEqual([member, member]);
  expect(readFileSync(path, "utf8")).toBe(`${member}\n${member}\n`);
});

test("DP3 a file that is not there is not waited for with other addresses or a fleet from before", async () => {
  const path = join(folder, "join");
  expect(await read(path, [member])).toEqual([]);
  writeFileSync(join(folder, "fleet.json"), "{}");
  expect(await read(path)).toEqual([]);
});

test("DP3 who stops waiting for a file gets no answer, and so makes no fleet of its own", async () => {
  expect(await read(join(folder, "join"))).toBe("waits");
  writeFileSync(join(folder, "join"), "# nothing yet\n");
  expect(await read(join(folder, "join"))).toBe("waits");
});

test("DP3 a file over JOIN_FILE_BYTES_MAX and a folder are refused by name", async () => {
  const path = join(folder, "join");
  writeFileSync(path, "#".padEnd(JOIN_FILE_BYTES_MAX, "x"));
  expect(await read(path, [member])).toEqual([]);
  writeFileSync(path, "#".padEnd(JOIN_FILE_BYTES_MAX + 1, "x"));
  await expect(read(path)).rejects.toMatchObject({ code: "option-invalid" });
  await expect(read(folder)).rejects.toMatchObject({ code: "data-dir-unusable" });
  expect(() => writeAddressFile(join(folder, "none", "join"), [member])).toThrow("--address-file");
});

test("DP3 a pipe in place of the file is refused, not waited for", async () => {
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  await expect(read(path)).rejects.toMatchObject({ code: "data-dir-unusable" });
});

test("DP3 addresses are not written through a link that somebody put in their way", () => {
  const path = join(folder, "join");
  const precious = join(folder, "precious");
  writeFileSync(precious, "mine");
  symlinkSync(precious, `${path}.${process.pid}.part`);
  writeAddressFile(path, [member]);
  expect(readFileSync(precious, "utf8")).toBe("mine");
  expect(readFileSync(path, "utf8")).toBe(`${member}\n`);
});

test("DP3 a file that has gone bad keeps no member from its fleet, and is said", async () => {
  const path = join(folder, "join");
  writeFileSync(path, "garbage\n");
  await expect(read(path)).rejects.toMatchObject({ code: "address-invalid" });
  await expect(read(path, [member])).rejects.toMatchObject({ code: "address-invalid" });
  expect(skipped).toEqual([]);
  writeFileSync(join(folder, "fleet.json"), "{}");
  expect([await read(path), await read(folder)]).toEqual([[], []]);
  expect(skipped).toEqual([
    expect.stringContaining(`${path}:1`),
    expect.stringContaining("Cannot read --join-file"),
  ]);
});

test("DP3 a file that is caught half copied is read again until it is whole", async () => {
  const path = join(folder, "join");
  const whole = `${member}\n${member.replace("eu-1", "us-1")}\n`;
  writeFileSync(path, whole.slice(0, 30));
  meanwhile = (look) => writeFileSync(path, whole.slice(0, 30 + look * 2));
  expect(await read(path).catch(String)).toEqual([member]);
  meanwhile = (look) => writeFileSync(path, look < 60 ? whole.slice(0, 30 + look) : whole);
  looks = 0;
  writeFileSync(path, "/");
  // Empty for a moment, as a copy begins: nothing to go by is no reason to make a fleet of one's own.
  expect(await read(path)).toEqual([member]);
  expect(unsure).toHaveLength(2);
  expect(unsure[0]).toContain(`${path}:1`);
});

test("DP3 a bad file that has stood still for 10 s is refused by its line, with other addresses too", async () => {
  const path = join(folder, "join");
  for (const others of [[], [member]]) {
    looks = 0;
    writeFileSync(path, `${member}\n/dns4/eu-1\n`);
    await expect(read(path, others)).rejects.toMatchObject({
      code: "address-invalid",
      message: expect.stringContaining(`${path}:2`),
    });
    expect(looks).toBe(21);
  }
});

test("DP3, ME7 an invite may stand in a join file, whole: one that is cut is no invite, and its text is not said", () => {
  const invite = `pulsemesh:${Buffer.from(dagCborCodec.encode({ v: 1, secret: "hush" })).toString("base64url")}`;
  expect(parseJoinFile(`${invite} # until noon\n${member}\n`, "f")).toEqual([invite, member]);
  for (const cut of [1, 5, 12]) {
    const half = invite.slice(0, -cut);
    expect(() => parseJoinFile(half, "f")).toThrow("f:1");
    expect(() => parseJoinFile(half, "f")).not.toThrow(half);
  }
});

function parsed(text: string): readonly string[] | string {
  try {
    return parseJoinFile(text, "f");
  } catch (error) {
    return String(error);
  }
}

test("DP3, ME7 an invite that mail has broken into lines is one, beside addresses, comments and quote marks", () => {
  const body = dagCborCodec.encode({ v: 1, secret: "h".repeat(90) });
  const invite = `pulsemesh:${Buffer.from(body).toString("base64url")}`;
  const lines = invite.match(/.{1,40}/g) ?? [];
  expect(lines.length).toBeGreaterThan(2);
  for (const text of [
    lines.join("\n"),
    lines.join("\r\n\r\n  "),
    lines.map((line) => `> ${line}`).join("\n"),
    `"${lines.join("\n")}"`,
    `# until noon\n${lines.join(" # noon\n")}`,
  ]) {
    expect(parsed(`${text}\n`)).toEqual([invite]);
    expect(parsed(`${member}\n${text}\n${member}`)).toEqual([member, invite, member]);
  }
  expect(parsed(`${invite}\n${invite}`)).toEqual([invite, invite]);
  // Half copied, and followed by something else: the line with the beginning is named.
  for (const rest of ["", `\n${member}`, "\neu-1:7421"]) {
    const cut = `${lines.slice(0, 2).join("\n")}${rest}`;
    expect(() => parseJoinFile(cut, "f")).toThrow("f:1 as the invite there is not whole");
  }
  expect(() => parseJoinFile(`${invite}\nmore`, "f")).toThrow("f:2");
});
