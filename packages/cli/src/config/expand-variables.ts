/**
 * `${NAME}` and `${NAME:-default}` in the values of a config file. It works on text that the YAML parser has already taken apart, so what a
 * variable holds can be no key, no list and no second setting.
 */

export type Expansion =
  | {
      readonly ok: true;
      readonly text: string;
      /** Whether a variable was put in. */
      readonly isExpanded: boolean;
      /** A variable's name says that it should not be shown. */
      readonly isSecret: boolean;
    }
  | { readonly ok: false; readonly what: string; readonly next: string };

const secretName = /TOKEN|SECRET|PASSW|KEY|CREDENTIAL/i;
const dollar = /\$(?:(\$)|\{([^{}]*)\}|([A-Za-z_]\w*)|(\{)|)/g;
const variable = /^([A-Za-z_]\w*)(?::-(.*))?$/s;

/** Puts variables in. `$$` is a dollar; a variable that is unset or empty and has no default is an error. */
export function expandVariables(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): Expansion {
  if (!text.includes("$")) return { ok: true, text, isExpanded: false, isSecret: false };
  let isExpanded = false;
  let isSecret = false;
  let fault: { readonly what: string; readonly next: string } | undefined;
  const expanded = text.replaceAll(
    dollar,
    (all, doubled?: string, inside?: string, bare?: string, open?: string) => {
      if (doubled !== undefined) return "$";
      if (inside === undefined) {
        fault ??= faultOfDollar(bare, open);
        return all;
      }
      const [, name, fallback] = variable.exec(inside) ?? [];
      const value = name === undefined ? undefined : env[name] || fallback;
      if (name === undefined || value === undefined) {
        fault ??= name === undefined ? badName(inside) : unset(name);
        return all;
      }
      isExpanded = true;
      isSecret ||= secretName.test(name);
      return value;
    },
  );
  return fault === undefined
    ? { ok: true, text: expanded, isExpanded, isSecret }
    : { ok: false, ...fault };
}

function faultOfDollar(bare: string | undefined, open: string | undefined): Fault {
  if (bare !== undefined) {
    return {
      what: `Variables stand in braces. Did you mean \${${bare}}?`,
      next: `write \${${bare}}, or $$${bare} for the text itself`,
    };
  }
  return open === undefined
    ? { what: "A single $ means nothing.", next: "write $$ for a dollar" }
    : {
        what: "This ${ has no closing brace, or braces inside.",
        next: "write ${NAME} or ${NAME:-default}",
      };
}

interface Fault {
  readonly what: string;
  readonly next: string;
}

function badName(inside: string): Fault {
  return {
    what: `'${inside}' is no name of a variable.`,
    next: "write ${NAME} or ${NAME:-default}, and $$ for a dollar",
  };
}

function unset(name: string): Fault {
  return {
    what: `The environment variable ${name} is not set, or empty.`,
    next: `set ${name}, or write \${${name}:-default}`,
  };
}
