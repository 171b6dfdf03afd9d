/** Debian's docker-compose, unpacked; it reads and checks compose files without an engine. */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { delimiter, join } from "node:path";
import { parse } from "yaml";
import { root } from "../tool.ts";
import { unpackDebianPackages } from "./debian-packages.ts";

/** The program, what it imports before it looks at a file, and the Python that all that was made for. */
const packages = [
  "docker-compose",
  "python3.11-minimal",
  "libpython3.11-minimal",
  "libpython3.11-stdlib",
  "libexpat1",
  "libffi8",
  "libssl3",
  "libyaml-0-2",
  "python3-attr",
  "python3-cached-property",
  "python3-certifi",
  "python3-chardet",
  "python3-distro",
  "python3-distutils",
  "python3-docker",
  "python3-dockerpty",
  "python3-docopt",
  "python3-dotenv",
  "python3-idna",
  "python3-jsonschema",
  "python3-pyrsistent",
  "python3-requests",
  "python3-six",
  "python3-texttable",
  "python3-urllib3",
  "python3-websocket",
  "python3-yaml",
];

export interface ComposeService {
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly network_mode?: string;
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly volumes?: readonly string[];
  readonly build?: unknown;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly image?: string;
  readonly restart?: string;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks: Readonly<Record<string, unknown>>;
}

/** `docker-compose config`: what it makes of a compose file given as text, or how it refuses it. */
export function composeConfig(
  text: string,
): { readonly file: ComposeFile } | { readonly error: string } {
  const folder = unpackDebianPackages(packages);
  const libraries = globSync(["usr/lib/*-linux-*", "lib/*-linux-*"], { cwd: folder });
  const { status, stdout, stderr, error } = spawnSync(
    join(folder, "usr/bin/python3.11"),
    [join(folder, "usr/bin/docker-compose"), "-f", "-", "--project-directory", root, "config"],
    {
      input: text,
      encoding: "utf8",
      env: {
        ...process.env,
        PYTHONHOME: join(folder, "usr"),
        PYTHONPATH: join(folder, "usr/lib/python3/dist-packages"),
        LD_LIBRARY_PATH: libraries.map((each) => join(folder, each)).join(delimiter),
      },
    },
  );
  if (error !== undefined) throw error;
  // It names an option that it was never given as a problem of the file.
  return status === 0 ? { file: parse(stdout) as ComposeFile } : { error: stderr };
}

/** Services that are nodes; the others are robots, and those that end when they are done. */
export function nodesOf({ services }: ComposeFile): readonly string[] {
  return Object.keys(services).filter(
    (name) => services[name]?.environment?.["PULSEMESH_NAME"] !== undefined,
  );
}

/** Services that have one thing to do, and end. */
export function oneShotsOf({ services }: ComposeFile): readonly string[] {
  return Object.keys(services).filter((name) => services[name]?.restart === "on-failure");
}
