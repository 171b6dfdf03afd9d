/** Programs of systemd: those of this machine, or Debian's, unpacked. And a socket that stands for the manager. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { delimiter, join } from "node:path";
import { unpackDebianPackages } from "./debian-packages.ts";

/** With the libraries that a Debian without systemd lacks. */
const packages = ["systemd", "libsystemd-shared", "libip4tc2", "libkmod2", "libssl3"];

/** A folder to put in front of `PATH`, in which `systemd-notify` and `systemd-analyze` are; undefined where `PATH` has them already. */
export function systemdEnv(): Readonly<Record<string, string>> {
  const path = process.env["PATH"] ?? "";
  if (path.split(delimiter).some((folder) => existsSync(join(folder, "systemd-notify")))) return {};
  const root = unpackDebianPackages(packages);
  const libraries = globSync(["usr/lib/*-linux-*", "usr/lib/*-linux-*/systemd", "lib/*-linux-*"], {
    cwd: root,
  });
  return {
    PATH: [join(root, "usr/bin"), join(root, "bin"), path].join(delimiter),
    LD_LIBRARY_PATH: libraries.map((folder) => join(root, folder)).join(delimiter),
    // What units depend on, where this machine has none.
    SYSTEMD_UNIT_PATH: `${join(root, "lib/systemd/system")}:`,
  };
}

/** `systemd-analyze ARGS`. */
export function systemdAnalyze(...args: readonly string[]): { status: number | null; out: string } {
  const { status, stdout, stderr } = spawnSync("systemd-analyze", args, {
    encoding: "utf8",
    env: { ...process.env, ...systemdEnv() },
  });
  return { status, out: `${stdout}${stderr}` };
}

/**
 * Prints each message as a line. Perl's core is a part of every Debian. What comes along in a message (a barrier's pipe) is not taken, and
 * so closed by the kernel.
 */
const receiver = `
use strict; use Socket;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die "no socket: $!";
bind($s, pack_sockaddr_un($ARGV[0])) or die "cannot listen: $!";
$| = 1;
print "listening\\n";
while (defined recv($s, my $data, 65536, 0)) { $data =~ tr/\\n/\\t/; print "$data\\n"; }
`;

/** Listens where `NOTIFY_SOCKET` points to, as the service manager does. */
export class NotifySocket implements Disposable {
  readonly #child: ChildProcess;
  #out = "";

  constructor(path: string) {
    this.#child = spawn("/usr/bin/perl", ["-e", receiver, path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child.stdout?.on("data", (part: Buffer) => (this.#out += part.toString()));
  }

  get listens(): boolean {
    if (this.#child.exitCode !== null) throw new Error("perl cannot stand for the service manager");
    return this.#out.startsWith("listening\n");
  }

  /** Each message as its assignments, in the order of arrival. */
  get messages(): readonly (readonly string[])[] {
    return this.#out
      .split("\n")
      .slice(1, -1)
      .map((line) => line.split("\t").filter((each) => each !== ""))
      .filter(([first = ""]) => first !== "BARRIER=1");
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
