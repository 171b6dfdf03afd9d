/** Our Kubernetes manifests: read, held against the types of Debian's kubectl, and turned into what a plain process is started with. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { root } from "../tool.ts";
import { unpackDebianPackages } from "./debian-packages.ts";

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly failureThreshold?: number;
  readonly timeoutSeconds?: number;
}

export interface Container {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
  }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface PodSpec {
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly securityContext: object;
  readonly volumes?: readonly { readonly name: string; readonly configMap?: object }[];
  readonly terminationGracePeriodSeconds?: number;
}

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector?: object;
    readonly template?: {
      readonly metadata: { readonly labels: object };
      readonly spec: PodSpec;
    };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

export type Labels = Readonly<Record<string, string>>;

interface PodSelector {
  readonly matchLabels: Labels;
}

/** A policy as ours are: it says who may come in, by the labels of pods of the same namespace. */
export interface NetworkPolicy {
  readonly kind: "NetworkPolicy";
  readonly spec: {
    readonly podSelector: PodSelector;
    readonly policyTypes: readonly ["Ingress"];
    readonly ingress: readonly {
      readonly from: readonly { readonly podSelector: PodSelector }[];
      readonly ports: readonly { readonly protocol: "TCP"; readonly port: number }[];
    }[];
  };
}

/** The documents of `deploy/k8s/<name>.yaml`. */
export function readManifests(name: string): readonly Manifest[] {
  return documentsOf(name) as readonly Manifest[];
}

/** The same, of a file that holds nothing but network policies. */
export function readPolicies(name: string): readonly NetworkPolicy[] {
  return documentsOf(name) as readonly NetworkPolicy[];
}

function documentsOf(name: string): readonly unknown[] {
  const text = readFileSync(join(root, "deploy/k8s", `${name}.yaml`), "utf8");
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw new Error(String(document.errors[0]));
    return document.toJS() as unknown;
  });
}

/** The ports of a pod that another one reaches, as a network plugin judges: all of them where no policy selects the pod. */
export function portsOpenTo(
  policies: readonly NetworkPolicy[],
  caller: Labels,
  pod: Labels,
): readonly (number | "all")[] {
  const selecting = policies.filter(({ spec }) => isSelected(spec.podSelector, pod));
  if (selecting.length === 0) return ["all"];
  return selecting.flatMap(({ spec }) =>
    spec.ingress
      .filter(({ from }) => from.some(({ podSelector }) => isSelected(podSelector, caller)))
      .flatMap(({ ports }) => ports.map(({ port }) => port)),
  );
}

function isSelected({ matchLabels }: PodSelector, labels: Labels): boolean {
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
}

/** A workload as kubectl understands it: what its types do not know is gone. Needs no cluster. */
export function asKubectlReads(manifest: Manifest): unknown {
  const kubectl = join(unpackDebianPackages(["kubernetes-client"]), "usr/bin/kubectl");
  const args = ["set", "image", "--local", "-f", "-", "-o", "json", "*=another"];
  const { status, stdout, stderr } = spawnSync(kubectl, args, {
    input: JSON.stringify(manifest),
    encoding: "utf8",
    env: { HOME: "/nonexistent" },
  });
  if (status !== 0) throw new Error(`kubectl refuses ${manifest.metadata.name}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Paths of `wanted` that `found` lacks or has otherwise. */
export function missingPaths(wanted: unknown, found: unknown, at = ""): readonly string[] {
  if (typeof wanted !== "object" || wanted === null) return wanted === found ? [] : [at];
  const inFound = (typeof found === "object" && found !== null ? found : {}) as object;
  return Object.entries(wanted).flatMap(([key, value]) =>
    missingPaths(value, (inFound as Readonly<Record<string, unknown>>)[key], `${at}/${key}`),
  );
}

/** The environment of a container in a pod of that name; `$(NAME)` is filled in as the kubelet does. */
export function environmentIn(container: Container, pod: string): Readonly<Record<string, string>> {
  const fields: Readonly<Record<string, string>> = {
    "metadata.name": pod,
    "metadata.namespace": "default",
  };
  const env: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env) {
    env[name] = filled(value ?? fields[valueFrom?.fieldRef.fieldPath ?? ""] ?? "", env);
  }
  return env;
}

/** `$(NAME)` by its value. */
export function filled(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\((\w+)\)/g, (all, name: string) => env[name] ?? all);
}

/** Asks as a kubelet does: any answer from 200 to 399 in time is a success. */
export async function probeHolds(probe: Probe, port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout((probe.timeoutSeconds ?? 1) * 1_000);
    const url = `http://127.0.0.1:${port}${probe.httpGet.path}`;
    const { status } = await fetch(url, { signal, redirect: "manual" });
    return status >= 200 && status < 400;
  } catch {
    return false;
  }
}
