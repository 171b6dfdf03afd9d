import { BEAT_MESSAGE_BYTES_MAX } from "@pulsemesh/core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Call, fakeFetch, run } from "./command-line.test-support.ts";

function fakeNode(answer: (call: Call) => Response): readonly Call[] {
  const { calls, fetch } = fakeFetch(answer);
  vi.stubGlobal("fetch", fetch);
  return calls;
}

const robot = {
  robot_id: "bot",
  status: "up",
  since: "2026-01-01T00:00:00.000Z",
  reason: null,
  health: "ok",
  last_check: "2026-01-01T00:00:01.000Z",
  age_ms: 1_500,
  node: "eu-1",
  node_id: "12D3",
  region: "eu",
  labels: {},
  floating: false,
  schedule: { type: "every", every_ms: 10_000, grace_ms: 0, missed: 3, startup_ms: 60_000 },
  regularity: null,
  version: "1",
  witnesses: { up: 4, late: 0, down: 0, unknown: 1, of: 5 },
  state: { status: "scanning" },
};

const problem = (status: number, code: string): Response =>
  Response.json(
    { code, detail: `detail of ${code}`, next: "do this", changed: false, status },
    { status, headers: { "content-type": "application/problem+json" } },
  );

afterEach(() => vi.unstubAllGlobals());

describe("usage", () => {
  test.each([
    ["run --lisen /ip4/127.0.0.1/tcp/1", "--listen"],
    ["run --htp x", "--http"],
    ["run --profile lna", "lan"],
    ["staus", "pulsemesh status"],
    ["state wacth", "pulsemesh state watch"],
    ["--lisen x", "pulsemesh run --listen"],
    ["status --jsno", "--json"],
    ["ping bot strat", "start"],
    ["run --every 10", "10s"],
    ["run --listen 127.0.0.1:7421", "/ip4/127.0.0.1/tcp/7421"],
    ["status --url localhost:7420", "http://localhost:7420"],
    ["help pnig", "pulsemesh ping"],
  ])("CLI3 `%s` exits 2 and asks 'did you mean %s?'", async (args, meant) => {
    const { code, out, err } = await run(args);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(`Did you mean ${meant}?`);
    expect(err).toContain("Nothing was changed. Next: ");
  });

  test.each([
    "run --join x",
    "run --name -",
    "run --region a/b",
    "run --http x:1:2",
    "status a/b",
    "ping",
    "ping bot 256",
    "exec bot",
    "exec bot ls -l",
    "state",
    "dev --nodes 0",
    "dev --once --nodes 2",
    "audit tail -n 0",
    "status --timeout 0s",
    "run --robot a --label x",
    "run --socket /tmp/x --socket-mode 777",
    "run --socket /tmp/x --socket-mode 7",
    "status --url unix:relative",
    "version extra",
  ])("CLI5 `%s` exits 2 before anything starts", async (args) => {
    const { code, out, err } = await run(args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).not.toBe("");
  });

  test.each([
    ["", "one of --file and --stdin"],
    ["--stdin --file x", "one of --file and --stdin"],
    ["--stdin", "--match must say"],
    ["--stdin --match (", "must be a regular expression"],
    ["--stdin --match a --from-start", "--from-start is for files"],
    ["--file / --match a", "no regular file"],
  ])("TL4 `tail bot %s` exits 2: %s", async (args, why) => {
    const { code, out, err } = await run(`tail bot ${args}`);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(why);
    expect(err).toContain("Next: ");
  });

  test.each([
    ["status --url ftp://x", /^(?!.*Did you mean)/s],
    ["run --every 99ms", /from 100ms to 31d/],
    ["state set bot foo", /KEY=VALUE/],
    ["state set bot a=1 a=2", /'a' twice/],
    [["state", "set", "bot", "a=1", "--if-match", "a b"], /--if-match 'a b'/],
  ])("CLI17 %j is refused in words that help", async (args, said) => {
    const calls = fakeNode(() => Response.json({}));
    const { code, err } = await run(args);
    expect([code, calls]).toEqual([2, []]);
    expect(err).toMatch(said);
  });

  test("CLI5 an error in a flag names its command", async () => {
    expect((await run("state get a --timeout x")).err).toContain("pulsemesh state get:");
  });

  test("CLI3 a job without -- is told where its flags go", async () => {
    expect((await run("exec bot ls -l")).err).toContain("pulsemesh exec ROBOT -- CMD ARGS");
  });

  test("CLI1 help and version are data: stdout, exit 0", async () => {
    expect((await run("")).out).toContain("Usage: pulsemesh");
    expect((await run("help run")).out).toContain("--listen <multiaddr>");
    expect((await run("--version")).out).toMatch(/^\d+\.\d+\.\d+/);
    expect(JSON.parse((await run("version --json")).out)).toHaveProperty("version");
    for (const args of ["", "help run", "--version", "version", "status --help"]) {
      expect(await run(args)).toMatchObject({ code: 0, err: "" });
    }
  });

  test("CLI1 no help lists the commands that only dev starts", async () => {
    expect((await run("help")).out).not.toContain("dev-robot");
    expect((await run("dev-robt")).err).not.toContain("dev-robot");
  });
});

describe("flags and environment", () => {
  test("CLI2 a flag wins over the environment, that over the default", async () => {
    const calls = fakeNode(() => Response.json({ robots: [], next: null }));
    await run("status");
    await run("status", { PULSEMESH_URL: "http://127.0.0.1:2" });
    await run("status --url http://127.0.0.1:3", { PULSEMESH_URL: "http://127.0.0.1:2" });
    expect(calls.map(({ url }) => new URL(url).port)).toEqual(["7420", "2", "3"]);
  });

  test("CLI2 a bad value in the environment is refused by its name", async () => {
    const { code, err } = await run("status", { PULSEMESH_URL: "nonsense" });
    expect(code).toBe(2);
    expect(err).toContain("PULSEMESH_URL 'nonsense'");
    expect((await run("run", { PULSEMESH_MDNS: "maybe" })).err).toContain("PULSEMESH_MDNS='maybe'");
  });
});

describe("empty values", () => {
  test.each([
    ["run", "--data"],
    ["run", "--http"],
    ["run", "--name"],
    ["run", "--join"],
    ["run", "--robot"],
    ["run", "--label"],
    ["doctor", "--data"],
    ["status", "--url"],
    ["status", "--timeout"],
    ["ping bot", "--rid"],
    ["state set bot a=1", "--if-match"],
  ])(
    "CLI5 `%s %s ''` is refused by the flag's name, and nothing is done",
    async (command, flag) => {
      const calls = fakeNode(() => new Response("OK"));
      const { code, err } = await run([...command.split(" "), flag, ""]);
      expect([code, calls]).toEqual([2, []]);
      expect(err).toContain(`${flag} ''`);
      expect(err).toContain("empty");
    },
  );

  test("CLI5 an empty message is a message", async () => {
    fakeNode(() => new Response("OK"));
    expect(await run(["ping", "bot", "-m", ""])).toMatchObject({ code: 0 });
  });
});

describe("answers", () => {
  test.each([
    ["up", 0],
    ["late", 0],
    ["new", 0],
    ["paused", 0],
    ["down", 1],
    ["left", 1],
    ["unknown", 3],
  ])("CLI8 status of a robot that is %s exits %i", async (status, code) => {
    fakeNode(() => Response.json({ ...robot, status }));
    const result = await run("status bot");
    expect(result.code).toBe(code);
    expect(result.out).toContain(status);
    const json = await run("status bot --json");
    expect(json.code).toBe(code);
    expect(JSON.parse(json.out)).toMatchObject({ robot_id: "bot", status });
  });

  test("CLI6 the table has a word and a shape, age, period, home and witnesses", async () => {
    fakeNode(() =>
      Response.json({ robots: [{ ...robot, status: "down", reason: "home-down" }], next: null }),
    );
    const { out, code } = await run("status");
    expect(code).toBe(0);
    expect(out.split("\n")[1]).toMatch(/^bot +✖ down +ok +1\.5s +10s +eu-1 +eu +4\/5 +home-down$/);
    expect(out).not.toContain("\u001B");
  });

  test.each([
    ["status bot", 404, "robot-unknown", 1],
    ["state get bot", 503, "not-ready", 3],
    ["state set bot a=1 --if-match x", 412, "precondition-failed", 1],
    ["state set bot a=1", 422, "state-too-large", 2],
    ["ping bot --no-spool --retry-for 0s", 429, "beats-too-many", 1],
  ])(
    "CLI8 CLI17 `%s` answered %i %s exits %i and names the next step",
    async (args, status, problemCode, exit) => {
      fakeNode(() => problem(status, problemCode));
      const { code, out, err } = await run(args);
      expect([code, out]).toEqual([exit, ""]);
      expect(err).toContain(`detail of ${problemCode}`);
      expect(err).toMatch(/Nothing was changed\. Next: \S+/);
    },
  );

  test("CLI8 CLI17 a node that is not there is exit 3, and says how to start one", async () => {
    vi.stubGlobal("fetch", async () => {
      throw new TypeError("fetch failed", {
        cause: Object.assign(new Error(), { code: "ECONNREFUSED" }),
      });
    });
    const { code, err } = await run("ping bot --no-spool --retry-for 0s");
    expect(code).toBe(3);
    expect(err).toContain("Nothing was changed.");
    expect(err).toContain("pulsemesh run");
  });

  test("CLI8 CLI17 no answer in time is exit 124, and a write may have taken effect", async () => {
    vi.stubGlobal("fetch", async (_url: string, { signal }: RequestInit) => {
      const { promise, reject } = Promise.withResolvers<Response>();
      signal?.addEventListener("abort", () => reject(signal.reason as Error));
      return await promise;
    });
    const write = await run("state set bot a=1 --timeout 1ms");
    expect(write.code).toBe(124);
    expect(write.err).toContain("It may have taken effect.");
    expect((await run("state get bot --timeout 1ms")).err).toContain("Nothing was changed.");
  });

  test("CLI17 what answers but is no node is exit 3 with what to check", async () => {
    fakeNode(() => new Response("<html>", { status: 502 }));
    const { code, err } = await run("peers");
    expect(code).toBe(3);
    expect(err).toContain("Next: Check that the address");
  });
});

describe("strangers", () => {
  const evil = "n\u001B[2J\n✔ ok    roster\u009B\u202E";
  const unseen = /[\p{Cc}\p{Cf}]/u;

  test.each(["status bot", "status", "state get bot", "audit tail"])(
    "CLI6 `%s` shows what they wrote without obeying it",
    async (args) => {
      const strange = {
        ...robot,
        node: evil,
        region: evil,
        labels: { k: evil },
        state: { s: evil },
      };
      const entry = { index: 1, time: "t", kind: evil, data: { evil }, hash: "h" };
      fakeNode(({ url }) => {
        if (url.includes("/audit")) return Response.json({ entries: [entry], before: null });
        if (url.includes("/state")) return Response.json({ s: evil }, { headers: { etag: '"e"' } });
        return Response.json(url.includes("/bot") ? strange : { robots: [strange], next: null });
      });
      for (const each of [args, `${args} --json`]) {
        const { out } = await run(each);
        expect(out).toContain(String.raw`n\u001b[2J`);
        for (const line of out.split("\n")) expect(line).not.toMatch(unseen);
      }
    },
  );

  test("CLI6 a peer's name forges no line of doctor", async () => {
    const self = { id: "12D3", name: "a", region: "r", addresses: [], boot: 1 };
    const peer = {
      id: "12D4",
      name: evil,
      region: "r",
      status: "down",
      since: "t",
      reason: null,
      addresses: [evil],
      last_pulse_age_ms: null,
      rtt_ms: null,
      pulse_every_ms: null,
      clock_offset_ms: null,
      agent: evil,
    };
    const view = { roster: 2, in_sight: 2, unreachable: [], document_hash: "0" };
    fakeNode(() => Response.json({ fleet: "f", self, peers: [peer], view }));
    const lines = (await run("doctor --data /nonexistent/pulsemesh")).out.split("\n");
    expect(lines.filter((line) => line.startsWith("✔ ok    roster"))).toHaveLength(1);
    for (const line of lines) expect(line).not.toMatch(unseen);
  });
});

describe("requests", () => {
  test("CLI19 ping sends kind, run id, message and create as the wire contract says", async () => {
    const calls = fakeNode(() => new Response("OK"));
    expect(await run("ping bot")).toMatchObject({ code: 0, out: "OK", err: "" });
    await run("ping bot start --rid r1 --create");
    await run("ping bot 3 -m oops");
    await run("ping bot fail -m -");
    expect(
      calls.map(({ method, url, body }) => [
        method,
        new URL(url).pathname + new URL(url).search,
        body,
      ]),
    ).toEqual([
      ["POST", "/ping/bot", ""],
      ["POST", "/ping/bot/start?rid=r1&create=1", ""],
      ["POST", "/ping/bot/3", "oops"],
      ["POST", "/ping/bot/fail", '{"from":"stdin"}'],
    ]);
  });

  test("CLI19 a message of more than BEAT_MESSAGE_BYTES_MAX is cut between two characters, and that is said", async () => {
    const calls = fakeNode(() => new Response("OK"));
    const most = "ä".repeat(BEAT_MESSAGE_BYTES_MAX / 2);
    expect(await run("ping bot -m -", {}, most)).toMatchObject({ code: 0, err: "" });
    for (const [message, input] of [
      ["-", `x${most}`],
      [`x${most}`, ""],
    ] as const) {
      const { code, err } = await run(["ping", "bot", "-m", message], {}, input);
      expect(code).toBe(0);
      expect(err).toContain(`the message was cut to its first ${BEAT_MESSAGE_BYTES_MAX} bytes`);
    }
    const [whole, ...cut] = calls.map(({ body }) => body);
    expect(whole).toBe(most);
    expect(cut).toEqual(Array(2).fill(`x${"ä".repeat(BEAT_MESSAGE_BYTES_MAX / 2 - 1)}`));
  });

  test("CLI12 state set patches, and prints the whole state with --json", async () => {
    const calls = fakeNode(() => Response.json({ a: 1 }, { headers: { etag: '"e"' } }));
    const { out, err, code } = await run('state set bot a=1 --json --if-match "x"');
    expect([code, err]).toEqual([0, ""]);
    expect(JSON.parse(out)).toEqual({ robot_id: "bot", state: { a: 1 }, etag: '"e"' });
    expect(calls[0]).toMatchObject({ method: "PATCH", body: '{"a":1}' });
    expect(calls[0]?.headers["if-match"]).toBe('"x"');
    await run(["state", "set", "bot", "-"]);
    expect(calls[1]?.body).toBe('{"from":"stdin"}');
  });

  test("CLI12 state set of nothing says so, and an etag whose quotes the shell took is given them back", async () => {
    const calls = fakeNode(() => Response.json({}, { headers: { etag: '"e"' } }));
    expect((await run(["state", "set", "bot", "{}"])).err).toBe(
      "Nothing to set; the state of bot is as it was.",
    );
    await run("state set bot a=1 --if-match e1");
    expect(calls[1]?.headers["if-match"]).toBe('"e1"');
  });

  test("CLI8 a robot that never beat has no age", async () => {
    fakeNode(() => Response.json({ ...robot, status: "new", last_check: null, age_ms: null }));
    expect((await run("status bot")).out).toContain("last beat  none yet, every 10s");
  });

  test("CLI12 state get prints the state alone", async () => {
    fakeNode(() => Response.json({ a: { b: 1 } }, { headers: { etag: '"e"' } }));
    expect(JSON.parse((await run("state get bot")).out)).toEqual({ a: { b: 1 } });
  });

  test("CLI19 audit verify exits 1 and names each range of bad entries", async () => {
    const faults = [
      { from: 4, to: 6, reason: "gap" },
      { from: 8, to: 8, reason: "edited" },
    ];
    fakeNode(() =>
      Response.json({ ok: false, size: 9, pruned: 0, bad_index: 4, reason: "gap", faults }),
    );
    const { code, out } = await run("audit verify");
    expect(code).toBe(1);
    expect(out).toBe("bad: entries 4 to 6 of 9: gap\nbad: entry 8 of 9: edited");
    fakeNode(() => Response.json({ ok: true, size: 9, pruned: 0, head: "abc" }));
    expect(await run("audit verify")).toMatchObject({ code: 0, out: "ok: 9 entries, head abc" });
    fakeNode(() => Response.json({ ok: true, size: 9, pruned: 4, head: "abc" }));
    expect((await run("audit verify")).out).toBe(
      "ok: 9 entries (the 4 oldest are kept no more), head abc",
    );
  });

  test("CLI19 audit tail prints entries, oldest first, one line each", async () => {
    const entry = { time: "t", kind: "beat", data: { a: "x\ny" }, hash: "h".repeat(64) };
    fakeNode(() =>
      Response.json({
        entries: [
          { index: 1, ...entry },
          { index: 2, ...entry },
        ],
        before: 1,
      }),
    );
    expect((await run("audit tail -n 2")).out.split("\n")).toHaveLength(2);
    const lines = (await run("audit tail --json")).out.split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { index: number }).index)).toEqual([1, 2]);
  });
});
