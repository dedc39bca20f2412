import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const build = join(root, "../../tools/workspace/kernels/build.mjs");

/** A change of one place in a source: the file, what stands there, and what is to. */
export type SourceChange = readonly [file: string, from: string, to: string];

/** Compiles a copy of a module's sources with one change, or none, into `copy`; where `loadPackagedKernels` finds it. */
export function compileChanged(
  module: string,
  copy: string,
  change: SourceChange | null,
): { device: URL; host: URL[] } {
  for (const folder of ["native", "kernels"]) mkdirSync(join(copy, folder), { recursive: true });
  for (const file of ["native/sha256.h", `kernels/${module}.cu`]) cpSync(join(root, file), join(copy, file));
  if (change !== null) {
    const [file, from, to] = change;
    const source = readFileSync(join(copy, file), "utf8");
    expect(source.split(from), `${file} has one place like ${from}`).toHaveLength(2);
    writeFileSync(join(copy, file), source.replace(from, to));
  }
  const images = pathToFileURL(`${join(copy, "images")}/`);
  execFileSync(
    process.execPath,
    [build, join(copy, "kernels"), "--host", "--required", "--out", fileURLToPath(images)],
    { stdio: "pipe" },
  );
  return { device: images, host: [images] };
}
