#!/usr/bin/env node
// Committed, because npm links no file that a build makes; everything else is in dist/.
try {
  const { main } = await import("../dist/index.js");
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const unbuilt = error?.code === "ERR_MODULE_NOT_FOUND" && String(error.message).includes("dist/index.js");
  console.error(
    unbuilt
      ? "vrx: not built yet; run `npm run build` in the checkout first"
      : `vrx: cannot start: ${process.env.VRX_DEBUG === "1" ? error?.stack : error?.message}\nInstall @vrx/cli again, or report it at https://github.com/vrx-dev/vrx/issues`,
  );
  process.exitCode = unbuilt ? 2 : 70;
}
