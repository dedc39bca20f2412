import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { measureVerity } from "../../src/measure-verity.js";
import { hashFileTree } from "../../src/tree-hash-host.js";
import { someBytes } from "../tree-data.js";

const folder = mkdtempSync(join(tmpdir(), "vrx-measured-"));
const mounted = join(folder, "mounted");
const image = join(folder, "image");
const done = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;
afterAll(() => {
  done("umount", mounted);
  rmSync(folder, { recursive: true });
});

/** A file system of its own with a file under fs-verity: it takes root, a loop device and a kernel that has it. */
function protectedFile(): string | null {
  mkdirSync(mounted);
  writeFileSync(image, "");
  truncateSync(image, 32 * 2 ** 20);
  if (!done("mkfs.ext4", "-q", "-O", "verity", "-b", "4096", image)) return null;
  if (!done("mount", "-o", "loop", image, mounted)) return null;
  const file = join(mounted, "model");
  writeFileSync(file, someBytes(1_000_003));
  return done("fsverity", "enable", file) ? file : null;
}

const file = protectedFile();
if (file === null) console.log("skipped: no file system with fs-verity can be made here");

it.skipIf(file === null)("this kernel measures what is computed", async () => {
  expect(await measureVerity(file!)).toEqual({
    status: "measured",
    algorithm: "sha256",
    digest: (await hashFileTree(file!)).digest,
    parameters: { block_bytes: 4096, salt: "" },
  });
});
