/** What the manifests of deploy/k8s start, as plain processes, probed as their probes say. No cluster has run them. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CliProcess, runCli } from "../support/cli-process.ts";
import { environmentOf, last, readDockerfile } from "../support/dockerfile.ts";
import {
  asKubectlReads,
  type Container,
  environmentIn,
  filled,
  type Labels,
  missingPaths,
  type PodSpec,
  portsOpenTo,
  probeHolds,
  readManifests,
  readPolicies,
} from "../support/kubernetes.ts";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/until.ts";
import { root } from "../tool.ts";

const folder = mkdtempSync(join(tmpdir(), "pulsemesh-k8s-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const image = readDockerfile(readFileSync(join(root, "Dockerfile"), "utf8")).at(-1);
if (image === undefined) throw new Error("the Dockerfile has no stage");
const imageEnv = environmentOf(image);

function podOf(name: string): PodSpec {
  const spec = readManifests(name).find(({ kind }) => kind === "StatefulSet")?.spec.template?.spec;
  if (spec === undefined) throw new Error(`${name} has no pods`);
  return spec;
}

function nodeOf(name: string): Container {
  return containerOf(name, "pulsemesh");
}

function containerOf(manifest: string, name: string): Container {
  const { initContainers = [], containers } = podOf(manifest);
  const found = [...initContainers, ...containers].find((each) => each.name === name);
  if (found === undefined) throw new Error(`${manifest} has no ${name}`);
  return found;
}

/** What a path of a container is here, where mount paths are folders. */
function pathHere(
  text: string,
  manifest: string,
  pod: string,
  { volumeMounts }: Container,
): string {
  return volumeMounts.reduce((path, { name, mountPath }) => {
    const at = join(folder, name === "data" ? pod : `${manifest}-${name}`);
    return path === mountPath || path.startsWith(`${mountPath}/`)
      ? at + path.slice(mountPath.length)
      : path;
  }, text);
}

/** Runs the init container that makes the authority of the fleet to its end. */
async function makeAuthority(pod: string): Promise<string> {
  const container = containerOf("seed", "authority");
  const here = (text: string): string => pathHere(text, "seed", pod, container);
  const env = { ...imageEnv, ...environmentIn(container, pod) };
  const { code, out, err } = await runCli((container.args ?? []).map(here), {
    env: Object.fromEntries(Object.entries(env).map(([key, value]) => [key, here(value)])),
  });
  expect([code, err]).toEqual([0, expect.any(String)]);
  return out;
}

/** Puts an invite of that node where a secret of the cluster would be. */
async function invite(at: Running, manifest: string, ...terms: readonly string[]): Promise<void> {
  const { code, out, err } = await runCli([
    "invite",
    ...terms,
    "--url",
    `http://127.0.0.1:${at.http}`,
  ]);
  expect([code, err]).toEqual([0, expect.any(String)]);
  writeFileSync(join(folder, `${manifest}-join`, "invite"), out.trimEnd(), { mode: 0o440 });
}

interface Running {
  readonly process: CliProcess;
  readonly http: number;
  /** Whether a probe of the manifest holds now. */
  readonly holds: (kind: "startupProbe" | "livenessProbe" | "readinessProbe") => Promise<boolean>;
}

const meshPorts = new Map<string, number>();

/** Starts the node of a manifest in a pod of that name; mount paths become folders here, the pod's DNS name becomes localhost. */
async function start(manifest: string, pod: string): Promise<Running> {
  const node = nodeOf(manifest);
  const [http, probes] = [await freePort(), await freePort()];
  const mesh = meshPorts.get(pod) ?? (await freePort());
  meshPorts.set(pod, mesh);
  const env = { ...imageEnv, ...environmentIn(node, pod) };
  const here = (text: string): string =>
    pathHere(text, manifest, pod, node).replace(
      `/dns/${pod}.pulsemesh.default.svc/tcp/7421`,
      `/dns/localhost/tcp/${mesh}`,
    );
  // What an observer opens to its cluster stays on loopback here.
  const args = (node.args ?? [])
    .map((arg) => here(filled(arg, env)).replace("[::]:7420", `127.0.0.1:${http}`))
    .filter((arg) => arg !== "--insecure-http");
  const process = new CliProcess(args, {
    env: {
      ...Object.fromEntries(Object.entries(env).map(([key, value]) => [key, here(value)])),
      PULSEMESH_LISTEN: `/ip4/127.0.0.1/tcp/${mesh}`,
      PULSEMESH_HTTP: `127.0.0.1:${http}`,
      PULSEMESH_PROBES: `127.0.0.1:${probes}`,
    },
  });
  const holds: Running["holds"] = async (kind) => {
    // A kubelet would start it again; here it has failed.
    if (process.err.includes("Next: ")) throw new Error(process.err);
    return await probeHolds(node[kind], probes);
  };
  return { process, http, holds };
}

test("DP8 kubectl knows every field of the manifests; the one that made sidecars native is newer than Debian's", () => {
  for (const name of ["seed", "sidecar", "observers"]) {
    for (const manifest of readManifests(name).filter(({ kind }) => kind === "StatefulSet")) {
      const missing = missingPaths(manifest, asKubectlReads(manifest)).filter(
        // Which it was told to set, so that it prints anything at all.
        (path) => !path.endsWith("/image"),
      );
      expect(missing).toEqual(
        name === "sidecar" ? ["/spec/template/spec/initContainers/0/restartPolicy"] : [],
      );
    }
  }
});

test("DP8 every pod is without root and privileges, probes a port that its node has, and keeps its identity in a volume of its own", () => {
  const [uid = "", gid = ""] = (last(image, "USER") ?? "").split(":");
  for (const name of ["seed", "sidecar", "observers"]) {
    const { securityContext, containers, initContainers = [] } = podOf(name);
    expect(securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: Number(uid),
      runAsGroup: Number(gid),
      fsGroup: Number(gid),
      fsGroupChangePolicy: "OnRootMismatch",
    });
    for (const each of [...initContainers, ...containers]) {
      expect(each.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
    }
    const node = nodeOf(name);
    const ports = new Map(node.ports.map((port) => [port.name, port.containerPort]));
    expect(ports.get("probes")).toBe(Number(imageEnv["PULSEMESH_PROBES"]?.split(":").at(-1)));
    const probes = [node.startupProbe, node.livenessProbe, node.readinessProbe];
    expect(probes.map(({ httpGet }) => httpGet.port)).toEqual(["probes", "probes", "probes"]);
    const [workload] = readManifests(name).filter(({ kind }) => kind === "StatefulSet");
    expect(workload?.spec.volumeClaimTemplates?.map(({ metadata }) => metadata.name)).toEqual([
      "data",
    ]);
    expect(workload?.spec.template?.metadata.labels).toMatchObject({
      "pulsemesh.dev/mesh": "true",
    });
  }
  expect(nodeOf("sidecar").restartPolicy).toBe("Always");
});

test("DP8 the network policies let members in to the mesh port, labelled readers to the HTTP of observers, and nobody to anything else", () => {
  const policies = readPolicies("network-policy");
  const fields = policies.flatMap((policy) => [
    Object.keys(policy).toSorted().join(),
    Object.keys(policy.spec).toSorted().join(),
  ]);
  expect([...new Set(fields)]).toEqual([
    "apiVersion,kind,metadata,spec",
    "ingress,podSelector,policyTypes",
  ]);
  const labels = (name: string): Labels => {
    const found = readManifests(name).find(({ kind }) => kind === "StatefulSet")?.spec.template;
    return (found?.metadata.labels ?? {}) as Labels;
  };
  const callers: Readonly<Record<string, Labels>> = {
    seed: labels("seed"),
    sidecar: labels("sidecar"),
    observers: labels("observers"),
    reader: { "pulsemesh.dev/reader": "true" },
    stranger: { app: "shop" },
  };
  for (const name of ["seed", "sidecar", "observers"]) {
    const ports = new Map(nodeOf(name).ports.map((port) => [port.containerPort, port.name]));
    const open = Object.entries(callers).map(([caller, from]) => [
      caller,
      portsOpenTo(policies, from, labels(name)).map((port) => ports.get(Number(port)) ?? port),
    ]);
    const isObserver = name === "observers";
    expect([name, Object.fromEntries(open)]).toEqual([
      name,
      {
        seed: ["mesh"],
        sidecar: ["mesh"],
        observers: ["mesh"],
        reader: isObserver ? ["http"] : [],
        stranger: [],
      },
    ]);
  }
  // Pods of others stay as they are.
  expect(portsOpenTo(policies, callers["stranger"] ?? {}, { app: "shop" })).toEqual(["all"]);
});

test("DP8 DP3 ME7 P8 a sidecar lives before it can join, is ready once its invite is there, and stays so when its fleet is gone", async () => {
  for (const volume of ["sidecar-join", "observers-join", "observers-token"])
    mkdirSync(join(folder, volume));
  for (const pod of ["scanner-0", "pulsemesh-seed-0", "observer-0"]) {
    // As the kubelet hands a volume over to a group.
    mkdirSync(join(folder, pod));
    chmodSync(join(folder, pod), 0o2775);
  }
  const sidecar = await start("sidecar", "scanner-0");
  await using _sidecar = sidecar.process;
  await until("the sidecar's startup probe holds", () => sidecar.holds("startupProbe"));
  expect(await sidecar.holds("livenessProbe")).toBe(true);
  expect(await sidecar.holds("readinessProbe")).toBe(false);

  const fleet = await makeAuthority("pulsemesh-seed-0");
  // Somebody has taken the root's keys off the volume before the pod starts once more.
  rmSync(join(folder, "pulsemesh-seed-0", "root"), { recursive: true });
  expect(await makeAuthority("pulsemesh-seed-0")).toBe(fleet);
  const seed = await start("seed", "pulsemesh-seed-0");
  await using _seed = seed.process;
  await until("the seed is ready", () => seed.holds("readinessProbe"));
  expect(await sidecar.holds("readinessProbe")).toBe(false);
  await invite(seed, "sidecar", "--uses", "2", "--robots", "scanner-*");
  await invite(seed, "observers", "--uses", "2", "--role", "observer");
  writeFileSync(join(folder, "observers-token", "token"), "sixteen-or-more-letters\n", {
    mode: 0o440,
  });
  const observer = await start("observers", "observer-0");
  await using _observer = observer.process;
  await until("the sidecar is ready", () => sidecar.holds("readinessProbe"));
  await until("the observer is ready", () => observer.holds("readinessProbe"));
  // It is open to a whole cluster, so it asks who comes.
  const everything = `http://127.0.0.1:${observer.http}/api/v1/peers`;
  expect((await fetch(everything)).status).toBe(401);
  const headers = { authorization: "Bearer sixteen-or-more-letters" };
  expect((await fetch(everything, { headers })).status).toBe(200);
  const robots = `http://127.0.0.1:${sidecar.http}/status/scanner-0`;
  expect(await (await fetch(robots)).text()).toContain("scanner-0 is new");

  for (const gone of [seed, observer]) gone.process.kill("SIGKILL");
  await Promise.all([seed.process.ended, observer.process.ended]);
  // As long as three periods of a kubelet's patience with a probe would be, at ten times its pace.
  for (let asked = 0; asked < 30; asked += 1) {
    expect(await sidecar.holds("livenessProbe")).toBe(true);
    expect(await sidecar.holds("readinessProbe")).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const graceMs = (podOf("sidecar").terminationGracePeriodSeconds ?? 0) * 1_000;
  const startMs = performance.now();
  sidecar.process.kill("SIGTERM");
  expect((await sidecar.process.ended).code).toBe(0);
  expect(performance.now() - startMs).toBeLessThan(graceMs);
});
