#!/usr/bin/env node
// Committed, because npm links no file that a build makes; everything else is in dist/.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`vrx: error: needs Node 20.19 or newer, found ${process.versions.node}`);
  process.exit(2);
}
try {
  const { main } = await import("../dist/index.js");
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const unbuilt = error?.code === "ERR_MODULE_NOT_FOUND" && String(error.message).includes("dist/index.js");
  const reason = process.env.VRX_DEBUG === "1" ? error?.stack : error?.message;
  console.error(
    unbuilt
      ? "vrx: error: not built yet; run `npm run build` in the checkout first"
      : `vrx: error: cannot start: ${reason}\nInstall @vrx/cli again, or report it at https://github.com/vrx-dev/vrx/issues`,
  );
  process.exitCode = unbuilt ? 2 : 70;
}
