import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { decodeHello, encodeHello, type Hello } from "./hello-codec.ts";

const GOLDEN = fileURLToPath(new URL("../../../test/golden/", import.meta.url));
/** Set to the number of a release that has no frame yet, it writes it. */
const making = process.env["PULSEMESH_GOLDEN"];
const ID = "12D3KooWHzQZBWHMAT1p4Yt8nRyTztYHWfeRKfWuPPVA5uekqmjg";
const SAMPLE: Hello = {
  versionMin: 1,
  versionMax: 1,
  agent: "pulsemesh/0.1.0",
  instance: "0011223344556677",
  addresses: [`/ip4/192.0.2.7/tcp/7421/p2p/${ID}`],
  known: [`/ip6/2001:db8::1/tcp/7421/p2p/${ID}`],
  heard: [`/dns4/example.org/tcp/7421/ws/p2p/${ID}`],
};

function pathOf(release: string): string {
  return join(GOLDEN, release, "frames", "transport-hello.json");
}

if (making !== undefined && !existsSync(pathOf(making))) {
  const hex = Buffer.from(encodeHello(SAMPLE)).toString("hex");
  mkdirSync(dirname(pathOf(making)), { recursive: true });
  writeFileSync(pathOf(making), `${JSON.stringify({ hex, decoded: SAMPLE }, null, 2)}\n`);
}

const releases = readdirSync(GOLDEN, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

test.each(releases)(
  "UP4 SG2 the hello of release %s is read, and written as the same bytes again",
  (release) => {
    const { hex, decoded } = JSON.parse(readFileSync(pathOf(release), "utf8")) as {
      readonly hex: string;
      readonly decoded: Hello;
    };
    const hello = decodeHello(Buffer.from(hex, "hex"));
    expect(hello).toMatchObject(decoded);
    expect(Buffer.from(encodeHello(hello ?? SAMPLE)).toString("hex")).toBe(hex);
  },
);
