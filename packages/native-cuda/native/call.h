/*
 * One call from JavaScript: reading arguments, and throwing. Whatever is refused leaves an exception with a `code`; calls
 * of the driver go through VRX_CALL, which keeps the name of the function and where it was called.
 */
#ifndef VRX_CALL_H
#define VRX_CALL_H

#include "objects.h"

#define VRX_TEXT(x) #x
#define VRX_LINE(x) VRX_TEXT(x)

/* Calls a function of the driver; true when it succeeded. `failure` keeps the first thing that went wrong. */
#define VRX_CALL(failure, of, name, ...)                                                          \
  vrx_called(failure, of, (of)->cuda.name == NULL ? VRX_NO_FUNCTION : (of)->cuda.name(__VA_ARGS__), \
             #name, __FILE__ ":" VRX_LINE(__LINE__))

bool vrx_called(vrx_failure *failure, const vrx_driver *driver, CUresult result, const char *call, const char *site);

/* Binds a context to the calling thread, for the length of a call. */
bool vrx_enter(const vrx_context *context, vrx_failure *failure);
void vrx_leave(const vrx_context *context);

/* Ends the calling function with NULL and an exception pending when a call of Node-API fails. */
#define TRY(call)                                      \
  do {                                                 \
    if ((call) != napi_ok) return vrx_unexpected(env); \
  } while (0)

void *vrx_unexpected(napi_env env);
/* Throws an error of ours; NULL. */
void *vrx_refuse(napi_env env, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Throws what the driver said; NULL. */
void *vrx_throw(napi_env env, const vrx_failure *failure);
/* What the driver said as an error; NULL with an exception pending. */
napi_value vrx_error(napi_env env, const vrx_failure *failure);

/* The arguments of a call; missing ones are undefined. */
bool vrx_arguments(napi_env env, napi_callback_info info, size_t expected, napi_value *values);

/* Each of these reads one argument, or throws and returns false. */
bool vrx_size(napi_env env, napi_value value, const char *name, size_t *to);
bool vrx_int(napi_env env, napi_value value, const char *name, int *to);
bool vrx_bool(napi_env env, napi_value value, const char *name, bool *to);
/* The bytes of a typed array or DataView; of no bytes, `data` is not NULL all the same. */
bool vrx_bytes(napi_env env, napi_value value, const char *name, void **data, size_t *bytes);
/* A text of at most `capacity` - 1 bytes. */
bool vrx_text(napi_env env, napi_value value, const char *name, char *to, size_t capacity);
/* A text to free, or NULL for null and undefined. */
bool vrx_optional_text(napi_env env, napi_value value, const char *name, char **to);
bool vrx_is_null(napi_env env, napi_value value);

/* `object[name] = value`; false when Node-API fails. */
bool vrx_set(napi_env env, napi_value object, const char *name, napi_value value);
bool vrx_set_number(napi_env env, napi_value object, const char *name, double value);
bool vrx_set_text(napi_env env, napi_value object, const char *name, const char *value); /* NULL: null */
napi_value vrx_number(napi_env env, double value);
napi_value vrx_copy_of(napi_env env, const void *bytes, size_t count); /* a Uint8Array */

/*
 * Work on another thread. `run` may not touch JavaScript; `finish` makes what the promise resolves to, where `run` left no
 * failure; `clean` frees what the job holds besides itself. Objects in `uses` stay whole until the end.
 */
typedef struct vrx_job {
  napi_async_work work;
  napi_deferred promise;
  void *uses[3];
  vrx_failure failure;
  const char *refusal; /* code of an error of ours, whose text is failure.detail */
  void (*run)(struct vrx_job *);
  napi_value (*finish)(napi_env env, struct vrx_job *);
  void (*clean)(struct vrx_job *);
} vrx_job;

/* Starts a job allocated by malloc, which it owns from then on, and returns its promise. */
napi_value vrx_start(napi_env env, vrx_job *job, const char *name);

#endif
