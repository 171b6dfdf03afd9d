/** Writes docs/metrics.md. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tool.ts";
import { metricsPage, scrapeMetrics } from "./metrics-page.ts";

writeFileSync(join(root, "docs", "metrics.md"), metricsPage(await scrapeMetrics()));
