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
