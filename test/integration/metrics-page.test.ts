/** The page of metrics against a node that runs (rule DOC2). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { metricLines, metricsPage, scrapeMetrics } from "../support/metrics-page.ts";
import { root } from "../tool.ts";

test("DOC2 docs/metrics.md is what a running node answers, and every help text names the labels", async () => {
  const lines = await scrapeMetrics();
  // Renew it with: node test/support/metrics-page-main.ts
  expect(readFileSync(join(root, "docs", "metrics.md"), "utf8")).toBe(metricsPage(lines));
  const unnamed = lines.flatMap(({ name, help, labels }) =>
    labels.filter((label) => !help.includes(label)).map((label) => `${name}{${label}}`),
  );
  expect(unnamed).toEqual([]);
  expect(lines.filter(({ help }) => help === "")).toEqual([]);
});

test("DOC2 the reader of the exposition knows help, type and labels, and histograms by their name", () => {
  const text = `# HELP a_seconds How long.\n# TYPE a_seconds histogram\na_seconds_bucket{le="1",route="/x"} 3\na_seconds_sum{route="/x"} 1\n# HELP b Now.\n# TYPE b gauge\nb 1\n`;
  expect(metricLines(text)).toEqual([
    { name: "a_seconds", type: "histogram", help: "How long.", labels: ["route"] },
    { name: "b", type: "gauge", help: "Now.", labels: [] },
  ]);
});
