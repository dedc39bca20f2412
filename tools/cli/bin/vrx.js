#!/usr/bin/env node
// Committed, because npm links no file that a build makes; everything else is in dist/.
try {
  const { main } = await import("../dist/index.js");
  await main(process.argv.slice(2));
} catch (error) {
  if (error?.code !== "ERR_MODULE_NOT_FOUND" || !String(error.message).includes("/cli/dist/index.js")) throw error;
  console.error("vrx: not built yet; run `npm run build` in the checkout first");
  process.exitCode = 2;
}
