import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";

const runner = fileURLToPath(new URL("full-disk-runner.mjs", import.meta.url));

/** A command in a mount namespace of its own, with a small disk at `dir`. */
const onSmallDisk = (dir: string, command: readonly string[]): readonly string[] => [
  "unshare",
  "--map-root-user",
  "--mount",
  "sh",
  "-c",
  'mount -t tmpfs -o size=2m none "$0" && exec "$@"',
  dir,
  ...command,
];

const [unshare = "", ...probe] = onSmallDisk("/mnt", ["true"]);
const possible = spawnSync(unshare, probe).status === 0;
if (!possible) console.log("skipped: a disk to fill needs unshare(1) and user namespaces");

describe.skipIf(!possible)("a store on a full disk", () => {
  it("publishes nothing by half wherever the space ends, and goes on when there is space again", () => {
    const dir = join(temporaryFolder(), "disk");
    mkdirSync(dir);
    const [command = "", ...words] = onSmallDisk(dir, [process.execPath, runner, dir]);
    const { stdout, stderr, status } = spawnSync(command, words, { encoding: "utf8", timeout: 60_000 });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    const seen = JSON.parse(stdout) as { full: number; published: number; wrong: unknown[] };
    console.log(`the disk was full ${seen.full} of 24 times`);
    expect(seen.wrong).toEqual([]);
    expect(seen.published).toBe(24);
    // It was full at several points, and at some not at all.
    expect(seen.full).toBeGreaterThan(3);
    expect(seen.full).toBeLessThan(24);
  }, 90_000);
});
