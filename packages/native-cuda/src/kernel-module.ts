import type { Context } from "./context.js";
import { CudaError } from "./errors.js";
import type { KernelHandle, ModuleHandle } from "./internal/addon-functions.js";
import { handleOf, keepHandle } from "./internal/handles.js";
import { Lifetime } from "./internal/lifetime.js";
import { type ParameterKind, isParameterKind, parameterKinds, slotSizes } from "./kernel-parameters.js";
import { Kernel } from "./kernel.js";
import { addonFunctions } from "./native-addon.js";

/** A loaded kernel image. */
export class KernelModule extends Lifetime {
  readonly context: Context;
  /** For people: where the image came from. */
  readonly name: string;
  /** They hold on to the module, so they go before it. */
  readonly #kernels: KernelHandle[];

  /** Made by `context.loadModule()` and `loadKernels()`. */
  constructor(context: Context, handle: ModuleHandle, name: string) {
    const kernels: KernelHandle[] = [];
    super(`the kernel module ${name}`, () => {
      for (const each of [...kernels, handle]) addonFunctions().dispose(each);
    });
    this.#kernels = kernels;
    keepHandle(this, handle);
    this.context = context;
    this.name = name;
  }

  /**
   * A kernel of the image with the kinds of its parameters, in order. Throws `not_found` for a name that is not there and,
   * where the driver knows the kernel's own parameters (CUDA 12.4), `invalid_argument` for kinds that do not fit them.
   */
  kernel<const Kinds extends readonly ParameterKind[]>(name: string, kinds: Kinds): Kernel<Kinds> {
    for (const kind of kinds) {
      if (isParameterKind(kind)) continue;
      throw new CudaError(
        "invalid_argument",
        `kernel ${name}: ${JSON.stringify(kind)} is no kind of parameter; expected ${parameterKinds.join(", ")}`,
      );
    }
    const handle: KernelHandle = addonFunctions().kernel(handleOf<ModuleHandle>(this), name, slotSizes(kinds));
    this.#kernels.push(handle);
    return new Kernel(this, handle, name, kinds);
  }
}
