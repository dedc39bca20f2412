/*
 * hashTree(source, bytes, salt, threads, cancel, method) -> Promise<{ status, root, errno }>: the root over a view (its
 * first `bytes` bytes) or over the file with a descriptor, on threads of its own. `status` is `ok`, `cancelled`,
 * `out_of_memory`, `file_changed` or `read_failed` (with `errno`). `cancel`, where given, is an Int32Array whose first
 * element ends it once it is not 0. `method` is null for the fastest.
 *
 * hashTreeMethods() -> the ways that this CPU has, fastest first.
 */
#include "tree_hash_addon.h"

#include <stdlib.h>
#include <string.h>

#include "tree_hash.h"

typedef struct {
  napi_async_work work;
  napi_deferred promise;
  napi_ref view, cancel_view; /* what the threads look at stays where it is */
  vrx_tree_source source;
  uint8_t salt[VRX_TREE_SALT_MAX];
  size_t salt_bytes;
  unsigned threads;
  const _Atomic int32_t *cancel;
  vrx_tree_result result;
  int error;
  uint8_t root[VRX_TREE_DIGEST];
} job;

static napi_value refuse(napi_env env, const char *message) {
  napi_throw_type_error(env, "invalid_argument", message);
  return NULL;
}

static void run_job(napi_env env, void *data) {
  job *j = data;
  (void)env;
  j->result = vrx_tree_root(&j->source, j->salt, j->salt_bytes, j->threads, j->cancel, j->root, &j->error);
}

static void end_job(napi_env env, napi_status status, void *data) {
  static const char *const results[] = {"ok", "cancelled", "out_of_memory", "file_changed", "read_failed"};
  job *j = data;
  napi_value outcome, buffer, root, word, number;
  void *bytes;
  if (status == napi_cancelled) j->result = VRX_TREE_CANCELLED;
  if (napi_create_object(env, &outcome) == napi_ok &&
      napi_create_arraybuffer(env, VRX_TREE_DIGEST, &bytes, &buffer) == napi_ok &&
      napi_create_typedarray(env, napi_uint8_array, VRX_TREE_DIGEST, buffer, 0, &root) == napi_ok &&
      napi_create_string_utf8(env, results[j->result], NAPI_AUTO_LENGTH, &word) == napi_ok &&
      napi_create_int32(env, j->error, &number) == napi_ok) {
    memcpy(bytes, j->root, VRX_TREE_DIGEST);
    napi_set_named_property(env, outcome, "status", word);
    napi_set_named_property(env, outcome, "root", root);
    napi_set_named_property(env, outcome, "errno", number);
    napi_resolve_deferred(env, j->promise, outcome);
  }
  if (j->view != NULL) napi_delete_reference(env, j->view);
  if (j->cancel_view != NULL) napi_delete_reference(env, j->cancel_view);
  napi_delete_async_work(env, j->work);
  free(j);
}

/* The bytes of a typed array or DataView; false for anything else. */
static bool view_bytes(napi_env env, napi_value value, uint8_t **data, size_t *bytes) {
  bool typed = false, view = false;
  void *at = NULL;
  if (napi_is_typedarray(env, value, &typed) == napi_ok && typed) {
    static const size_t sizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
    napi_typedarray_type type;
    size_t length;
    if (napi_get_typedarray_info(env, value, &type, &length, &at, NULL, NULL) != napi_ok) return false;
    if ((size_t)type >= sizeof sizes / sizeof *sizes) return false;
    *bytes = length * sizes[type];
  } else if (napi_is_dataview(env, value, &view) == napi_ok && view) {
    if (napi_get_dataview_info(env, value, bytes, &at, NULL, NULL) != napi_ok) return false;
  } else {
    return false;
  }
  *data = at;
  return true;
}

static bool is_null(napi_env env, napi_value value) {
  napi_valuetype type;
  return napi_typeof(env, value, &type) == napi_ok && (type == napi_null || type == napi_undefined);
}

static bool read_source(napi_env env, napi_value source, napi_value size, job *j) {
  napi_valuetype type;
  double bytes;
  if (napi_get_value_double(env, size, &bytes) != napi_ok || !(bytes >= 0 && bytes <= 9007199254740991.0)) return false;
  j->source.bytes = (uint64_t)bytes;
  if (napi_typeof(env, source, &type) != napi_ok) return false;
  if (type == napi_number) return napi_get_value_int32(env, source, &j->source.descriptor) == napi_ok && j->source.descriptor >= 0;
  uint8_t *data;
  size_t length;
  static const uint8_t nothing = 0;
  if (!view_bytes(env, source, &data, &length) || length < j->source.bytes) return false;
  j->source.memory = data == NULL ? &nothing : data;
  return true;
}

static napi_value hash_tree(napi_env env, napi_callback_info info) {
  napi_value arguments[6], promise, name;
  size_t count = 6;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 6)
    return refuse(env, "expected source, bytes, salt, threads, cancel, method");
  job *j = calloc(1, sizeof *j);
  if (j == NULL) return refuse(env, "out of memory");
  const char *wrong = NULL;
  uint8_t *salt, *cancel;
  size_t cancel_bytes;
  char method[32];
  size_t length;
  if (!read_source(env, arguments[0], arguments[1], j))
    wrong = "source: expected a view with at least `bytes` bytes, or a file descriptor";
  else if (!view_bytes(env, arguments[2], &salt, &j->salt_bytes) || j->salt_bytes > VRX_TREE_SALT_MAX)
    wrong = "salt: expected a view of at most 32 bytes";
  else if (napi_get_value_uint32(env, arguments[3], &j->threads) != napi_ok || j->threads < 1 || j->threads > 1024)
    wrong = "threads: expected 1 to 1024";
  else if (!is_null(env, arguments[4]) && (!view_bytes(env, arguments[4], &cancel, &cancel_bytes) || cancel_bytes < 4))
    wrong = "cancel: expected an Int32Array or null";
  else if (!is_null(env, arguments[5]) &&
           (napi_get_value_string_utf8(env, arguments[5], method, sizeof method, &length) != napi_ok || !vrx_tree_use(method)))
    wrong = "method: expected one of hashTreeMethods() or null";
  if (wrong != NULL) {
    free(j);
    return refuse(env, wrong);
  }
  if (is_null(env, arguments[5])) vrx_tree_use(vrx_tree_methods()[0]);
  if (j->salt_bytes > 0) memcpy(j->salt, salt, j->salt_bytes);
  if (!is_null(env, arguments[4])) {
    j->cancel = (const _Atomic int32_t *)(void *)cancel;
    napi_create_reference(env, arguments[4], 1, &j->cancel_view);
  }
  if (j->source.memory != NULL) napi_create_reference(env, arguments[0], 1, &j->view);
  napi_create_string_utf8(env, "vrx-tree-hash", NAPI_AUTO_LENGTH, &name);
  if (napi_create_promise(env, &j->promise, &promise) != napi_ok ||
      napi_create_async_work(env, NULL, name, run_job, end_job, j, &j->work) != napi_ok) {
    free(j);
    return refuse(env, "the hash cannot be started");
  }
  napi_queue_async_work(env, j->work);
  return promise;
}

static napi_value hash_tree_methods(napi_env env, napi_callback_info info) {
  napi_value array, text;
  (void)info;
  napi_create_array(env, &array);
  const char *const *methods = vrx_tree_methods();
  for (uint32_t i = 0; methods[i] != NULL; i++) {
    napi_create_string_utf8(env, methods[i], NAPI_AUTO_LENGTH, &text);
    napi_set_element(env, array, i, text);
  }
  return array;
}

napi_status vrx_add_tree_hash(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"hashTree", NULL, hash_tree, NULL, NULL, NULL, napi_enumerable, NULL},
      {"hashTreeMethods", NULL, hash_tree_methods, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  return napi_define_properties(env, exports, 2, functions);
}
