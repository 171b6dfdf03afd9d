import { memberAddressBytes } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { readAddress } from "./multiaddr-text.ts";
import { FLEET_SIZE_MAX, resolveOptions } from "./options.ts";

const privateKey = new Uint8Array(32);
const member = readAddress(memberAddressBytes(1))?.text ?? "";

test("CH6 defaults: loopback on a free port, no mdns, no joins", () => {
  expect(resolveOptions({ privateKey })).toMatchObject({
    listen: ["/ip4/127.0.0.1/tcp/0"],
    announce: [],
    join: [],
    mdns: false,
    addresses: undefined,
  });
});

test("P6 fleetSizeMax is a whole number from 2 to FLEET_SIZE_MAX", () => {
  expect(resolveOptions({ privateKey, fleetSizeMax: FLEET_SIZE_MAX }).fleetSizeMax).toBe(
    FLEET_SIZE_MAX,
  );
  for (const fleetSizeMax of [1, FLEET_SIZE_MAX + 1, 2.5, NaN]) {
    expect(() => resolveOptions({ privateKey, fleetSizeMax })).toThrow(
      expect.objectContaining({
        code: "option-invalid",
        message: expect.stringContaining(String(fleetSizeMax)),
      }),
    );
  }
});

test("CH6 a bad address is refused by name", () => {
  const bad = ["/ip4/127.0.0.1/tcp/7421", "not an address"];
  for (const text of bad) {
    expect(() => resolveOptions({ privateKey, join: [member, text] })).toThrow(
      expect.objectContaining({ code: "address-invalid", message: expect.stringContaining(text) }),
    );
  }
  for (const text of ["127.0.0.1:7421", "/ip4/127.0.0.1/udp/1"]) {
    expect(() => resolveOptions({ privateKey, listen: [text] })).toThrow(
      expect.objectContaining({ code: "address-invalid" }),
    );
    expect(() => resolveOptions({ privateKey, announce: [text] })).toThrow(
      expect.objectContaining({ code: "address-invalid" }),
    );
  }
});

test("ME1 a fleet id of the wrong form is refused", () => {
  expect(() => resolveOptions({ privateKey, fleet: "my-fleet" })).toThrow(
    expect.objectContaining({ code: "option-invalid" }),
  );
});
