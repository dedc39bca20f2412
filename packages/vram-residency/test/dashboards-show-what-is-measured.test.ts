import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { residencyRegistry } from "../src/server/index.js";
import { testVramManager } from "../src/testing/index.js";

const folder = new URL("../../../docs/residency/", import.meta.url);
const dashboard = readFileSync(new URL("grafana-dashboard.json", folder), "utf8");
const rules = readFileSync(new URL("vrx-residency.rules.yml", folder), "utf8");

it("shows every figure of a worker, and asks for none that there is not", async () => {
  await using test = await testVramManager();
  const names = (await residencyRegistry(test.manager).getMetricsAsJSON()).map(({ name }) => name);
  for (const name of names) expect(dashboard, name).toContain(name);
  const asked = `${dashboard}${rules}`.match(/\bvram_[a-z_]+/gu) ?? [];
  for (const name of new Set(asked)) {
    expect(names, name).toContain(name.replace(/_(?:bucket|sum|count)$/u, ""));
  }
});
