import { describe, expect, test } from "vitest";
import { parseSocketUrl, socketPathOf } from "./socket-fetch.ts";

describe("CLI32 the URL of a socket", () => {
  test.each([
    ["unix:/run/node.sock", "/run/node.sock"],
    ["unix:///run/node.sock", "/run/node.sock"],
    ["unix:/a b", "/a b"],
  ])("CLI32 %s names the file %s", (url, path) => {
    expect(parseSocketUrl(url, "--url")).toBe(`unix:${path}`);
    expect(socketPathOf(`unix:${path}`)).toBe(path);
  });

  test.each(["unix:", "unix:/", "unix:node.sock", "unix:./node.sock"])(
    "CLI32 %j is refused: the path must be absolute",
    (url) => {
      expect(() => parseSocketUrl(url, "--url")).toThrow("must be absolute");
    },
  );

  test.each(["http://127.0.0.1:7420", "localhost", "/run/node.sock"])(
    "CLI32 %s is no URL of a socket",
    (url) => {
      expect(parseSocketUrl(url, "--url")).toBeUndefined();
      expect(socketPathOf(url)).toBeUndefined();
    },
  );
});
