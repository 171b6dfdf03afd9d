/**
 * A route as data: what it takes, what it gives, which errors it may answer, and the function that does it. The server
 * registers the table and `/openapi.json` prints it, so neither can know a route that the other does not (rule HT15).
 */
import type { ErrorCode } from "@pulsemesh/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface ResponseDoc {
  readonly description: string;
  /** Media type; none for answers without a body. */
  readonly type?: string | undefined;
  /** Named schema of a JSON body, or of one event of a stream. */
  readonly schema?: string | undefined;
  /** An example for text bodies. */
  readonly example?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface BodyDoc {
  readonly description: string;
  readonly required: boolean;
  readonly types: readonly string[];
  /** Named schema of a JSON body. */
  readonly schema?: string | undefined;
}

export interface Route {
  readonly methods: readonly Method[];
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  /** Changes something, whatever the method: web pages of other sites must not trigger it (rule HT18). */
  readonly writes: boolean;
  /** Is for whoever runs this node: ends it, changes it or hands out all it has (rule HT34). */
  readonly operates?: boolean | undefined;
  /** Answered without a token too: supervisors have none (rule CFG12). */
  readonly open?: boolean | undefined;
  /** The answer lasts as long as the caller likes, so its duration says nothing. */
  readonly endless?: boolean | undefined;
  /** Callers at the same time share one piece of work that may take long: few may wait for it, as who waits keeps his connection (HT19). */
  readonly shared?: boolean | undefined;
  readonly query?: z.ZodObject | undefined;
  /** Request headers that matter, with what for. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: BodyDoc | undefined;
  readonly responses: Readonly<Record<number, ResponseDoc>>;
  /** Codes beyond {@link COMMON_ERRORS}. */
  readonly errors: readonly ErrorCode[];
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => unknown;
}

/** Codes that any request may be answered with. */
export const COMMON_ERRORS: readonly ErrorCode[] = [
  "request-invalid",
  "host-forbidden",
  "origin-forbidden",
  "token-wrong",
  "operator-only",
  "body-too-large",
  "media-type-unsupported",
  "headers-too-large",
  "request-timed-out",
  "not-ready",
  "stopped",
  "internal",
];

/** `/ping/{robot}` as fastify writes it: `/ping/:robot`. */
export function fastifyPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** Methods that a path is served with; empty when there is no such path. */
export function methodsOf(routes: readonly Route[], url: string): readonly Method[] {
  const path = url.split("?", 1)[0] ?? "";
  const found = routes.filter((route) => pathPattern(route.path).test(path));
  return [...new Set(found.flatMap((route) => route.methods))].toSorted();
}

function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]*")}$`);
}
