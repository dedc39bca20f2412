// Everything that has to hold before a change is done; stops at the first that does not.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
for (const script of ["format:check", "build", "lint", "typecheck", "test", "test:packages"]) {
  console.log(`\n> npm run ${script}`);
  const { status } = spawnSync("npm", ["run", "--silent", script], { cwd: root, stdio: "inherit" });
  if (status !== 0) {
    console.error(`check: ${script} failed`);
    process.exit(status ?? 1);
  }
}
console.log("\ncheck: all of it holds");
