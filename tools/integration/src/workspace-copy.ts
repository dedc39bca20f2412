import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { mustRun } from "./run.js";
import { publishedPackages, root } from "./workspace.js";

export interface WorkspaceCopy {
  readonly dir: string;
  remove(): void;
}

/** The workspace as a fresh clone has it (tracked and new files, no caches, nothing built), with the installed dependencies linked in. */
export function copyWorkspace(): WorkspaceCopy {
  const dir = mkdtempSync(join(tmpdir(), "vrx-workspace-"));
  const listed = mustRun(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
    root,
  );
  for (const file of listed.split("\0").filter((name) => name !== "")) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    try {
      cpSync(join(root, file), join(dir, file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // removed, but still in git's index
    }
  }
  linkDependencies(dir);
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Links what is installed one by one, so that the workspace's own packages resolve into the copy. */
function linkDependencies(dir: string): void {
  mkdirSync(join(dir, "node_modules/@vrx"), { recursive: true });
  for (const entry of readdirSync(join(root, "node_modules"))) {
    if (entry !== "@vrx") symlinkSync(join(root, "node_modules", entry), join(dir, "node_modules", entry));
  }
  for (const { name, dir: folder } of publishedPackages()) {
    symlinkSync(join(dir, folder), join(dir, "node_modules", name));
  }
}
