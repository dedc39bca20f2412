import { readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * The architectures that the kernels in a package's folder of images (one folder per module) were built for, those that
 * every module has; empty where there are no images.
 */
export function packagedArchs(packageRoot: string): readonly string[] {
  const images = join(packageRoot, "kernels", "images");
  const modules = entries(images, (entry) => entry.isDirectory());
  const [first = [], ...others] = modules.map((name) =>
    entries(join(images, name), (entry) => entry.isFile()).flatMap((file) => {
      const [, arch] = /^((?:sm|compute)_\d+a?)\.(?:cubin|ptx)$/u.exec(file) ?? [];
      return arch === undefined ? [] : [arch];
    }),
  );
  const everywhere = first.filter((arch) => others.every((archs) => archs.includes(arch)));
  return everywhere.sort((a, b) => order(a) - order(b));
}

function order(arch: string): number {
  const number = Number(/\d+/u.exec(arch)?.[0]);
  return arch.startsWith("sm_") ? number : 10_000 + number;
}

function entries(folder: string, wanted: (entry: { isFile(): boolean; isDirectory(): boolean }) => boolean): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (wanted(entry) ? [entry.name] : []));
  } catch {
    // No folder, no images.
    return [];
  }
}
