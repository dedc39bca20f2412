/* The CPU's tree hash as functions of the addon. */
#ifndef VRX_TREE_HASH_ADDON_H
#define VRX_TREE_HASH_ADDON_H

#include <node_api.h>

/* Adds `hashTree` and `hashTreeMethods` to the addon's functions. */
napi_status vrx_add_tree_hash(napi_env env, napi_value exports);

#endif
