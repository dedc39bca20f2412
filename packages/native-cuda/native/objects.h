/*
 * What JavaScript holds of the driver's: one object per thing, opaque, checked at every call. An object holds on to the
 * one it was made from. It gives back what it holds when it was disposed of or collected, and nobody uses it any more:
 * neither things made from it nor work under way on another thread. When the environment (main thread or worker) ends,
 * everything left is given back, the newest first.
 */
#ifndef VRX_OBJECTS_H
#define VRX_OBJECTS_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cuda_api.h"

typedef enum {
  VRX_DRIVER,
  VRX_CONTEXT,
  VRX_BUFFER,
  VRX_HOST_MEMORY,
  VRX_STREAM,
  VRX_EVENT,
  VRX_MODULE,
  VRX_KERNEL,
  VRX_GRAPH,
  VRX_OFFER,
  VRX_NVML,
  VRX_KINDS,
} vrx_kind;

/* A call of the driver that failed, or (`result` VRX_NO_FUNCTION) that this driver does not have. */
typedef struct {
  const struct vrx_driver *driver;
  const char *device; /* its place on the bus, where a device was asked */
  CUresult result;
  const char *call, *site;
  char detail[512]; /* more than the driver's own words; may be empty */
} vrx_failure;

enum { VRX_NO_FUNCTION = -1 };

typedef struct vrx_environment vrx_environment;

typedef struct vrx_object {
  vrx_kind kind;
  vrx_environment *environment;
  struct vrx_object *parent;
  struct vrx_object *newer, *older;
  unsigned users;   /* things made from it, and work under way: it gives nothing back before they are gone */
  unsigned viewers; /* kernels of a module: they only need its memory, and go with it */
  bool disposed;    /* no new calls */
  bool released;    /* holds nothing any more */
  bool collected;   /* JavaScript has no handle any more */
  bool last_try;    /* the end of the environment has been here */
  /* Gives back what it holds; false, with `failure` set, where the driver will not take it. */
  bool (*release)(struct vrx_object *self, vrx_failure *failure);
} vrx_object;

struct vrx_environment {
  napi_env env;
  vrx_object *newest;
  size_t holders; /* the environment itself, and every object */
  bool ending;
};

typedef struct vrx_driver {
  vrx_object object;
  vrx_cuda_functions cuda;
  void *library;
  char *file;
  int api_version, device_count;
  long (*fake)(const char *request, char *reply, size_t capacity); /* NULL for a real driver */
} vrx_driver;

typedef struct {
  vrx_object object;
  vrx_driver *driver;
  CUcontext context;
  CUdevice device;
  int ordinal;
  char pci_bus_id[32];
} vrx_context;

/* How a buffer's memory came to be, and so how it goes. */
typedef enum { VRX_PLAIN, VRX_MAPPED, VRX_IPC } vrx_memory;

typedef struct {
  vrx_object object;
  vrx_context *context;
  CUdeviceptr address;
  size_t bytes, mapped_bytes;
  vrx_memory memory;
  CUmemGenericAllocationHandle handle; /* of VRX_MAPPED */
} vrx_buffer;

typedef struct {
  vrx_object object;
  vrx_context *context;
  void *address;
  size_t bytes;
  napi_ref view; /* weak: the ArrayBuffer over it */
} vrx_host_memory;

typedef struct {
  vrx_object object;
  vrx_context *context;
  CUstream stream;
} vrx_stream;

typedef struct {
  vrx_object object;
  vrx_context *context;
  CUevent event;
} vrx_event;

typedef struct {
  vrx_object object;
  vrx_context *context;
  CUmodule module;
} vrx_module;

enum { VRX_PARAMETERS = 256 };

typedef struct {
  vrx_object object;
  vrx_module *module;
  CUfunction function;
  unsigned parameters;
  int8_t sizes[VRX_PARAMETERS]; /* bytes; negative for the address of a buffer */
} vrx_kernel;

typedef struct {
  vrx_object object;
  vrx_context *context;
  CUgraphExec executable;
  size_t nodes;
} vrx_graph;

/* A new object of `bytes` bytes, all zero but its head; NULL with an exception pending. */
void *vrx_make(napi_env env, vrx_kind kind, size_t bytes, vrx_object *parent,
               bool (*release)(vrx_object *, vrx_failure *));
/* The handle of a new object for JavaScript. Where it cannot be made the object is given back; NULL. */
napi_value vrx_hand_out(napi_env env, void *object);
/* Takes back an object that was made and never held anything. */
void vrx_forget(void *object);

/* Work under way holds an object. */
void vrx_use(void *object);
void vrx_unuse(void *object);

/* The object of this kind behind an argument; NULL with an exception pending. `dispose` alone also takes the dead. */
void *vrx_object_of(napi_env env, napi_value value, vrx_kind kind);

napi_value vrx_dispose(napi_env env, napi_callback_info info);
napi_value vrx_live_objects(napi_env env, napi_callback_info info);

vrx_environment *vrx_environment_of(napi_env env);
bool vrx_begin_environment(napi_env env);

#endif
