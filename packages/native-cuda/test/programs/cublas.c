/* As much of cuBLAS's interface as a product takes, over memory of the host: what the fake driver's memory is. */
#include <stddef.h>

int cublasCreate_v2(void **handle) {
  static int one;
  *handle = &one;
  return 0;
}
int cublasDestroy_v2(void *handle) { return handle == NULL; }
int cublasSetMathMode(void *handle, int mode) { return handle == NULL || (mode != 0 && mode != 3); }
int cublasSgemm_v2(void *handle, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int lda,
                   const float *b, int ldb, const float *beta, float *c, int ldc) {
  if (handle == NULL || ta != 0 || tb != 0) return 7;
  for (int j = 0; j < n; j++)
    for (int i = 0; i < m; i++) {
      float sum = 0;
      for (int l = 0; l < k; l++) sum += a[i + l * lda] * b[l + j * ldb];
      c[i + j * ldc] = *alpha * sum + (*beta == 0 ? 0 : *beta * c[i + j * ldc]);
    }
  return 0;
}
