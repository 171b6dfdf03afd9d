import { memberAddressBytes } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { readAddress } from "./multiaddr-text.ts";
import { checkAnnounced, FLEET_SIZE_MAX, resolveOptions } from "./options.ts";

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

test("AD3 what nobody could dial is not announced: no host, no port, somebody else's id", () => {
  const [self, other] = [readAddress(memberAddressBytes(2))?.node ?? "", member.split("/").at(-1)];
  const good = ["/ip4/192.0.2.7/tcp/7421", "/dns4/a.example/tcp/7421/ws"];
  checkAnnounced([...good, `${good[0]}/p2p/${self}`], self);
  for (const text of [
    "/ip4/0.0.0.0/tcp/7421",
    "/ip6/::/tcp/7421",
    "/ip4/192.0.2.7/tcp/0",
    `/ip4/192.0.2.7/tcp/7421/p2p/${other}`,
  ]) {
    expect(() => checkAnnounced([...good, text], self)).toThrow(
      expect.objectContaining({ code: "address-invalid", message: expect.stringContaining(text) }),
    );
  }
});

test("ME1 a fleet id of the wrong form is refused", () => {
  expect(() => resolveOptions({ privateKey, fleet: "my-fleet" })).toThrow(
    expect.objectContaining({ code: "option-invalid" }),
  );
});
