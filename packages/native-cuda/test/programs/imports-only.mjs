// Which libraries of the driver's and addons of ours importing the package loads.
import { readFileSync } from "node:fs";

const loaded = () => [
  ...new Set(readFileSync("/proc/self/maps", "utf8").match(/\S*(?:libcuda|libnvidia|vrx_cuda)\S*/g) ?? []),
];
const before = loaded();
await import("../../dist/index.js");
await import("../../dist/testing.js");
console.log(JSON.stringify({ before, after: loaded() }));
