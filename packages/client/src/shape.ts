/**
 * Whether JSON is what its type says, by hand, since this package depends on nothing. Whoever answers at an address need not be a node; without
 * this, what it answers would be an error of the program somewhere far from here. Fields that nobody here knows are passed over, and
 * so are new words among known ones: a later release may say more.
 */

/** Says what is wrong with a value at `path`; undefined where nothing is. */
export interface Shape<T> {
  readonly fault: (value: unknown, path: string) => string | undefined;
  /** Never there: holds a shape to its type. */
  readonly type?: T | undefined;
}

type Shapes<T> = { readonly [Key in keyof T]-?: Shape<T[Key]> };

function simple<T>(what: string, holds: (value: unknown) => boolean): Shape<T> {
  return {
    fault: (value, path) => (holds(value) ? undefined : `${nameOf(path)} is not ${what}`),
  };
}

export const text: Shape<string> = simple("text", (value) => typeof value === "string");
export const number: Shape<number> = simple("a number", (value) => typeof value === "number");
export const flag: Shape<boolean> = simple("true or false", (value) => typeof value === "boolean");
export const anything: Shape<unknown> = simple("there", (value) => value !== undefined);

/** One of some words, of which a later release may have more. */
export function word<T extends string>(): Shape<T> {
  return text as Shape<T>;
}

/** Exactly this. */
export function exactly<T extends string | boolean>(expected: T): Shape<T> {
  return simple(JSON.stringify(expected), (value) => value === expected);
}

export function nullable<T>(inner: Shape<T>): Shape<T | null> {
  return { fault: (value, path) => (value === null ? undefined : inner.fault(value, path)) };
}

export function optional<T>(inner: Shape<T>): Shape<T | undefined> {
  return { fault: (value, path) => (value === undefined ? undefined : inner.fault(value, path)) };
}

export function list<T>(item: Shape<T>): Shape<readonly T[]> {
  return {
    fault: (value, path) => {
      if (!Array.isArray(value)) return `${nameOf(path)} is not a list`;
      for (const [i, each] of value.entries()) {
        const fault = item.fault(each, `${path}[${i}]`);
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
  };
}

/** A map of any keys. */
export function record<T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return {
    fault: (value, path) => {
      if (!isMap(value)) return `${nameOf(path)} is not a map`;
      for (const [key, each] of Object.entries(value)) {
        const fault = item.fault(each, inside(path, key));
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
  };
}

/** A map of these keys, and any more. */
export function map<T extends object>(fields: Shapes<T>): Shape<T> {
  const shapes = Object.entries<Shape<unknown>>(fields);
  return {
    fault: (value, path) => {
      if (!isMap(value)) return `${nameOf(path)} is not a map`;
      for (const [key, shape] of shapes) {
        const given = Object.hasOwn(value, key) ? value[key] : undefined;
        const fault = shape.fault(given, inside(path, key));
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
  };
}

/** One of several, as the value itself tells. */
export function choice<T>(of: (value: unknown) => Shape<T>): Shape<T> {
  return { fault: (value, path) => of(value).fault(value, path) };
}

/** Whether a value is a map with this in it. */
export function says(value: unknown, key: string, expected: string | boolean): boolean {
  return isMap(value) && Object.hasOwn(value, key) && value[key] === expected;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function inside(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function nameOf(path: string): string {
  return path === "" ? "it" : `'${path}'`;
}
