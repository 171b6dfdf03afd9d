import { expect, test } from "vitest";
import { clientFlags } from "./client-flags.ts";

const parse = (text: string): unknown =>
  clientFlags.find(({ env }) => env === "PULSEMESH_URL")?.parse?.(text, "--url");

test("CLI3 CLI32 an address is one of HTTP or of a socket; what is meant is said", () => {
  expect(parse("https://mesh.example:7420//")).toBe("https://mesh.example:7420");
  expect(parse("unix:///run/node.sock")).toBe("unix:/run/node.sock");
  expect(() => parse("localhost:7420")).toThrow("Did you mean http://localhost:7420?");
  expect(() => parse("unix:node.sock")).toThrow("must be absolute");
});

test("CLI3 an address with a name or a password is refused, and the password not repeated", () => {
  for (const address of ["http://me:hunter2@127.0.0.1:7420", "https://me@mesh.example"]) {
    expect(() => parse(address)).toThrow(/^Cannot use --url with a name or a password[^2@]+$/);
    expect(() => parse(address)).toThrow("--token-file");
  }
});
