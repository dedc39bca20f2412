// The same through require().
const { readFileSync } = require("node:fs");

const loaded = () => [
  ...new Set(readFileSync("/proc/self/maps", "utf8").match(/\S*(?:libcuda|libnvidia|vrx_cuda)\S*/g) ?? []),
];
const before = loaded();
require("../../dist/index.cjs");
console.log(JSON.stringify({ before, after: loaded() }));
