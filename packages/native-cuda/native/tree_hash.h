/*
 * fs-verity's SHA-256 tree on the CPU: blocks of 4096 bytes, an optional salt, as many threads as are asked for. Gives
 * the root; the digest of the descriptor around it is one small hash more, which the caller makes.
 */
#ifndef VRX_TREE_HASH_H
#define VRX_TREE_HASH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "sha256.h"

enum { VRX_TREE_SALT_MAX = 32, VRX_TREE_DIGEST = 32 };

/* What to hash: memory, or a regular file that is open for reading, from its beginning. */
typedef struct {
  const uint8_t *memory; /* NULL: the file */
  int descriptor;
  uint64_t bytes;
} vrx_tree_source;

typedef enum {
  VRX_TREE_OK,
  VRX_TREE_CANCELLED,
  VRX_TREE_OUT_OF_MEMORY,
  VRX_TREE_SHORT_FILE, /* it has become shorter than `bytes` */
  VRX_TREE_READ_FAILED, /* errno says why */
} vrx_tree_result;

/*
 * The root of the tree over `source`. `threads` of 0 means 1; no more are started than there is work for. Stops early once
 * `*cancel` is not 0. An empty source has a root of zeros, as fs-verity has it. On VRX_TREE_READ_FAILED `*error` is errno.
 */
vrx_tree_result vrx_tree_root(const vrx_tree_source *source, const uint8_t *salt, size_t salt_bytes, unsigned threads,
                              const _Atomic int32_t *cancel, uint8_t root[VRX_TREE_DIGEST], int *error);

/* Ways to hash blocks that this CPU has, fastest first; NULL behind the last. */
const char *const *vrx_tree_methods(void);
/* Uses one of them from now on; 0 where this CPU does not have it. For tests and benchmarks. */
int vrx_tree_use(const char *method);

#endif
