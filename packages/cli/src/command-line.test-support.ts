/** Runs command lines without a process of their own, at a stand-in for a node behind `fetch`. */
import { runCommandLine } from "./command-line.ts";
import type { Terminal } from "./terminal.ts";

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A terminal that nobody looks at: what is printed and said is noted. */
export function notingTerminal(
  { out, err }: { readonly out: string[]; readonly err: string[] },
  env: Readonly<Record<string, string>>,
  input: string = "",
): Terminal {
  return {
    out: (line) => void out.push(line),
    say: (line) => void err.push(line),
    raw: (text) => void out.push(text),
    bytes: async (bytes) => void out.push(Buffer.from(bytes).toString("latin1")),
    outIsTty: false,
    inIsTty: false,
    errIsTty: false,
    color: false,
    columns: () => 80,
    rows: () => 24,
    env,
    stdin: async function* () {
      yield Buffer.from(input);
    },
    outlive: () => {},
  };
}

/** Runs a command line in this process. */
export async function run(
  args: string | readonly string[],
  env: Readonly<Record<string, string>> = {},
  input: string = '{"from":"stdin"}',
): Promise<Run> {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = notingTerminal({ out, err }, env, input);
  const argv = typeof args === "string" ? args.split(" ").filter((arg) => arg !== "") : args;
  const code = await runCommandLine(argv, terminal);
  return { code, out: out.join("\n"), err: err.join("\n") };
}

export interface Call {
  readonly method: string;
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Stands in for the node behind `fetch`, and notes what it is asked: no socket is opened. */
export function fakeFetch(answer: (call: Call) => Response): {
  readonly calls: readonly Call[];
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>;
} {
  const calls: Call[] = [];
  const fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const call: Call = {
      method: init.method ?? "GET",
      url,
      body: typeof init.body === "string" ? init.body : "",
      headers: init.headers as Record<string, string>,
    };
    calls.push(call);
    return answer(call);
  };
  return { calls, fetch };
}
