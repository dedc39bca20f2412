/* Loading libraries, and the driver's own functions for JavaScript. */
#ifndef VRX_DRIVER_H
#define VRX_DRIVER_H

#include <node_api.h>
#include <stddef.h>

/* Loads the named library, or the first of the usual names that is there; NULL, and why. */
void *vrx_load_library(const char *library, const char *const *usual, char *detail, size_t capacity);
/* Puts the address of a function into the function pointer at `function`; NULL where there is none. */
void vrx_symbol(void *library, const char *name, void *function);
/* The file of a loaded library that has `function`, its links resolved: to free; NULL where the linker does not know. */
char *vrx_file_of(void *library, void *function);
/* How far opening a library came, as JavaScript is told. */
napi_value vrx_stage_failure(napi_env env, const char *stage, const char *detail, const char *file, int api_version,
                             int result, const char *name);

napi_value vrx_open_driver(napi_env env, napi_callback_info info);
napi_value vrx_control_fake(napi_env env, napi_callback_info info);
napi_value vrx_device_info(napi_env env, napi_callback_info info);
napi_value vrx_device_attributes(napi_env env, napi_callback_info info);
napi_value vrx_device_can_access_peer(napi_env env, napi_callback_info info);

#endif
