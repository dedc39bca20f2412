import type { Context } from "../context.js";
import type { ContextHandle } from "../internal/addon-functions.js";
import { handleOf } from "../internal/handles.js";
import { addonFunctions } from "../native-addon.js";
import type { MemoryResource } from "./memory-resource.js";

/** Memory straight from the driver, in the context's device: the resource that every context starts with. */
export function deviceMemory(context: Context): MemoryResource {
  return {
    description: `memory of ${context.device.uuid}`,
    allocate: ({ bytes, shareable }) => ({
      bytes,
      handle: addonFunctions().allocate(handleOf<ContextHandle>(context), bytes, shareable),
    }),
    deallocate: ({ handle }) => addonFunctions().dispose(handle),
  };
}
