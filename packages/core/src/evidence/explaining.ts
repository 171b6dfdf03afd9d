/** What core answers about a verdict, put together from the parts that know (rule VE10). */
import type { Authority } from "../authority/authority.ts";
import type { CoreExplaining } from "../core-api.ts";
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import type { Neighbourhood } from "../liveness/neighbourhood.ts";
import type { Now } from "../now.ts";
import type { Membership } from "../roster/membership.ts";
import { makeBundle } from "./make-bundle.ts";
import { reachability } from "./reachability.ts";
import { witnessReport } from "./witness-report.ts";

export function explainingOf(
  env: Env,
  near: Neighbourhood,
  membership: Membership,
  { authority }: { readonly authority: Authority },
): CoreExplaining {
  const named = (id: NodeId): { readonly name: string; readonly region: string } | undefined =>
    id === env.identity.self ? env.identity : membership.member(id);
  return {
    witnesses: (node, now) => witnessReport({ env, near, membership }, node, now),
    bundle: (node, now) => {
      const file = near.evidence.newestOf(node, now);
      return file && makeBundle(env, { file, named, authority }, now);
    },
    reachability: (now: Now) => reachability({ identity: env.identity, near, membership }, now),
  };
}
