/**
 * Query strings. Unknown parameters are tolerated (proxies and pages add them), of a repeated one the last counts, and a wrong
 * value is answered 400 with its name: a typing error in `?create=` must not silently do something else.
 */
import { parse } from "node:querystring";
import { z } from "zod";
import { HttpProblem } from "../problem.ts";

type Query = { [key: string]: unknown };

const EMPTY: Query = Object.freeze(Object.create(null) as Query);

/** Given to fastify; beats have no query, so that case costs nothing. */
export function parseQueryString(text: string): Query {
  return text === "" ? EMPTY : parse(text);
}

/** One value: of several the last. */
export function single<T>(inner: z.ZodType<T>): z.ZodType<T> {
  return z.preprocess(
    (value): unknown => (Array.isArray(value) ? (value as readonly unknown[]).at(-1) : value),
    inner,
  ) as z.ZodType<T>;
}

/** Zero, one or several values. */
export function several<T>(inner: z.ZodType<T>, countMax: number): z.ZodType<readonly T[]> {
  return z.preprocess(
    (value): unknown => (value === undefined ? [] : Array.isArray(value) ? value : [value]),
    z.array(inner).max(countMax),
  ) as z.ZodType<readonly T[]>;
}

/** A whole number in plain digits. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  return z
    .string()
    .regex(/^\d{1,15}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(min).max(max));
}

/** @throws HttpProblem `request-invalid` naming the first wrong parameter */
export function readQuery<Shape extends z.ZodObject>(
  schema: Shape,
  query: unknown,
): z.output<Shape> {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const name = String(issue?.path[0] ?? "");
  throw new HttpProblem(
    "request-invalid",
    `Query parameter '${name}' is wrong: ${issue?.message ?? "unexpected value"}.`,
  );
}
