/**
 * Reads a Dockerfile as far as ours goes: stages, and their instructions with shell or JSON arguments. What it does not know is an error, so
 * that no step is left out unseen.
 */

interface Instruction {
  readonly name: string;
  readonly text: string;
}

export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

const known = new Set([
  "WORKDIR",
  "COPY",
  "RUN",
  "LABEL",
  "ENV",
  "USER",
  "VOLUME",
  "EXPOSE",
  "STOPSIGNAL",
  "HEALTHCHECK",
  "ENTRYPOINT",
  "CMD",
]);

/** The stages in order; the last one is the image. */
export function readDockerfile(source: string): readonly Stage[] {
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  const args = new Map<string, string>();
  for (const { name, text } of instructionsOf(source)) {
    if (name === "ARG") {
      const [key = "", value = ""] = text.split("=", 2);
      args.set(key, value);
    } else if (name === "FROM") {
      const [, base = "", stage = String(stages.length)] = /^(\S+)(?: AS (\S+))?$/.exec(text) ?? [];
      const filled = base.replaceAll(/\$\{(\w+)\}/g, (_all, key: string) => args.get(key) ?? "");
      stages.push({ name: stage, base: filled, instructions: [] });
    } else if (known.has(name)) {
      stages.at(-1)?.instructions.push({ name, text });
    } else {
      throw new Error(`Dockerfile: this reader does not know ${name}; teach it.`);
    }
  }
  return stages;
}

/** Lines that end in a backslash go on; comments and empty lines do not count. */
function instructionsOf(source: string): Instruction[] {
  const joined = source
    .split("\n")
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join("\n")
    .replaceAll(/\\\n\s*/g, " ");
  return joined.split("\n").map((line) => {
    const [, name = "", text = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    return { name, text: text.trim() };
  });
}

/** The last instruction of that name. */
export function last(stage: Stage, name: string): string | undefined {
  return stage.instructions.findLast((each) => each.name === name)?.text;
}

/** `ENV A=1 B=2`, all of the stage. */
export function environmentOf(stage: Stage): Readonly<Record<string, string>> {
  const pairs = stage.instructions
    .filter(({ name }) => name === "ENV")
    .flatMap(({ text }) => text.split(/\s+/))
    .map((pair) => pair.split(/=(.*)/s, 2) as [string, string]);
  return Object.fromEntries(pairs);
}

/** `["node", "main.js"]`, as ENTRYPOINT, CMD and HEALTHCHECK have it. */
export function words(text: string | undefined): readonly string[] {
  return JSON.parse(text?.replace(/^.*?(?=\[)/s, "") ?? "[]") as readonly string[];
}
