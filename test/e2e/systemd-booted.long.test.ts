/**
 * The unit file under a real systemd: booted as the first process of its own namespaces, on a throw-away copy of this machine's file system,
 * with the folder that `deploy/install.sh` makes. So the sandbox that the unit asks for is there, the user that systemd makes up, and the
 * watchdog that bites. Needs root, and a machine with systemd.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../support/until.ts";
import { root } from "../tool.ts";

const init = "/lib/systemd/systemd";
const folder = mkdtempSync(join(tmpdir(), "pulsemesh-booted-"));
const service = "pulsemesh.service";
let machine: ChildProcess;
let pid = 0;

/** Run inside of the new namespaces; `$1` is the folder, `$2` this repository, `$3` Node. */
const boot = `
mount -t tmpfs tmpfs "$1/layer" && mkdir "$1/layer/upper" "$1/layer/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/layer/upper,workdir=$1/layer/work" "$1/root"
cd "$1/root"
rm -rf var/cache/pulsemesh var/cache/private/pulsemesh var/lib/pulsemesh var/lib/private/pulsemesh
mkdir -p opt/pulsemesh etc/pulsemesh
cp -r "$1/installed/." opt/pulsemesh/
printf 'http:\\n  token_file: /etc/pulsemesh/token\\n' | cat - "$2/deploy/systemd/config.yaml" > etc/pulsemesh/config.yaml
echo sixteen-or-more-letters > etc/pulsemesh/token
chroot . groupadd --system pulsemesh-secrets && chroot . chgrp pulsemesh-secrets /etc/pulsemesh/token && chmod 0640 etc/pulsemesh/token
rm -rf etc/systemd/system/*.wants
sed 's/^#SupplementaryGroups/SupplementaryGroups/' "$2/deploy/systemd/pulsemesh.service" > etc/systemd/system/pulsemesh.service
printf '[Unit]\\nRequires=pulsemesh.service\\nAfter=pulsemesh.service\\n' > etc/systemd/system/try.target
rm -f usr/bin/node && cp "$3" usr/bin/node
mkdir -p var/lib
chroot . node /opt/pulsemesh/bin/pulsemesh.js init --data /var/lib/pulsemesh --root /srv/fleet-root
sed -e 's/^#SupplementaryGroups/SupplementaryGroups/' -e 's/=pulsemesh$/=pulsemesh-second/' \
  -e 's#/var/lib/pulsemesh#/var/lib/pulsemesh-second#' -e 's#run --config.*#run --name beta --join-file /etc/pulsemesh/invite --http 127.0.0.1:7520 --listen /ip4/127.0.0.1/tcp/7521#' \
  "$2/deploy/systemd/pulsemesh.service" > etc/systemd/system/pulsemesh-second.service
mount -t proc proc proc
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount --rbind /dev dev
mount --rbind /sys sys
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
else
  mount -t tmpfs tmpfs sys/fs/cgroup && mkdir sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
fi
ip link set lo up
exec env -i container=pulsemesh PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . ${init} --system --unit=try.target
`;

beforeAll(() => {
  if (process.getuid?.() !== 0 || !existsSync(init)) {
    throw new Error("This test boots systemd. Run it as root, on a machine that has it.");
  }
  for (const part of ["layer", "root"]) mkdirSync(join(folder, part));
  execFileSync(join(root, "deploy/install.sh"), [join(folder, "installed")], { stdio: "pipe" });
  const namespaces = ["-m", "-p", "-n", "-u", "-i", "-C", "-f", "--kill-child"];
  const args = ["sh", "-ec", boot, "sh", folder, root, process.execPath];
  machine = spawn("unshare", [...namespaces, ...args], { stdio: "ignore" });
}, 120_000);
afterAll(async () => {
  const ended = new Promise((resolve) => machine.once("close", resolve));
  machine.kill("SIGKILL");
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command on the booted machine. */
function on(...command: readonly string[]): string {
  const enter = ["-t", String(pid), "-m", "-p", "-n", "-r", "-w"];
  const { stdout, stderr } = spawnSync("nsenter", [...enter, ...command], { encoding: "utf8" });
  return `${stdout}${stderr}`.trim();
}

function property(name: string): string {
  return on("systemctl", "show", service, "--property", name, "--value");
}

test("DP4 DP7 ME7 a booted systemd runs the unit in its sandbox, hands an invite to a second one, reloads it, bites when it stands still, and stops it well", async () => {
  const children = `/proc/${machine.pid}/task/${machine.pid}/children`;
  await until("systemd is booted", () => {
    pid = Number(readFileSync(children, "utf8"));
    return pid > 0 && readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "systemd";
  });
  await until("the unit is active", () => property("ActiveState") === "active", 60_000);
  expect(property("StatusText")).toBe("ready, alone in its fleet");
  const first = property("MainPID");
  const status = on("cat", `/proc/${first}/status`);
  expect(status).toMatch(/^Uid:\s+[1-9]/m);
  expect(status).toMatch(/^CapBnd:\s+0+$/m);
  expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  expect(status).toMatch(/^Seccomp:\s+2$/m);

  // Its token is for root and a group that the service is in.
  const token = "PULSEMESH_TOKEN_FILE=/etc/pulsemesh/token";
  const program = ["env", token, "node", "/opt/pulsemesh/bin/pulsemesh.js"];
  expect(on("node", "/opt/pulsemesh/bin/pulsemesh.js", "status")).toContain("token");
  const line = "  - id: scanner\n    every: 5m\n";
  on("sh", "-c", `printf '${line.replaceAll("\n", String.raw`\n`)}' >> /etc/pulsemesh/config.yaml`);
  on("systemctl", "reload", service);
  await until("the new robot is there", () => on(...program, "status").includes("scanner"));
  expect(property("MainPID")).toBe(first);

  // A second node, by an invite that root and the same group alone may read.
  const file = "/etc/pulsemesh/invite";
  const make = `node /opt/pulsemesh/bin/pulsemesh.js invite > ${file} && chgrp pulsemesh-secrets ${file}`;
  const give = `umask 077 && ${make} && chmod 0640 ${file}`;
  expect(on("env", token, "sh", "-c", give)).toContain("It can be used until");
  on("systemctl", "start", "pulsemesh-second.service");
  const inSight = (): boolean => on(...program, "peers").includes("2 of 2 in sight");
  await until("both are up", inSight);
  expect(on(...program, "grant", "list")).toMatch(/^beta +granted/m);
  // Started again, it is a member and needs no invite.
  on("rm", file);
  on("systemctl", "stop", "pulsemesh-second.service");
  await until("one is up", () => !inSight());
  on("systemctl", "start", "pulsemesh-second.service");
  await until("both are up again", inSight);
  on("systemctl", "stop", "pulsemesh-second.service");

  on("kill", "-STOP", first);
  await until("the watchdog has bitten", () => property("NRestarts") === "1", 90_000);
  await until("it is active again", () => property("ActiveState") === "active", 60_000);
  expect(on(...program, "status")).toContain("scanner");

  on("systemctl", "stop", service);
  expect([property("Result"), property("ExecMainStatus")]).toEqual(["success", "0"]);
  on("sh", "-c", "echo 'nodee: 1' >> /etc/pulsemesh/config.yaml");
  on("systemctl", "start", service);
  expect([property("ActiveState"), property("ExecMainStatus")]).toEqual(["failed", "2"]);
});
