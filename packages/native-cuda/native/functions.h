/* The addon's functions, as they are given to JavaScript, and what they share. */
#ifndef VRX_FUNCTIONS_H
#define VRX_FUNCTIONS_H

#include <stdlib.h>
#include <string.h>

#include "call.h"

#define VRX_FUNCTIONS(F)                                                                                      \
  F("openDriver", vrx_open_driver)                                                                            \
  F("controlFake", vrx_control_fake)                                                                          \
  F("deviceInfo", vrx_device_info)                                                                            \
  F("deviceAttributes", vrx_device_attributes)                                                                \
  F("deviceCanAccessPeer", vrx_device_can_access_peer)                                                        \
  F("openContext", vrx_open_context)                                                                          \
  F("contextMemory", vrx_context_memory)                                                                      \
  F("contextWait", vrx_context_wait)                                                                          \
  F("contextEnablePeer", vrx_context_enable_peer)                                                             \
  F("allocate", vrx_allocate)                                                                                 \
  F("bufferFacts", vrx_buffer_facts)                                                                          \
  F("fill", vrx_fill)                                                                                         \
  F("copyBuffer", vrx_copy_buffer)                                                                            \
  F("write", vrx_write)                                                                                       \
  F("read", vrx_read)                                                                                         \
  F("allocateHost", vrx_allocate_host)                                                                        \
  F("writeHost", vrx_write_host)                                                                              \
  F("readHost", vrx_read_host)                                                                                \
  F("createStream", vrx_create_stream)                                                                        \
  F("streamWait", vrx_stream_wait)                                                                            \
  F("streamSynchronize", vrx_stream_synchronize)                                                              \
  F("streamIsIdle", vrx_stream_is_idle)                                                                       \
  F("streamWaitEvent", vrx_stream_wait_event)                                                                 \
  F("beginCapture", vrx_begin_capture)                                                                        \
  F("endCapture", vrx_end_capture)                                                                            \
  F("abandonCapture", vrx_abandon_capture)                                                                    \
  F("graphNodeCount", vrx_graph_node_count)                                                                   \
  F("launchGraph", vrx_launch_graph)                                                                          \
  F("createEvent", vrx_create_event)                                                                          \
  F("recordEvent", vrx_record_event)                                                                          \
  F("eventIsDone", vrx_event_is_done)                                                                         \
  F("eventWait", vrx_event_wait)                                                                              \
  F("eventElapsed", vrx_event_elapsed)                                                                        \
  F("loadModule", vrx_load_module)                                                                            \
  F("kernel", vrx_kernel_of)                                                                                  \
  F("kernelAttribute", vrx_kernel_attribute)                                                                  \
  F("setKernelAttribute", vrx_set_kernel_attribute)                                                           \
  F("kernelOccupancy", vrx_kernel_occupancy)                                                                  \
  F("launch", vrx_launch)                                                                                     \
  F("matrixProduct", vrx_matrix_product)                                                                      \
  F("exportDescriptor", vrx_export_descriptor)                                                                \
  F("exportIpc", vrx_export_ipc)                                                                              \
  F("importDescriptor", vrx_import_descriptor)                                                                \
  F("importIpc", vrx_import_ipc)                                                                              \
  F("closeDescriptor", vrx_close_descriptor)                                                                  \
  F("offer", vrx_make_offer)                                                                                  \
  F("offerTaken", vrx_offer_taken)                                                                            \
  F("take", vrx_take_offer)                                                                                   \
  F("openNvml", vrx_open_nvml)                                                                                \
  F("nvmlFigures", vrx_nvml_figures)                                                                          \
  F("nvmlDevices", vrx_nvml_devices)                                                                          \
  F("nvmlHasDevice", vrx_nvml_has_device)                                                                     \
  F("nvmlParent", vrx_nvml_parent)                                                                            \
  F("nvmlName", vrx_nvml_name)                                                                                \
  F("nvmlRead", vrx_nvml_read)                                                                                \
  F("nvmlProcesses", vrx_nvml_processes)                                                                      \
  F("nvmlConfCompute", vrx_nvml_conf_compute)                                                                 \
  F("nvmlAttestation", vrx_nvml_attestation)                                                                  \
  F("measureVerity", vrx_measure_verity)                                                                      \
  F("dispose", vrx_dispose)                                                                                   \
  F("liveObjects", vrx_live_objects)

#define VRX_DECLARE(name, function) napi_value function(napi_env env, napi_callback_info info);
VRX_FUNCTIONS(VRX_DECLARE)
#undef VRX_DECLARE

/* Runs `run` on another thread with one object as its first; the promise resolves to nothing. */
napi_value vrx_start_wait(napi_env env, void *object, void (*run)(vrx_job *));

/*
 * An argument that is a stream of the given context, or null for the default one. False with an exception pending for
 * anything else.
 */
bool vrx_stream_of(napi_env env, napi_value value, const vrx_context *context, CUstream *stream);

/* Throws unless `bytes` bytes at `offset` lie within `size`. */
bool vrx_in_range(napi_env env, size_t offset, size_t bytes, size_t size);

/* Throws what a call left in `failure`, or returns NULL (undefined). */
napi_value vrx_done(napi_env env, const vrx_failure *failure);

/* True where nothing in the context can be done any more, so that there is nothing left to give back. */
bool vrx_context_is_lost(CUresult result);

/* Maps physical memory of the context's device; `handle` is used up, also by a failure. */
bool vrx_map_memory(vrx_context *context, CUmemGenericAllocationHandle handle, size_t mapped_bytes, bool writable,
                    vrx_buffer *buffer, vrx_failure *failure);
/* The size that memory of `bytes` bytes takes in pages of the device. */
bool vrx_page_multiple(const vrx_context *context, size_t bytes, size_t *mapped_bytes, vrx_failure *failure);
/* Gives back a buffer's memory, however it came to be. */
bool vrx_release_buffer(vrx_object *object, vrx_failure *failure);

#endif
