/*
 * Products of matrices by NVIDIA's own library, where it is installed: a ceiling to compare with, nothing that vrx needs.
 *
 * matrixProduct(buffer, n, tensor_cores, times, library) -> Promise<{ status: "ok", file, time_s } | { status:
 * "unavailable", why }>: C = A B for square matrices of float with n rows that lie one after the other in the buffer (its
 * first 12 n n bytes), `times` times; `time_s` is that of one. `tensor_cores` lets the library use TF32.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

#include "driver.h"
#include "functions.h"

enum { CUBLAS_OP_N = 0, CUBLAS_DEFAULT_MATH = 0, CUBLAS_TF32_TENSOR_OP_MATH = 3 };

typedef int blas_create(void **handle);
typedef int blas_destroy(void *handle);
typedef int blas_set_math(void *handle, int mode);
typedef int blas_sgemm(void *handle, int transpose_a, int transpose_b, int m, int n, int k, const float *alpha,
                       const void *a, int lda, const void *b, int ldb, const float *beta, void *c, int ldc);

typedef struct {
  vrx_job job;
  char *library, *file;
  int n, times, tensor_cores;
  double time_s;
  char why[256]; /* not empty: there is no such library, or it would not */
} product_job;

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void say(product_job *job, const char *call, int status) {
  snprintf(job->why, sizeof job->why, "%s gave status %d", call, status);
}

static void multiply(product_job *job, void *library, const vrx_buffer *buffer) {
  blas_create *create;
  blas_destroy *destroy;
  blas_set_math *set_math;
  blas_sgemm *sgemm;
  vrx_symbol(library, "cublasCreate_v2", &create);
  vrx_symbol(library, "cublasDestroy_v2", &destroy);
  vrx_symbol(library, "cublasSetMathMode", &set_math);
  vrx_symbol(library, "cublasSgemm_v2", &sgemm);
  if (create == NULL || destroy == NULL || set_math == NULL || sgemm == NULL) {
    snprintf(job->why, sizeof job->why, "the library has not the functions of cuBLAS");
    return;
  }
  void *file = NULL, *handle = NULL;
  memcpy(&file, &sgemm, sizeof file);
  job->file = vrx_file_of(library, file);
  int status = create(&handle);
  if (status != 0) return say(job, "cublasCreate", status);
  status = set_math(handle, job->tensor_cores ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH);
  const float one = 1, zero = 0;
  size_t bytes = (size_t)job->n * (size_t)job->n * sizeof(float);
  const void *a = (const void *)(uintptr_t)buffer->address, *b = (const void *)(uintptr_t)(buffer->address + bytes);
  void *c = (void *)(uintptr_t)(buffer->address + 2 * bytes);
  /* The first one loads kernels; it is not counted. */
  double begin = 0;
  for (int i = -1; i < job->times && status == 0 && job->job.failure.call == NULL; i++) {
    status = sgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, job->n, job->n, job->n, &one, a, job->n, b, job->n, &zero, c, job->n);
    if (i >= 0) continue;
    VRX_CALL(&job->job.failure, buffer->context->driver, cuCtxSynchronize);
    begin = now_s();
  }
  VRX_CALL(&job->job.failure, buffer->context->driver, cuCtxSynchronize);
  job->time_s = (now_s() - begin) / job->times;
  if (status != 0) say(job, "cublasSgemm", status);
  destroy(handle);
}

static void run_product(vrx_job *base) {
  static const char *const usual[] = {"libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so", NULL};
  product_job *job = (product_job *)base;
  const vrx_buffer *buffer = base->uses[0];
  /* It stays loaded, as the driver does. */
  void *library = vrx_load_library(job->library, usual, job->why, sizeof job->why);
  if (library == NULL) return;
  job->why[0] = 0;
  if (!vrx_enter(buffer->context, &base->failure)) return;
  multiply(job, library, buffer);
  vrx_leave(buffer->context);
}

static napi_value finish_product(napi_env env, vrx_job *base) {
  product_job *job = (product_job *)base;
  napi_value outcome;
  TRY(napi_create_object(env, &outcome));
  bool ok = job->why[0] == 0;
  if (!vrx_set_text(env, outcome, "status", ok ? "ok" : "unavailable") ||
      !(ok ? vrx_set_text(env, outcome, "file", job->file) && vrx_set_number(env, outcome, "time_s", job->time_s)
           : vrx_set_text(env, outcome, "why", job->why)))
    return vrx_unexpected(env);
  return outcome;
}

static void clean_product(vrx_job *base) {
  free(((product_job *)base)->library);
  free(((product_job *)base)->file);
}

napi_value vrx_matrix_product(napi_env env, napi_callback_info info) {
  napi_value values[5];
  vrx_buffer *buffer;
  int n, times;
  bool tensor_cores;
  char *library;
  if (!vrx_arguments(env, info, 5, values) || (buffer = vrx_object_of(env, values[0], VRX_BUFFER)) == NULL ||
      !vrx_int(env, values[1], "n", &n) || !vrx_bool(env, values[2], "tensor_cores", &tensor_cores) ||
      !vrx_int(env, values[3], "times", &times))
    return NULL;
  if (n < 1 || n > 32768 || times < 1) return vrx_refuse(env, "invalid_argument", "n: expected 1 to 32768; times: at least 1");
  if (!vrx_in_range(env, 0, 12 * (size_t)n * (size_t)n, buffer->bytes)) return NULL;
  if (!vrx_optional_text(env, values[4], "library", &library)) return NULL;
  product_job *job = calloc(1, sizeof *job);
  if (job == NULL) {
    free(library);
    return vrx_refuse(env, "out_of_memory", "the host has no memory for the call");
  }
  job->library = library;
  job->n = n;
  job->times = times;
  job->tensor_cores = tensor_cores;
  job->job.uses[0] = buffer;
  job->job.run = run_product;
  job->job.finish = finish_product;
  job->job.clean = clean_product;
  return vrx_start(env, &job->job, "vrx matrix product");
}
