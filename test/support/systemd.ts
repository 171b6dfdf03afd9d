/** Programs of systemd: those of this machine, or Debian's, unpacked. And a socket that stands for the manager. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { unpackDebianPackages } from "./debian-packages.ts";

/** A folder to put in front of `PATH`, in which `systemd-notify` and `systemd-analyze` are; undefined where `PATH` has them already. */
export function systemdEnv(): Readonly<Record<string, string>> {
  const path = process.env["PATH"] ?? "";
  if (path.split(delimiter).some((folder) => existsSync(join(folder, "systemd-notify")))) return {};
  const root = unpackDebianPackages(["systemd"]);
  return {
    PATH: [join(root, "usr/bin"), join(root, "bin"), path].join(delimiter),
    LD_LIBRARY_PATH: [join(root, "usr/lib/systemd"), join(root, "lib/systemd")].join(delimiter),
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

/** Prints each message with the pid that the kernel says it came from. What comes along in it (a barrier's pipe) is closed at once. */
const receiver = `
import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
print("listening", flush=True)
while True:
    data, extra, _, _ = s.recvmsg(65536, 4096)
    for level, kind, payload in extra:
        if kind == socket.SCM_RIGHTS:
            import os
            for (fd,) in struct.iter_unpack("i", payload): os.close(fd)
    print(data.decode().replace("\\n", "\\t"), flush=True)
`;

/** Listens where `NOTIFY_SOCKET` points to, as the service manager does. */
export class NotifySocket implements Disposable {
  readonly #child: ChildProcess;
  #out = "";

  constructor(path: string) {
    this.#child = spawn("/usr/bin/python3", ["-c", receiver, path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child.stdout?.on("data", (part: Buffer) => (this.#out += part.toString()));
  }

  get listens(): boolean {
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
