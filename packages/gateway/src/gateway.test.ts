import { PulsemeshError } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { ScriptedNode } from "../../../test/support/scripted-node.ts";
import { startGateway } from "./gateway.ts";

test.each(["0.0.0.0", "::", "192.168.1.5", "robots.example", "127.0.0.1.example", ""])(
  "HT20 the address '%s' beyond loopback is refused without insecureHttp",
  async (host) => {
    const start = startGateway(new ScriptedNode(), { host, port: 0 });
    await expect(start).rejects.toThrow(PulsemeshError);
    await expect(start).rejects.toMatchObject({ code: "http-insecure", changed: false });
  },
);

test.each([-1, 65_536, 1.5, Number.NaN])("HT20 the port %d is refused", async (port) => {
  const start = startGateway(new ScriptedNode(), { port });
  await expect(start).rejects.toMatchObject({ code: "option-invalid" });
});

test("HT36 where a node issues and no token is asked for, the log and a metric say what any process of the machine may do", async () => {
  const metric = "pulsemesh_issuer_unguarded";
  for (const [hasIssuer, token, value] of [
    [true, undefined, 1],
    [true, "Zm9vYmFyYmF6cXV4", 0],
    [false, undefined, 0],
  ] as const) {
    const node = new ScriptedNode();
    if (hasIssuer) node.issuer = {} as NonNullable<typeof node.issuer>;
    const said: string[] = [];
    const ignore = (): void => {};
    const warn = (_fields: object, text: string): void => void said.push(text);
    const logger = { debug: ignore, info: ignore, warn, error: ignore };
    await using gateway = await startGateway(node, { port: 0, token, logger });
    const headers = { authorization: `Bearer ${token ?? ""}` };
    const text = await (await fetch(`${gateway.url}/metrics`, { headers })).text();
    expect(text).toContain(`\n${metric} ${value}\n`);
    expect(said).toEqual(value === 1 ? [expect.stringContaining("--token-file")] : []);
  }
});
