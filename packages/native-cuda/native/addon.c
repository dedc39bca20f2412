/*
 * The CUDA driver and NVML as a Node-API module. Nothing of either is touched before a function asks for it. Every object
 * belongs to the environment (main thread or worker) that made it and ends with it; see objects.h. All arguments are
 * checked here, whatever the caller checked before.
 */
#include "functions.h"
#include "tree_hash_addon.h"

NAPI_MODULE_INIT() {
#define PROPERTY(name, function) {name, NULL, function, NULL, NULL, NULL, napi_enumerable, NULL},
  const napi_property_descriptor functions[] = {VRX_FUNCTIONS(PROPERTY)};
#undef PROPERTY
  if (!vrx_begin_environment(env)) return vrx_unexpected(env);
  TRY(napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions));
  TRY(vrx_add_tree_hash(env, exports));
  return exports;
}
