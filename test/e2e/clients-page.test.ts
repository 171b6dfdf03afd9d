/** docs/clients.md, run as it stands: every block by its interpreter, at a real node with a socket. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FakeGateway } from "../support/fake-gateway.ts";
import { type NodeProcess, ProcessFleet } from "../support/node-process.ts";
import { root } from "../tool.ts";

interface Block {
  readonly language: string;
  readonly text: string;
}

/** How a block of each language is run, with its text as the last argument. */
const interpreters: Readonly<Record<string, readonly [string, ...string[]]>> = {
  sh: ["sh", "-eu", "-c"],
  python: ["python3", "-c"],
  powershell: ["pwsh", "-NoProfile", "-Command"],
};

const folder = mkdtempSync(join(tmpdir(), "pulsemesh-page-"));
const socket = join(folder, "node.sock");
const fleet = new ProcessFleet();
let node: NodeProcess;

beforeAll(async () => {
  node = await fleet.add({ name: "alpha", region: "eu" }, { args: ["--socket", socket] });
});

afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function blocksOf(page: string): readonly Block[] {
  return [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = "", text = ""]) => ({
    language,
    text,
  }));
}

async function run(
  { language, text }: Block,
  url: string = `http://127.0.0.1:${node.options.httpPort}`,
): Promise<{ readonly code: number | null; readonly said: string }> {
  const [command, ...args] = interpreters[language] ?? ["false"];
  const child = spawn(command, [...args, text], {
    env: {
      ...process.env,
      PULSEMESH_URL: url,
      PULSEMESH_SOCKET: socket,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (part: Buffer) => (said += part.toString()));
  }
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, said };
}

test("HT1 HT2 HT30 HT31 every block of docs/clients.md works as it stands, where its interpreter is installed", async () => {
  const blocks = blocksOf(readFileSync(join(root, "docs/clients.md"), "utf8"));
  expect(new Set(blocks.map(({ language }) => language))).toEqual(
    new Set(Object.keys(interpreters)),
  );
  const ran: string[] = [];
  for (const block of blocks) {
    const [command = ""] = interpreters[block.language] ?? [];
    if (spawnSync(command, ["--version"], { stdio: "ignore" }).error !== undefined) {
      console.warn(
        `NOT RUN: the ${block.language} block of docs/clients.md, as there is no ${command}.`,
      );
      continue;
    }
    expect(await run(block)).toMatchObject({ code: 0 });
    const robots = new Set(block.text.match(/\b[a-z]+_(?:robot|job)\b/g));
    expect(robots.size).toBeGreaterThan(0);
    for (const robot of robots) {
      const { status } = (await node.json(`/api/v1/robots/${robot}`)) as unknown as {
        readonly status: string;
      };
      expect([robot, status]).toEqual([robot, "up"]);
    }
    ran.push(block.language);
  }
  expect(ran.filter((language) => language === "sh")).toHaveLength(3);
  const { health } = (await node.json("/api/v1/robots/shell_job")) as unknown as {
    readonly health: string;
  };
  expect(health).toBe("ok");
});

test("HT2 the shell's job may print whatever it likes: what looks like a file's name is sent as it is, of much the end, and a failure is told", async () => {
  const page = readFileSync(join(root, "docs/clients.md"), "utf8");
  const job = blocksOf(page).find(({ text }) => text.includes("shell_job"))?.text ?? "";
  const secret = join(folder, "secret");
  writeFileSync(secret, "hunter2\n");
  await using gateway = await new FakeGateway().start();
  for (const print of [`printf '%s' '@${secret}'`, "seq 9999; ".repeat(4), "sh -c 'exit 3'"]) {
    const text = job.replace("ls / ", `${print} `);
    expect(text).toContain(print);
    expect(await run({ language: "sh", text }, gateway.url)).toMatchObject({ code: 0 });
  }
  const [, literal, , much] = gateway.requests.map(({ body }) => body);
  expect(literal).toBe(`@${secret}`);
  expect(much).toHaveLength(10_000);
  expect(much).toMatch(/9999$/);
  // Also in a script that ends at the first failure.
  expect(gateway.requests[5]?.url).toContain("/ping/shell_job/3?");
});

test.each([301, 302, 303, 307, 308])(
  "HT2 P5 a redirect, as of a page to log in, is a failure of every block: %i",
  async (status) => {
    const page = readFileSync(join(root, "docs/clients.md"), "utf8");
    await using gateway = await new FakeGateway(({ url }) =>
      url === "/login"
        ? { status: 200, body: "Please log in.", type: "text/html" }
        : { status, headers: { location: "/login" } },
    ).start();
    for (const block of blocksOf(page)) {
      // The stand-in has no socket, and not every machine has PowerShell.
      if (block.text.includes("--unix-socket") || block.language === "powershell") continue;
      const { code, said } = await run(block, gateway.url);
      expect(said).toMatch(/redirect|30\d/i);
      expect(code).not.toBe(0);
    }
    expect(gateway.requests.filter(({ url }) => url === "/login")).toEqual([]);
  },
);
