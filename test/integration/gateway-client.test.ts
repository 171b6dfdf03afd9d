/** The client against a real port, and its JSON types against the gateway's: neither package imports the other. */
import type * as ClientTypes from "@pulsemesh/client";
import { createClient, type PulsemeshClient, PulsemeshClientError } from "@pulsemesh/client";
import type * as GatewayTypes from "@pulsemesh/gateway";
import { type Gateway, startGateway } from "@pulsemesh/gateway";
import { afterEach, beforeEach, expect, expectTypeOf, test } from "vitest";
import { nodeWitnesses, ScriptedNode, START_WALL_MS } from "../support/scripted-node.ts";

let node: ScriptedNode;
let gateway: Gateway;
let client: PulsemeshClient;

beforeEach(async () => {
  node = new ScriptedNode();
  gateway = await startGateway(node, { port: 0 });
  client = createClient({ baseUrl: gateway.url });
});

afterEach(async () => {
  await gateway.close();
});

/** A type with everything said that may be left out, all the way down. */
type Whole<T> = T extends readonly (infer Item)[]
  ? readonly Whole<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]-?: Whole<Exclude<T[Key], undefined>> }
    : T;

test("HT22 the client's JSON types are the gateway's, but for what earlier releases leave out", () => {
  expectTypeOf<Whole<ClientTypes.RobotJson>>().toEqualTypeOf<Whole<GatewayTypes.RobotJson>>();
  expectTypeOf<Whole<ClientTypes.LeavingJson>>().toEqualTypeOf<Whole<GatewayTypes.LeavingJson>>();
  expectTypeOf<Whole<ClientTypes.RetirementJson>>().toEqualTypeOf<
    Whole<GatewayTypes.RetirementJson>
  >();
  expectTypeOf<Whole<ClientTypes.RobotListJson>>().toEqualTypeOf<
    Whole<GatewayTypes.RobotListJson>
  >();
  expectTypeOf<Whole<ClientTypes.ScheduleJson>>().toEqualTypeOf<Whole<GatewayTypes.ScheduleJson>>();
  expectTypeOf<Whole<ClientTypes.RegularityJson>>().toEqualTypeOf<
    Whole<GatewayTypes.RegularityJson>
  >();
  expectTypeOf<Whole<ClientTypes.WitnessesJson>>().toEqualTypeOf<
    Whole<GatewayTypes.WitnessesJson>
  >();
  expectTypeOf<Whole<ClientTypes.AuthorityJson>>().toEqualTypeOf<
    Whole<GatewayTypes.AuthorityJson>
  >();
  expectTypeOf<Whole<ClientTypes.InviteJson>>().toEqualTypeOf<Whole<GatewayTypes.InviteJson>>();
  expectTypeOf<Whole<ClientTypes.OpenInviteJson>>().toEqualTypeOf<
    Whole<GatewayTypes.OpenInviteJson>
  >();
  expectTypeOf<Whole<ClientTypes.PeersJson>>().toEqualTypeOf<Whole<GatewayTypes.PeersJson>>();
  expectTypeOf<Whole<ClientTypes.DiagnosticsJson>>().toEqualTypeOf<
    Whole<GatewayTypes.DiagnosticsJson>
  >();
  expectTypeOf<Whole<ClientTypes.PeerJson>>().toEqualTypeOf<Whole<GatewayTypes.PeerJson>>();
  expectTypeOf<Whole<ClientTypes.EventJson>>().toEqualTypeOf<Whole<GatewayTypes.EventJson>>();
  expectTypeOf<Whole<ClientTypes.AuditEntryJson>>().toEqualTypeOf<
    Whole<GatewayTypes.AuditEntryJson>
  >();
  expectTypeOf<Whole<ClientTypes.AuditListJson>>().toEqualTypeOf<
    Whole<GatewayTypes.AuditListJson>
  >();
  expectTypeOf<Whole<ClientTypes.NodeWitnessesJson>>().toEqualTypeOf<
    Whole<GatewayTypes.NodeWitnessesJson>
  >();
  expectTypeOf<Whole<ClientTypes.RobotWitnessesJson>>().toEqualTypeOf<
    Whole<GatewayTypes.RobotWitnessesJson>
  >();
  expectTypeOf<Whole<ClientTypes.MatrixJson>>().toEqualTypeOf<Whole<GatewayTypes.MatrixJson>>();
  expectTypeOf<Whole<ClientTypes.RegionMatrixJson>>().toEqualTypeOf<
    Whole<GatewayTypes.RegionMatrixJson>
  >();
  expectTypeOf<Whole<ClientTypes.AuditVerifyJson>>().toEqualTypeOf<
    Whole<GatewayTypes.AuditVerifyJson>
  >();
  // What a gateway says may be read as the client's type.
  expectTypeOf<GatewayTypes.RobotJson>().toExtend<ClientTypes.RobotJson>();
  expectTypeOf<GatewayTypes.LeavingJson>().toExtend<ClientTypes.LeavingJson>();
  expectTypeOf<GatewayTypes.RetirementJson>().toExtend<ClientTypes.RetirementJson>();
  expectTypeOf<GatewayTypes.RobotListJson>().toExtend<ClientTypes.RobotListJson>();
  expectTypeOf<GatewayTypes.ScheduleJson>().toExtend<ClientTypes.ScheduleJson>();
  expectTypeOf<GatewayTypes.RegularityJson>().toExtend<ClientTypes.RegularityJson>();
  expectTypeOf<GatewayTypes.WitnessesJson>().toExtend<ClientTypes.WitnessesJson>();
  expectTypeOf<GatewayTypes.AuthorityJson>().toExtend<ClientTypes.AuthorityJson>();
  expectTypeOf<GatewayTypes.InviteJson>().toExtend<ClientTypes.InviteJson>();
  expectTypeOf<GatewayTypes.OpenInviteJson>().toExtend<ClientTypes.OpenInviteJson>();
  expectTypeOf<GatewayTypes.PeersJson>().toExtend<ClientTypes.PeersJson>();
  expectTypeOf<GatewayTypes.DiagnosticsJson>().toExtend<ClientTypes.DiagnosticsJson>();
  expectTypeOf<GatewayTypes.PeerJson>().toExtend<ClientTypes.PeerJson>();
  expectTypeOf<GatewayTypes.EventJson>().toExtend<ClientTypes.EventJson>();
  expectTypeOf<GatewayTypes.AuditEntryJson>().toExtend<ClientTypes.AuditEntryJson>();
  expectTypeOf<GatewayTypes.AuditListJson>().toExtend<ClientTypes.AuditListJson>();
  expectTypeOf<GatewayTypes.NodeWitnessesJson>().toExtend<ClientTypes.NodeWitnessesJson>();
  expectTypeOf<GatewayTypes.RobotWitnessesJson>().toExtend<ClientTypes.RobotWitnessesJson>();
  expectTypeOf<GatewayTypes.MatrixJson>().toExtend<ClientTypes.MatrixJson>();
  expectTypeOf<GatewayTypes.RegionMatrixJson>().toExtend<ClientTypes.RegionMatrixJson>();
  expectTypeOf<GatewayTypes.AuditVerifyJson>().toExtend<ClientTypes.AuditVerifyJson>();
});

test("HT22 the JSON types of what a client sends are the gateway's", () => {
  expectTypeOf<ClientTypes.RegistrationJson>().toEqualTypeOf<GatewayTypes.RegistrationJson>();
  expectTypeOf<ClientTypes.ScheduleTermsJson>().toEqualTypeOf<GatewayTypes.ScheduleTermsJson>();
});

test("HT22 every call works against a gateway", async () => {
  await client.heartbeat("security_bot", { health: "degraded", message: "one check is slow" });
  expect(await client.ping("backup", { create: true })).toEqual({ created: true });
  expect(await client.ping("backup", { kind: "start", rid: "1" })).toEqual({ created: false });
  expect(await client.status("backup")).toMatchObject({ httpStatus: 200, word: "alive" });
  const robots = await client.robots({ status: ["up"] });
  expect(robots.map(({ robot_id }) => robot_id)).toEqual(["backup", "security_bot"]);
  expect((await client.diagnostics()).links).toHaveLength(2);
  expect((await client.robot("security_bot")).health).toBe("degraded");
  const { etag } = await client.getState("backup");
  const patched = await client.patchState("backup", { status: "idle" }, { ifMatch: etag });
  expect(patched.state).toEqual({ status: "idle" });
  expect((await client.peers()).self.name).toBe("alpha");
  const { robot: put, created } = await client.putRobot("new", { labels: { a: "1" } });
  expect([created, put.labels]).toEqual([true, { a: "1" }]);
  const ifMatch = `"${put.version}"`;
  expect((await client.putRobot("new", { floating: true }, { ifMatch })).created).toBe(false);
  await expect(client.putRobot("new", {}, { ifNew: true })).rejects.toMatchObject({ status: 412 });
  await expect(client.retireRobot("new", { ifMatch })).rejects.toMatchObject({ status: 412 });
  expect((await client.retireRobot("new")).retired_by).toBe("alpha");
  expect((await client.retirePeer("12D3KooWBeta")).already).toBe(false);
  node.audit = [{ index: 0, wallMs: START_WALL_MS, kind: "k", data: 1, hash: "00" }];
  expect((await client.auditTail({ limit: 5 })).entries).toHaveLength(1);
  expect(await client.auditVerify()).toMatchObject({ ok: true });
  node.nodeWitnesses.set("12D3KooWBeta", nodeWitnesses());
  node.bundles.set("12D3KooWBeta", '{"format":"pulsemesh-verdict/1","sig":"x"}\n');
  expect((await client.nodeWitnesses("12D3KooWBeta")).rule).toBe("VE3");
  expect((await client.robotWitnesses("backup")).word.beats).toBe(1);
  expect(await client.verdictBundle("12D3KooWBeta")).toBe(node.bundles.get("12D3KooWBeta"));
  expect((await client.matrix()).pairs).toEqual([]);
  expect((await client.regionMatrix()).regions).toEqual([]);
  expect(await client.health()).toEqual({
    live: true,
    ready: true,
    started: true,
    error: undefined,
  });
  expect(await client.metrics()).toContain("pulsemesh_robots");
});

test("HT22 refusals arrive with their codes", async () => {
  await expect(client.robot("nobody")).rejects.toMatchObject({
    code: "robot-unknown",
    status: 404,
  });
  await expect(client.heartbeat("-a")).rejects.toMatchObject({ code: "robot-id-invalid" });
  await client.heartbeat("a");
  const stale = client.patchState("a", { x: 1 }, { ifMatch: '"old"' });
  await expect(stale).rejects.toMatchObject({ code: "precondition-failed", status: 412 });
  await expect(client.patchState("a", { x: "y".repeat(20_000) })).rejects.toMatchObject({
    code: "state-too-large",
    changed: false,
  });
});

test("HT22 a node that is gone is node-unreachable", async () => {
  await gateway.close();
  await expect(client.peers()).rejects.toBeInstanceOf(PulsemeshClientError);
  await expect(client.peers()).rejects.toMatchObject({ code: "node-unreachable" });
});

test("HT23 events go on over a restart of the gateway, and the gap is told", async () => {
  const stop = new AbortController();
  const types: string[] = [];
  let opens = 0;
  const onOpen = (): void => void (opens += 1);
  const reading = (async () => {
    for await (const event of client.events({ signal: stop.signal, onOpen }))
      types.push(event.type);
  })();
  await until(() => opens === 1);
  node.emit({ type: "stalled", forMs: 1 });
  await until(() => types.length === 1);
  const { port } = gateway;
  await gateway.close();
  gateway = await startGateway(node, { port });
  await until(() => opens === 2);
  node.emit({ type: "stalled", forMs: 2 });
  await until(() => types.length === 3);
  stop.abort();
  await reading;
  expect(types).toEqual(["pulsemesh.stalled", "pulsemesh.lost", "pulsemesh.stalled"]);
});

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error("waited 10 s in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
