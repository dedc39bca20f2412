/*
 * The tree of fs-verity over memory of the device: SHA-256 of every block of 4096 bytes, and of the blocks that those
 * digests make, level by level. One thread hashes one block, which is serial; there are 262,144 of them in a GiB.
 *
 * The same kernel does every level: a level's digests lie one after the other and are the next one's data. What it hashes
 * is a list of ranges, so that one launch does the blocks of a whole buffer, of many tensors in it, or of a drawn sample.
 * The design and its bounds: docs/native-tree-hash.md.
 */
#include "vrx_cuda.h"

#include "../native/sha256.h"

/* A piece of the data with a tree of its own. Blocks are counted on through all ranges of a launch. */
struct leaf_range {
  uint64_t offset, bytes;  /* in the data */
  uint64_t first_leaf;     /* how many blocks come before it in the list */
  uint64_t digest_offset;  /* where its digests go, in bytes */
};

static __device__ __forceinline__ uint32_t big_endian(uint32_t x) { return __byte_perm(x, 0, 0x0123); }

/* 64 bytes as numbers; `from` need not be aligned, and from `end` on there are zeros. (Not static: see buildImages in
 * tools/workspace/kernels/build.mjs.) */
__device__ __noinline__ void vrx_tree_load_bytes(uint32_t w[16], const uint8_t *from, const uint8_t *end) {
  for (int i = 0; i < 16; i++) {
    uint32_t word = 0;
    for (int j = 0; j < 4; j++, from++) word = word << 8 | (from < end ? *from : 0u);
    w[i] = word;
  }
}

static __device__ __forceinline__ void load_vectors(uint32_t w[16], const uint8_t *from) {
  const uint4 *vectors = reinterpret_cast<const uint4 *>(from);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    uint4 v = __ldg(vectors + i);
    w[4 * i] = big_endian(v.x);
    w[4 * i + 1] = big_endian(v.y);
    w[4 * i + 2] = big_endian(v.z);
    w[4 * i + 3] = big_endian(v.w);
  }
}

/*
 * Digests of the blocks of `ranges`, or, where `chosen` is given, of the `count` blocks whose numbers it lists, which are
 * then written one after the other. Each is SHA-256 continued from `start` over `block_bytes` (a multiple of 64) and ended
 * as a message of `message_bytes`; with 0 it is not ended, and the result is a state to start from. That is how the state
 * after the salt is made, once for all blocks: with the padded salt as the only block.
 *
 * Padding is one more turn of the same loop, so that the code, which is large, is there once.
 */
extern "C" __global__ void __launch_bounds__(128)
    vrx_tree_leaves(const uint8_t *data, const leaf_range *ranges, uint32_t range_count, const uint64_t *chosen,
                    uint32_t use_chosen, uint64_t count, const uint8_t *start, uint32_t block_bytes,
                    uint32_t message_bytes, uint8_t *digests) {
  uint64_t thread = static_cast<uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (thread >= count) return;
  uint64_t leaf = use_chosen ? __ldg(chosen + thread) : thread;
  /* The last range that begins at or before the block. */
  uint32_t low = 0, high = range_count;
  while (high - low > 1) {
    uint32_t middle = (low + high) / 2;
    if (__ldg(&ranges[middle].first_leaf) <= leaf)
      low = middle;
    else
      high = middle;
  }
  uint64_t index = leaf - __ldg(&ranges[low].first_leaf), bytes = __ldg(&ranges[low].bytes);
  const uint8_t *begin = data + __ldg(&ranges[low].offset);
  const uint8_t *from = begin + index * block_bytes, *end = begin + bytes;
  uint8_t *to = digests + (use_chosen ? thread * 32 : __ldg(&ranges[low].digest_offset) + index * 32);

  vrx_sha256_state s;
  const uint32_t *words = reinterpret_cast<const uint32_t *>(start);
#pragma unroll
  for (int i = 0; i < 8; i++) s.word[i] = big_endian(__ldg(words + i));
  bool aligned = (reinterpret_cast<uintptr_t>(from) & 15) == 0 && end - from >= block_bytes;
  uint32_t turns = block_bytes / VRX_SHA256_BLOCK + (message_bytes != 0);
#pragma unroll 1
  for (uint32_t turn = 0; turn < turns; turn++, from += VRX_SHA256_BLOCK) {
    uint32_t w[16];
    if (turn * VRX_SHA256_BLOCK == block_bytes) {
      w[0] = 0x80000000u;
#pragma unroll
      for (int i = 1; i < 15; i++) w[i] = 0;
      w[15] = message_bytes * 8;
    } else if (aligned) {
      load_vectors(w, from);
    } else {
      uint32_t slow[16];
      vrx_tree_load_bytes(slow, from, end);
#pragma unroll
      for (int i = 0; i < 16; i++) w[i] = slow[i];
    }
    vrx_sha256_compress(&s, w);
  }
  uint4 *out = reinterpret_cast<uint4 *>(to);
  out[0] = make_uint4(big_endian(s.word[0]), big_endian(s.word[1]), big_endian(s.word[2]), big_endian(s.word[3]));
  out[1] = make_uint4(big_endian(s.word[4]), big_endian(s.word[5]), big_endian(s.word[6]), big_endian(s.word[7]));
}
VRX_KERNEL(vrx_tree_leaves);

/* The number of the first digest in which two lists differ goes to `first`, which begins as all ones. */
extern "C" __global__ void vrx_tree_compare(const uint8_t *a, const uint8_t *b, uint64_t count,
                                            unsigned long long *first) {
  uint64_t i = static_cast<uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const uint4 *x = reinterpret_cast<const uint4 *>(a) + 2 * i, *y = reinterpret_cast<const uint4 *>(b) + 2 * i;
  uint4 p = x[0], q = y[0], r = x[1], s = y[1];
  uint32_t difference = (p.x ^ q.x) | (p.y ^ q.y) | (p.z ^ q.z) | (p.w ^ q.w) | (r.x ^ s.x) | (r.y ^ s.y) | (r.z ^ s.z) |
                        (r.w ^ s.w);
  if (difference != 0) atomicMin(first, static_cast<unsigned long long>(i));
}
VRX_KERNEL(vrx_tree_compare);
