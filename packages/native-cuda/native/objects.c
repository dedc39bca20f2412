#include "objects.h"

#include <stdlib.h>
#include <string.h>

#include "call.h"

static const char *const kind_names[VRX_KINDS] = {"driver", "context", "buffer", "host_memory", "stream", "event",
                                                  "module", "kernel",  "graph",  "offer",       "nvml"};

/* One tag per kind: the second word counts. */
static napi_type_tag tag_of(vrx_kind kind) { return (napi_type_tag){0x6f0e5d2a9b7c4183, 0xc3d1a59e00000000u + (unsigned)kind}; }

vrx_environment *vrx_environment_of(napi_env env) {
  void *data = NULL;
  napi_get_instance_data(env, &data);
  return data;
}

static void unlink_object(vrx_object *self) {
  if (self->newer != NULL) self->newer->older = self->older;
  if (self->older != NULL) self->older->newer = self->newer;
  if (self->environment->newest == self) self->environment->newest = self->older;
  self->newer = self->older = NULL;
}

static void leave_environment(vrx_environment *environment) {
  environment->holders -= 1;
  if (environment->holders == 0) free(environment);
}

static void free_object(vrx_object *self) {
  vrx_environment *environment = self->environment;
  free(self);
  leave_environment(environment);
}

/* Frees the object itself once nobody can see it any more. */
static void reap(vrx_object *self) {
  if (!self->released || !self->collected || self->users > 0 || self->viewers > 0) return;
  free_object(self);
}

static bool try_release(vrx_object *self, vrx_failure *failure);

/* The parent's count that an object adds to. */
static unsigned *place_in(vrx_object *parent, vrx_kind kind) { return kind == VRX_KERNEL ? &parent->viewers : &parent->users; }

/* The parent has a user less; it may have waited for that. What the driver says of it then has nobody to tell. */
static void leave_parent(vrx_object *self) {
  vrx_object *parent = self->parent;
  vrx_failure ignored = {0};
  self->parent = NULL;
  if (parent == NULL) return;
  *place_in(parent, self->kind) -= 1;
  try_release(parent, &ignored);
  reap(parent);
}

/* False only where the driver refused; the object is then kept for another try when the environment ends. */
static bool try_release(vrx_object *self, vrx_failure *failure) {
  if (!self->disposed || self->released || self->users > 0) return true;
  if (self->release != NULL && !self->release(self, failure)) return false;
  self->released = true;
  unlink_object(self);
  leave_parent(self);
  return true;
}

void *vrx_make(napi_env env, vrx_kind kind, size_t bytes, vrx_object *parent,
               bool (*release)(vrx_object *, vrx_failure *)) {
  vrx_environment *environment = vrx_environment_of(env);
  vrx_object *self = calloc(1, bytes);
  if (self == NULL || environment == NULL) {
    free(self);
    return vrx_refuse(env, "out_of_memory", "the host has no memory for a %s", kind_names[kind]);
  }
  self->kind = kind;
  self->environment = environment;
  environment->holders += 1;
  self->parent = parent;
  self->release = release;
  if (parent != NULL) *place_in(parent, kind) += 1;
  self->older = environment->newest;
  if (self->older != NULL) self->older->newer = self;
  environment->newest = self;
  return self;
}

void vrx_forget(void *object) {
  vrx_object *self = object;
  self->disposed = self->released = self->collected = true;
  unlink_object(self);
  leave_parent(self);
  free_object(self);
}

static void handle_collected(napi_env env, void *data, void *hint) {
  vrx_object *self = data;
  vrx_failure ignored = {0};
  (void)env;
  (void)hint;
  self->collected = true;
  self->disposed = true;
  try_release(self, &ignored);
  reap(self);
}

napi_value vrx_hand_out(napi_env env, void *object) {
  vrx_object *self = object;
  napi_value handle;
  napi_type_tag tag = tag_of(self->kind);
  if (napi_create_object(env, &handle) == napi_ok && napi_type_tag_object(env, handle, &tag) == napi_ok &&
      napi_wrap(env, handle, self, handle_collected, NULL, NULL) == napi_ok)
    return handle;
  handle_collected(env, self, NULL);
  return vrx_unexpected(env);
}

void vrx_use(void *object) {
  if (object != NULL) ((vrx_object *)object)->users += 1;
}

void vrx_unuse(void *object) {
  vrx_object *self = object;
  vrx_failure ignored = {0};
  if (self == NULL) return;
  self->users -= 1;
  try_release(self, &ignored);
  reap(self);
}

/* The object behind a value whatever its kind and state; NULL, without an exception, for anything else. */
static vrx_object *any_object(napi_env env, napi_value value) {
  napi_valuetype type;
  void *data;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return NULL;
  for (int kind = 0; kind < VRX_KINDS; kind++) {
    napi_type_tag tag = tag_of((vrx_kind)kind);
    bool tagged = false;
    if (napi_check_object_type_tag(env, value, &tag, &tagged) != napi_ok) return NULL;
    if (tagged) return napi_unwrap(env, value, &data) == napi_ok ? data : NULL;
  }
  return NULL;
}

void *vrx_object_of(napi_env env, napi_value value, vrx_kind kind) {
  napi_valuetype type;
  bool tagged = false;
  napi_type_tag tag = tag_of(kind);
  void *data;
  TRY(napi_typeof(env, value, &type));
  if (type == napi_object) TRY(napi_check_object_type_tag(env, value, &tag, &tagged));
  if (!tagged) return vrx_refuse(env, "invalid_argument", "expected a handle of a %s", kind_names[kind]);
  TRY(napi_unwrap(env, value, &data));
  if (((vrx_object *)data)->disposed) return vrx_refuse(env, "disposed", "this %s was disposed of", kind_names[kind]);
  return data;
}

napi_value vrx_dispose(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_failure failure = {0};
  if (!vrx_arguments(env, info, 1, &value)) return NULL;
  vrx_object *self = any_object(env, value);
  bool pending = false;
  TRY(napi_is_exception_pending(env, &pending));
  if (pending) return NULL;
  if (self == NULL) return vrx_refuse(env, "invalid_argument", "expected a handle");
  self->disposed = true;
  /* A driver may answer with the failure of earlier work instead of doing its own: once more, then. */
  if (try_release(self, &failure)) return NULL;
  failure = (vrx_failure){0};
  if (try_release(self, &failure)) return NULL;
  return vrx_throw(env, &failure);
}

napi_value vrx_live_objects(napi_env env, napi_callback_info info) {
  napi_value counts;
  double count[VRX_KINDS] = {0};
  (void)info;
  for (vrx_object *at = vrx_environment_of(env)->newest; at != NULL; at = at->older) count[at->kind] += 1;
  TRY(napi_create_object(env, &counts));
  for (int kind = 0; kind < VRX_KINDS; kind++)
    if (!vrx_set_number(env, counts, kind_names[kind], count[kind])) return vrx_unexpected(env);
  return counts;
}

/* The newest object that nobody uses and the end has not visited. */
static vrx_object *next_to_end(vrx_environment *environment) {
  vrx_object *at = environment->newest;
  while (at != NULL && (at->last_try || at->users > 0)) at = at->older;
  return at;
}

/*
 * Before the environment frees its handles: gives back everything, those made later first. What the driver refuses, or
 * what work under way still holds, ends with the process.
 */
static void end_environment(void *data) {
  vrx_environment *environment = data;
  vrx_failure ignored = {0};
  environment->ending = true;
  for (vrx_object *at = environment->newest; at != NULL; at = at->older) at->disposed = true;
  for (vrx_object *at; (at = next_to_end(environment)) != NULL;) {
    at->last_try = true;
    try_release(at, &ignored);
  }
}

static void free_environment(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  leave_environment(data);
}

bool vrx_begin_environment(napi_env env) {
  vrx_environment *environment = calloc(1, sizeof *environment);
  if (environment == NULL) return false;
  environment->env = env;
  environment->holders = 1;
  if (napi_set_instance_data(env, environment, free_environment, NULL) != napi_ok) {
    free(environment);
    return false;
  }
  return napi_add_env_cleanup_hook(env, end_environment, environment) == napi_ok;
}
