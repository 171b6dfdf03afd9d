/** All routes of the gateway, in the order in which `/openapi.json` shows them. */
import type { GatewayContext } from "../context.ts";
import type { Route } from "../route.ts";
import { auditRoutes } from "./audit.ts";
import { authorityRoutes } from "./authority.ts";
import { backupRoutes } from "./backup.ts";
import { beatRoutes } from "./beats.ts";
import { diagnosticRoutes } from "./diagnostics.ts";
import { eventRoutes } from "./events.ts";
import { inventoryRoutes } from "./inventory.ts";
import { issuingRoutes } from "./issuing.ts";
import { leaveRoutes } from "./leave.ts";
import { metricRoutes } from "./metrics.ts";
import { openApiRoute } from "./openapi.ts";
import { peerRoutes } from "./peers.ts";
import { probeRoutes } from "./probes.ts";
import { reloadRoutes } from "./reload.ts";
import { robotRoutes } from "./robots.ts";
import { stateRoutes } from "./state.ts";
import { statusRoutes } from "./status.ts";
import { witnessRoutes } from "./witnesses.ts";

export function routeTable(context: GatewayContext): readonly Route[] {
  const routes: readonly Route[] = [
    ...beatRoutes(context),
    ...statusRoutes(context),
    ...robotRoutes(context),
    ...inventoryRoutes(context),
    ...stateRoutes(context),
    ...peerRoutes(context),
    ...witnessRoutes(context),
    ...authorityRoutes(context),
    ...issuingRoutes(context),
    ...diagnosticRoutes(context),
    ...eventRoutes(context),
    ...auditRoutes(context),
    ...backupRoutes(context),
    ...probeRoutes(context),
    ...metricRoutes(context),
    ...reloadRoutes(context),
    ...leaveRoutes(context),
    openApiRoute(() => routes),
  ];
  return routes;
}
