import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context } from "./context.js";
import type { DeviceFacts } from "./device.js";
import { CudaError } from "./errors.js";
import type { KernelModule } from "./kernel-module.js";

/**
 * Which of a kernel package's images a device runs. A package is a folder of images named after what they are for:
 * `sm_90.cubin` (this architecture and later minor versions of its major one), `sm_90a.cubin` (exactly this one),
 * `compute_75.ptx` (this and every later one, compiled by the driver), and for a fake driver alone
 * `host-<platform>-<arch>.so`. A real device takes the nearest cubin, then the nearest PTX; null where none fits.
 */
export function chooseKernelImage(
  names: readonly string[],
  device: Pick<DeviceFacts, "compute_capability" | "simulated">,
): string | null {
  if (device.simulated) {
    const host = `host-${process.platform}-${process.arch}.so`;
    return names.includes(host) ? host : null;
  }
  const { major, minor } = device.compute_capability;
  const capability = 10 * major + minor;
  const candidates = names.flatMap((name) => {
    const cubin = /^sm_(\d+)(a?)\.cubin$/.exec(name);
    if (cubin !== null) {
      const built = Number(cubin[1]);
      const exact = cubin[2] === "a";
      const fits = exact ? built === capability : Math.floor(built / 10) === major && built <= capability;
      return fits ? [{ name, rank: 2_000 + built + (exact ? 0.5 : 0) }] : [];
    }
    const ptx = /^compute_(\d+)\.ptx$/.exec(name);
    if (ptx === null || Number(ptx[1]) > capability) return [];
    return [{ name, rank: Number(ptx[1]) }];
  });
  return candidates.sort((a, b) => b.rank - a.rank)[0]?.name ?? null;
}

/**
 * Loads the image of a kernel package that fits the context's device: a folder (see `chooseKernelImage`), or the images
 * themselves by name. Throws `invalid_image` where none fits, with what there is.
 */
export async function loadKernels(
  context: Context,
  images: string | URL | ReadonlyMap<string, Uint8Array>,
): Promise<KernelModule> {
  const folder = typeof images === "string" || images instanceof URL ? folderPath(images) : undefined;
  const names = folder === undefined ? [...(images as ReadonlyMap<string, Uint8Array>).keys()] : await list(folder);
  const { device } = context;
  const chosen = chooseKernelImage(names, device);
  if (chosen === null) {
    const { major, minor } = device.compute_capability;
    const wanted = device.simulated
      ? `host-${process.platform}-${process.arch}.so (the fake driver runs kernels compiled for the host)`
      : `an sm_${major}x cubin or PTX for compute capability ${major}.${minor}`;
    throw new CudaError(
      "invalid_image",
      `no kernel image in ${folder ?? "the given images"} fits ${device.name}: expected ${wanted}, found ${names.join(", ") || "none"}`,
      { details: { images: names, compute_capability: device.compute_capability } },
    );
  }
  const image =
    folder === undefined
      ? (images as ReadonlyMap<string, Uint8Array>).get(chosen)
      : await readFile(join(folder, chosen));
  return await context.loadModule(image ?? new Uint8Array(), folder === undefined ? chosen : join(folder, chosen));
}

function folderPath(folder: string | URL): string {
  return folder instanceof URL ? fileURLToPath(folder) : folder;
}

async function list(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    throw new CudaError("not_found", `the kernel package ${folder} cannot be read`, { cause });
  }
}
