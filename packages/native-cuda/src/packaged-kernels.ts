import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Context } from "./context.js";
import { CudaError } from "./errors.js";
import type { KernelModule } from "./kernel-module.js";
import { loadKernels } from "./load-kernels.js";

/** Where a package keeps the images of its kernels: in each of these folders, a folder for each module. */
export interface KernelFolders {
  /** Images for GPUs. */
  readonly device: URL;
  /** Images for the fake driver, where they were built or shipped; the first that has the module is taken. */
  readonly host: readonly URL[];
}

/** The folders in a package whose root is `root`: `kernels/images` for GPUs; `build` and `prebuilds` for the fake driver. */
export function kernelFolders(root: URL, device = "kernels/images/"): KernelFolders {
  return {
    device: new URL(device, root),
    host: ["build/kernels/", `prebuilds/${process.platform}-${process.arch}/kernels/`].map((at) => new URL(at, root)),
  };
}

/**
 * Loads a module of a package onto the context's device: the committed image that fits a GPU, or, on a fake driver, the
 * same sources compiled for the host. Throws `invalid_image` where there is none, with what to do.
 */
export async function loadPackagedKernels(
  context: Context,
  folders: KernelFolders,
  module: string,
): Promise<KernelModule> {
  if (!context.device.simulated) return await loadKernels(context, new URL(`${module}/`, folders.device));
  const folder = folders.host.map((host) => new URL(`${module}/`, host)).find((at) => existsSync(at));
  if (folder !== undefined) return await loadKernels(context, folder);
  throw new CudaError(
    "invalid_image",
    `the kernels of ${module} are not compiled for the fake driver: build the package with a C++ compiler (c++) installed; looked in ${folders.host.map((at) => fileURLToPath(at)).join(", ")}`,
  );
}
