/** Broken rules of what supervisors are told, and of how nodes that are started together find each other. */
import type { Killer, Mutation } from "./mutation.ts";

const CLI = "packages/cli/src/";

const manager: Killer = { project: "unit", file: `${CLI}service-manager.test.ts` };
const joinFile: Killer = { project: "unit", file: `${CLI}commands/join-file.test.ts` };
const door: Killer = { project: "integration", file: "test/integration/probe-door.test.ts" };
const launcher: Killer = { project: "integration", file: "test/integration/launcher.test.ts" };

export const supervisionMutations: readonly Mutation[] = [
  {
    id: "watchdog-fed-without-life",
    rules: ["DP4"],
    breaks: "the watchdog is fed whether or not core lives",
    file: `${CLI}service-manager.ts`,
    search: "const feed = lives && watchdogMs !== undefined;",
    replacement: "const feed = watchdogMs !== undefined;",
    killer: { ...manager, title: "DP4 the watchdog is fed" },
  },
  {
    id: "watchdog-of-another",
    rules: ["DP4"],
    breaks: "a watchdog that waits for another process is fed",
    file: `${CLI}service-manager.ts`,
    search: '|| (forPid !== "" && Number(forPid) !== pid)',
    replacement: '|| (forPid !== "" && pid === 0)',
    killer: { ...manager, title: "DP4 a watchdog that waits for another" },
  },
  {
    id: "reload-said-with-ready",
    rules: ["DP4"],
    breaks: "a reload that nobody has heard of is said together with its end",
    file: `${CLI}service-notifier.ts`,
    search:
      'if (name === "READY" && this.#waiting.has("RELOADING")) this.#afterReload ??= new Map();',
    replacement: "",
    killer: { ...manager, title: "DP4 a reload that ends while" },
  },
  {
    id: "own-fleet-after-waiting",
    rules: ["DP3"],
    breaks:
      "who stops waiting for a join file goes on without an address, and makes a fleet of its own",
    file: `${CLI}commands/join-file.ts`,
    search: "await pause(lookAgainMs, signal);",
    replacement: "await pause(lookAgainMs, signal).catch(() => {}); if (signal.aborted) return [];",
    killer: { ...joinFile, title: "DP3 who stops waiting" },
  },
  {
    id: "member-waits-for-file",
    rules: ["DP3"],
    breaks: "a node that knows its fleet waits for the file by which it joined",
    file: `${CLI}commands/join-file.ts`,
    search: "addresses.length > 0 || others.length > 0 || isMember",
    replacement: "addresses.length > 0 || (others.length > 0 && isMember)",
    killer: { ...joinFile, title: "DP3 a file that is not there" },
  },
  {
    id: "half-a-join-file",
    rules: ["DP3"],
    breaks: "a join file that is still being copied ends the start",
    file: `${CLI}commands/join-file.ts`,
    search: "if (badMs > stillMs) throw error;",
    replacement: "throw error;",
    killer: { ...joinFile, title: "DP3 a file that is caught half copied" },
  },
  {
    id: "probe-ready-for-good",
    rules: ["DP2", "HT14"],
    breaks: "the probes call a node ready that no longer is",
    file: `${CLI}commands/probe-door.ts`,
    search: "return isReady() ? answerOk : answerNotReady;",
    replacement: "return hasStarted ? answerOk : answerNotReady;",
    killer: { ...door, title: "DP2 HT14" },
  },
  {
    id: "probe-port-held",
    rules: ["DP2", "P6"],
    breaks: "idle connections keep a supervisor from the probes",
    file: `${CLI}small-server.ts`,
    search: "makeRoom(server);",
    replacement: "server.maxConnections = PROBE_CONNECTIONS_MAX;",
    killer: { ...door, title: "DP2 P6" },
  },
  {
    id: "first-process-deaf",
    rules: ["DP1"],
    breaks: "the first process of a container takes no signal while it loads",
    file: "packages/cli/bin/pulsemesh.js",
    search: "  endAsFirstProcess();\n",
    replacement: "",
    killer: { ...launcher, title: "DP1 the first process" },
  },
  {
    id: "half-an-id-joined",
    rules: ["DP3"],
    breaks: "an address whose id has lost its end is dialled for ever",
    file: `${CLI}commands/join-file.ts`,
    search: "if (wholeId.test(address)) return address;",
    replacement: "if (wholeId.source.length > 0) return address;",
    killer: { ...joinFile, title: "DP3 a file that is caught" },
  },
  {
    id: "addresses-through-a-link",
    rules: ["DP3"],
    breaks: "the address file is written through a link that somebody put in its way",
    file: `${CLI}commands/join-file.ts`,
    search:
      '    rmSync(aside, { force: true });\n    writeFileSync(aside, `${addresses.join("\\n")}\\n`, { mode: 0o644, flag: "wx" });',
    replacement: '    writeFileSync(aside, `${addresses.join("\\n")}\\n`, { mode: 0o644 });',
    killer: { ...joinFile, title: "DP3 addresses are not written through" },
  },
];
