/** What tests ask of a mesh whose fleet is closed by statements. Nothing outside of tests imports it. */
import type { Cut } from "../authority/claims.ts";
import type { NodeId, RobotId } from "../ids.ts";
import type { VirtualMesh, VirtualNode } from "./virtual-mesh.test-support.ts";

/** What the author's chains are here, as a revocation would name it. */
export function cutsAt(net: VirtualMesh, node: VirtualNode, author: NodeId): readonly Cut[] {
  let cuts: readonly Cut[] | undefined;
  net.input(node, () => node.chains.makeCuts(author, (made) => (cuts = made)));
  if (cuts === undefined) throw new Error("The cuts of so few robots must be there at once.");
  return cuts;
}

/** The field `v` of a robot. */
export function shownAt(
  node: VirtualNode | undefined,
  robot: RobotId,
): string | number | undefined {
  return node?.chains.records.state(robot)["v"] as string | number | undefined;
}

/** Row keys of an author's chains. */
export function rowsOf(node: VirtualNode | undefined, author: NodeId): readonly string[] {
  return [...(node?.rows.keys() ?? [])].filter((key) => key.includes(`/${author}/`));
}
