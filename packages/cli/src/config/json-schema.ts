/** The JSON Schema of the config file, for editors: they complete settings and underline what is none, before `config check` does. */
import { runShape } from "./run-shape.ts";
import type { Shape, ValueShape } from "./shape.ts";

type Json = Readonly<Record<string, unknown>>;

/** Draft 7, as that is what the YAML language server knows best. */
export function configJsonSchema(): Json {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Pulsemesh",
    ...schemaOf(runShape),
  };
}

/** A variable may stand for every value, and what it holds is not known here. */
const variable: Json = { type: "string", pattern: "\\$\\{" };

function schemaOf(shape: Shape): Json {
  switch (shape.type) {
    case "value":
      return valueSchema(shape);
    case "switch":
      return described(shape, { anyOf: [{ type: "boolean" }, variable] });
    case "list":
      return described(shape, {
        type: ["array", "null"],
        items: schemaOf(shape.item),
        ...(shape.lengthMax === undefined ? {} : { maxItems: shape.lengthMax }),
      });
    case "labels":
      return described(shape, {
        type: ["object", "null"],
        additionalProperties: { type: "string" },
      });
    case "map":
      return described(shape, {
        type: shape.needs === undefined ? ["object", "null"] : "object",
        additionalProperties: false,
        ...(shape.needs === undefined ? {} : { required: shape.needs }),
        properties: Object.fromEntries(
          Object.entries(shape.entries).map(([key, each]) => [key, schemaOf(each)]),
        ),
      });
  }
}

function valueSchema(shape: ValueShape): Json {
  const { words, isWhole, default: value, example } = shape;
  const plain = isWhole === true ? { type: "integer" } : { type: "string", minLength: 1 };
  const type =
    words !== undefined
      ? { anyOf: [{ enum: words }, variable] }
      : isWhole === true
        ? { anyOf: [plain, variable] }
        : plain;
  const typed = (text: string): unknown => (isWhole === true ? Number(text) : unquoted(text));
  return described(shape, {
    ...type,
    ...(value === undefined ? {} : { default: typed(value) }),
    ...(example === undefined ? {} : { examples: [typed(example)] }),
  });
}

function described({ text }: Shape, rest: Json): Json {
  return { description: text, ...rest };
}

function unquoted(text: string): string {
  return text.replace(/^"(.*)"$/, "$1");
}
