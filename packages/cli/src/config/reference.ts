/** docs/config.md: every setting with its flag, its variable and its default, from the same table that all three are made of. */
import { runFlags } from "../commands/run-options.ts";
import { runShape } from "./run-shape.ts";
import { type FileSetting, fileSettings, longFlag } from "./setting.ts";
import type { MapShape, Shape } from "./shape.ts";

const intro = `# Configuration

Generated from the settings of \`pulsemesh run\`; \`node test/generate.ts\` writes it anew.

\`\`\`sh
pulsemesh config init --out pulsemesh.yaml     # a commented file; editors with a YAML language server complete it
pulsemesh config check pulsemesh.yaml          # every fault as file:line:column, exit 0 or 2
pulsemesh run --config pulsemesh.yaml
pulsemesh config show --config pulsemesh.yaml  # what holds, and where it comes from
\`\`\`

- Each setting by itself: a flag wins over its variable, the variable over the file, the file over the default. A list is taken as a whole.
- No file is read unless \`--config\` or \`PULSEMESH_CONFIG\` names it; \`run\` prints which one.
- \`\${NAME}\` and \`\${NAME:-default}\` in values stand for environment variables, \`$$\` for a dollar. Unset without a default is a fault.
- Durations are \`100ms\`, \`30s\`, \`5m\`, \`1h\`, \`2d\`. Paths are relative to the file. Secrets stand in files of their own (\`…_file\`).
- SIGHUP, or \`curl -X POST http://127.0.0.1:7420/-/reload\`, reads the file again. What is marked *reload* and all robots are taken over; whatever else
  changed is named as what needs a restart. A bad file changes nothing: \`pulsemesh_config_last_reload_successful\` is 0 until a good one.
- A robot that is taken out of the file stays in the fleet until \`pulsemesh robot retire ID\`.
`;

const robotsIntro = `
## defaults and robots

\`defaults\` holds for every robot of \`robots\`, and for those that register themselves by their first heartbeat. In \`robots\` each entry needs its \`id\`.

| key | of | default | what |
| --- | --- | --- | --- |
`;

/** The whole page. */
export function configReference(): string {
  const settings = fileSettings(runFlags);
  const sections = [...new Set(settings.map(({ key }) => key.split(".")[0] ?? ""))];
  return `${intro}${sections.map((section) => sectionText(section, settings)).join("")}${robotsIntro}${robotLines()}`;
}

function sectionText(section: string, settings: readonly FileSetting[]): string {
  const lines = settings
    .filter(({ key }) => key.startsWith(`${section}.`))
    .map((setting) => {
      const { key, env, default: value, text, isLive } = setting;
      const flag = longFlag(setting);
      const live = isLive === true ? " *(reload)*" : "";
      return `| ${code(key)} | ${code(flag)} | ${code(env)} | ${code(value)} | ${cell(text)}${live} |\n`;
    });
  return `
## ${section}

| key | flag | variable | default | what |
| --- | --- | --- | --- | --- |
${lines.join("")}`;
}

function robotLines(): string {
  const defaults = entriesOf(runShape.entries["defaults"]);
  const robots = runShape.entries["robots"];
  const own = entriesOf(robots?.type === "list" ? robots.item : undefined);
  return Object.entries(own)
    .map(([key, shape]) => {
      const of = Object.hasOwn(defaults, key) ? "defaults, robots" : "robots";
      const value = shape.type === "value" ? shape.default : undefined;
      return `| ${code(key)} | ${of} | ${code(value)} | ${cell(shape.text)} |\n`;
    })
    .join("");
}

function entriesOf(shape: Shape | undefined): MapShape["entries"] {
  return shape?.type === "map" ? shape.entries : {};
}

function code(text: string | undefined): string {
  return text === undefined ? "" : `\`${text}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
