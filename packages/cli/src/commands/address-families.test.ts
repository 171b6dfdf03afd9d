import { expect, test } from "vitest";
import { planForMachine } from "./address-families.ts";
import { planRun, type RunFlags, type RunPlan } from "./run-options.ts";

const http = { host: "::", port: 7_420 };
const probes = { host: "::", port: 7_422 };
const [v4, v6] = ["/ip4/0.0.0.0/tcp/7421", "/ip6/::/tcp/7421"];

function planOf(flags: RunFlags): RunPlan {
  return planRun(flags, [{ robot: undefined, labels: {} }], { HOME: "/h" });
}
const without = async (): Promise<boolean> => false;

test("DP10 on a machine without IPv6 every address means every IPv4 address, and the mesh listens on what is left", async () => {
  const { plan, leftOut } = await planForMachine(
    planOf({ http, probes, listen: [v4, v6] }),
    without,
  );
  expect([plan.http, plan.probes, plan.node.listen, leftOut]).toEqual([
    { host: "0.0.0.0", port: 7_420 },
    { host: "0.0.0.0", port: 7_422 },
    [v4],
    [v6],
  ]);
});

test("DP10 where only IPv6 is named, or one address of it, nothing is put in its place", async () => {
  const only = planOf({ listen: [v6, "/ip6/::/tcp/7423/ws"] });
  expect(await planForMachine(only, without)).toEqual({ plan: only, leftOut: [] });
  const one = planOf({ http: { host: "fd00::7", port: 1 }, listen: ["/ip6/fd00::7/tcp/7421", v4] });
  const unasked = (): never => {
    throw new Error("nobody has to know");
  };
  expect(await planForMachine(one, unasked)).toEqual({ plan: one, leftOut: [] });
});

test("DP10 on a machine with IPv6 the plan stays as it is", async () => {
  const plan = planOf({ http, probes, listen: [v4, v6] });
  expect(await planForMachine(plan, async () => true)).toEqual({ plan, leftOut: [] });
});
