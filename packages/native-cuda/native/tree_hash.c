/* See tree_hash.h. A work item is 128 blocks, which fill exactly one block of the level above. */
#include "tree_hash.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FANOUT = VRX_TREE_BLOCK / VRX_TREE_DIGEST, ITEM = FANOUT * VRX_TREE_BLOCK };

/* Hashes whole blocks that lie one after the other: SHA-256 from `start` on, ended as a message of `message_bytes`. */
typedef void hash_blocks(const vrx_sha256_state *start, uint32_t message_bytes, const uint8_t *blocks, size_t count,
                         uint8_t *digests);

static uint32_t load_big_endian(const uint8_t *from) {
  return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void store_state(const vrx_sha256_state *s, uint8_t *to) {
  for (int i = 0; i < 8; i++) {
    to[4 * i] = (uint8_t)(s->word[i] >> 24);
    to[4 * i + 1] = (uint8_t)(s->word[i] >> 16);
    to[4 * i + 2] = (uint8_t)(s->word[i] >> 8);
    to[4 * i + 3] = (uint8_t)s->word[i];
  }
}

static void compress_bytes(vrx_sha256_state *s, const uint8_t *from) {
  uint32_t w[16];
  for (int i = 0; i < 16; i++) w[i] = load_big_endian(from + 4 * i);
  vrx_sha256_compress(s, w);
}

/* The last block of SHA-256 of a message that fills its blocks before. */
static void padding_of(uint32_t message_bytes, uint8_t block[VRX_SHA256_BLOCK]) {
  uint32_t bits = message_bytes * 8;
  memset(block, 0, VRX_SHA256_BLOCK);
  block[0] = 0x80;
  for (int i = 0; i < 4; i++) block[63 - i] = (uint8_t)(bits >> (8 * i));
}

static void hash_portable(const vrx_sha256_state *start, uint32_t message_bytes, const uint8_t *blocks, size_t count,
                          uint8_t *digests) {
  uint8_t padding[VRX_SHA256_BLOCK];
  padding_of(message_bytes, padding);
  for (size_t i = 0; i < count; i++, blocks += VRX_TREE_BLOCK, digests += VRX_TREE_DIGEST) {
    vrx_sha256_state s = *start;
    for (int j = 0; j < VRX_TREE_BLOCK; j += VRX_SHA256_BLOCK) compress_bytes(&s, blocks + j);
    compress_bytes(&s, padding);
    store_state(&s, digests);
  }
}

#if defined(__x86_64__) || defined(__aarch64__)
#define VRX_CONSTANT(t, k) k,
static const uint32_t constants[64] __attribute__((aligned(16))) = {VRX_SHA256_ROUNDS(VRX_CONSTANT)};
#undef VRX_CONSTANT
#endif

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define SHA_NI __attribute__((target("sha,sse4.1,ssse3")))
/* How many blocks go through the rounds together: one alone waits for the latency of each instruction. */
enum { LANES = 2 };

typedef struct {
  __m128i abef, cdgh;
} ni_state;

/* One block of each lane. Written out lane by lane within each step, so that their instructions alternate. */
SHA_NI static inline __attribute__((always_inline)) void ni_compress(ni_state state[LANES], const uint8_t *from[LANES]) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  __m128i w[LANES][4], abef[LANES], cdgh[LANES];
  for (int l = 0; l < LANES; l++) {
    abef[l] = state[l].abef;
    cdgh[l] = state[l].cdgh;
    for (int i = 0; i < 4; i++)
      w[l][i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(from[l] + 16 * i)), swap);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) {
    const __m128i k = _mm_load_si128((const __m128i *)(const void *)(constants + 4 * i));
#pragma GCC unroll 2
    for (int l = 0; l < LANES; l++) {
      __m128i words = _mm_add_epi32(w[l][i & 3], k);
      cdgh[l] = _mm_sha256rnds2_epu32(cdgh[l], abef[l], words);
      if (i < 12) {
        __m128i next = _mm_sha256msg1_epu32(w[l][i & 3], w[l][(i + 1) & 3]);
        next = _mm_add_epi32(next, _mm_alignr_epi8(w[l][(i + 3) & 3], w[l][(i + 2) & 3], 4));
        w[l][i & 3] = _mm_sha256msg2_epu32(next, w[l][(i + 3) & 3]);
      }
      abef[l] = _mm_sha256rnds2_epu32(abef[l], cdgh[l], _mm_shuffle_epi32(words, 0x0e));
    }
  }
  for (int l = 0; l < LANES; l++) {
    state[l].abef = _mm_add_epi32(state[l].abef, abef[l]);
    state[l].cdgh = _mm_add_epi32(state[l].cdgh, cdgh[l]);
  }
}

SHA_NI static void ni_store(const ni_state *state, uint8_t *to) {
  uint32_t abef[4], cdgh[4];
  _mm_storeu_si128((__m128i *)(void *)abef, state->abef);
  _mm_storeu_si128((__m128i *)(void *)cdgh, state->cdgh);
  vrx_sha256_state s = {{abef[3], abef[2], cdgh[3], cdgh[2], abef[1], abef[0], cdgh[1], cdgh[0]}};
  store_state(&s, to);
}

SHA_NI static void hash_ni(const vrx_sha256_state *start, uint32_t message_bytes, const uint8_t *blocks, size_t count,
                           uint8_t *digests) {
  uint8_t padding[VRX_SHA256_BLOCK];
  const uint32_t *h = start->word;
  const ni_state begin = {_mm_set_epi32((int)h[0], (int)h[1], (int)h[4], (int)h[5]),
                          _mm_set_epi32((int)h[2], (int)h[3], (int)h[6], (int)h[7])};
  const uint8_t *pad[LANES] = {padding, padding};
  padding_of(message_bytes, padding);
  for (size_t i = 0; i < count; i += LANES) {
    /* An odd last block goes through both lanes. */
    size_t second = i + 1 < count ? i + 1 : i;
    ni_state state[LANES] = {begin, begin};
    const uint8_t *from[LANES] = {blocks + i * VRX_TREE_BLOCK, blocks + second * VRX_TREE_BLOCK};
    for (int j = 0; j < VRX_TREE_BLOCK / VRX_SHA256_BLOCK; j++) {
      ni_compress(state, from);
      for (int l = 0; l < LANES; l++) from[l] += VRX_SHA256_BLOCK;
    }
    ni_compress(state, pad);
    ni_store(&state[0], digests + i * VRX_TREE_DIGEST);
    ni_store(&state[1], digests + second * VRX_TREE_DIGEST);
  }
}

static bool has_hardware(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_SSSE3) == 0 || (c & bit_SSE4_1) == 0) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & (1u << 29)) != 0;
}
#define VRX_HARDWARE_NAME "sha-ni"
#define VRX_HARDWARE hash_ni

#elif defined(__aarch64__)
#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__clang__)
#define SHA2 __attribute__((target("sha2")))
#else
#define SHA2 __attribute__((target("+crypto")))
#endif
enum { LANES = 2 };

SHA2 static inline __attribute__((always_inline)) void sha2_compress(uint32x4_t abcd[LANES], uint32x4_t efgh[LANES],
                                                                     const uint8_t *from[LANES]) {
  uint32x4_t w[LANES][4], before_abcd[LANES], before_efgh[LANES];
  for (int l = 0; l < LANES; l++) {
    before_abcd[l] = abcd[l];
    before_efgh[l] = efgh[l];
    for (int i = 0; i < 4; i++) w[l][i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(from[l] + 16 * i)));
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) {
    const uint32x4_t k = vld1q_u32(constants + 4 * i);
#pragma GCC unroll 2
    for (int l = 0; l < LANES; l++) {
      uint32x4_t words = vaddq_u32(w[l][i & 3], k), old = abcd[l];
      if (i < 12)
        w[l][i & 3] = vsha256su1q_u32(vsha256su0q_u32(w[l][i & 3], w[l][(i + 1) & 3]), w[l][(i + 2) & 3], w[l][(i + 3) & 3]);
      abcd[l] = vsha256hq_u32(abcd[l], efgh[l], words);
      efgh[l] = vsha256h2q_u32(efgh[l], old, words);
    }
  }
  for (int l = 0; l < LANES; l++) {
    abcd[l] = vaddq_u32(abcd[l], before_abcd[l]);
    efgh[l] = vaddq_u32(efgh[l], before_efgh[l]);
  }
}

SHA2 static void hash_sha2(const vrx_sha256_state *start, uint32_t message_bytes, const uint8_t *blocks, size_t count,
                           uint8_t *digests) {
  uint8_t padding[VRX_SHA256_BLOCK];
  const uint8_t *pad[LANES] = {padding, padding};
  padding_of(message_bytes, padding);
  for (size_t i = 0; i < count; i += LANES) {
    size_t second = i + 1 < count ? i + 1 : i;
    uint32x4_t abcd[LANES], efgh[LANES];
    const uint8_t *from[LANES] = {blocks + i * VRX_TREE_BLOCK, blocks + second * VRX_TREE_BLOCK};
    for (int l = 0; l < LANES; l++) {
      abcd[l] = vld1q_u32(start->word);
      efgh[l] = vld1q_u32(start->word + 4);
    }
    for (int j = 0; j < VRX_TREE_BLOCK / VRX_SHA256_BLOCK; j++) {
      sha2_compress(abcd, efgh, from);
      for (int l = 0; l < LANES; l++) from[l] += VRX_SHA256_BLOCK;
    }
    sha2_compress(abcd, efgh, pad);
    for (int l = 0; l < LANES; l++) {
      vrx_sha256_state s;
      vst1q_u32(s.word, abcd[l]);
      vst1q_u32(s.word + 4, efgh[l]);
      store_state(&s, digests + (l == 0 ? i : second) * VRX_TREE_DIGEST);
    }
  }
}

static bool has_hardware(void) {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & (1ul << 6)) != 0; /* HWCAP_SHA2 */
#else
  return true; /* every 64-bit Apple processor */
#endif
}
#define VRX_HARDWARE_NAME "armv8-sha2"
#define VRX_HARDWARE hash_sha2
#endif

static hash_blocks *_Atomic chosen;

const char *const *vrx_tree_methods(void) {
#if defined(VRX_HARDWARE)
  static const char *const both[] = {VRX_HARDWARE_NAME, "portable", NULL};
  return has_hardware() ? both : both + 1;
#else
  static const char *const one[] = {"portable", NULL};
  return one;
#endif
}

int vrx_tree_use(const char *method) {
  for (const char *const *known = vrx_tree_methods(); *known != NULL; known++) {
    if (strcmp(*known, method) != 0) continue;
#if defined(VRX_HARDWARE)
    chosen = strcmp(method, "portable") == 0 ? hash_portable : VRX_HARDWARE;
#else
    chosen = hash_portable;
#endif
    return 1;
  }
  return 0;
}

typedef struct {
  const vrx_tree_source *source;
  const _Atomic int32_t *cancel;
  hash_blocks *hash;
  vrx_sha256_state start;
  uint32_t message_bytes;
  uint64_t blocks, items;
  uint8_t *above; /* of one item: the digest of the block that its digests make; of a single block: its digest */
  _Atomic uint64_t next;
  _Atomic int result, error;
} tree;

static void fail(tree *t, vrx_tree_result result, int error) {
  int none = VRX_TREE_OK;
  if (atomic_compare_exchange_strong(&t->result, &none, (int)result)) t->error = error;
}

/* Fills `to` with `count` bytes of the source. */
static bool read_source(tree *t, uint8_t *to, uint64_t offset, size_t count) {
  while (count > 0) {
    ssize_t got = pread(t->source->descriptor, to, count, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      fail(t, got == 0 ? VRX_TREE_SHORT_FILE : VRX_TREE_READ_FAILED, got == 0 ? 0 : errno);
      return false;
    }
    to += got;
    offset += (uint64_t)got;
    count -= (size_t)got;
  }
  return true;
}

static void hash_item(tree *t, uint64_t item, uint8_t *buffer, uint8_t *digests) {
  uint64_t offset = item * ITEM, left = t->source->bytes - offset;
  size_t bytes = left < ITEM ? (size_t)left : ITEM;
  size_t whole = bytes / VRX_TREE_BLOCK, rest = bytes % VRX_TREE_BLOCK;
  const uint8_t *from = buffer;
  if (t->source->memory == NULL) {
    if (!read_source(t, buffer, offset, bytes)) return;
  } else {
    from = t->source->memory + offset;
  }
  memset(digests, 0, VRX_TREE_BLOCK);
  t->hash(&t->start, t->message_bytes, from, whole, digests);
  if (rest > 0) {
    uint8_t last[VRX_TREE_BLOCK] = {0};
    memcpy(last, from + whole * VRX_TREE_BLOCK, rest);
    t->hash(&t->start, t->message_bytes, last, 1, digests + whole * VRX_TREE_DIGEST);
  }
  uint8_t *to = t->above + item * VRX_TREE_DIGEST;
  if (t->blocks == 1)
    memcpy(to, digests, VRX_TREE_DIGEST);
  else
    t->hash(&t->start, t->message_bytes, digests, 1, to);
}

static void *work(void *argument) {
  tree *t = argument;
  uint8_t *buffer = malloc(ITEM + VRX_TREE_BLOCK);
  if (buffer == NULL) {
    fail(t, VRX_TREE_OUT_OF_MEMORY, 0);
    return NULL;
  }
  while (t->result == VRX_TREE_OK) {
    if (t->cancel != NULL && *t->cancel != 0) {
      fail(t, VRX_TREE_CANCELLED, 0);
      break;
    }
    uint64_t item = t->next++;
    if (item >= t->items) break;
    hash_item(t, item, buffer, buffer + ITEM);
  }
  free(buffer);
  return NULL;
}

/* The levels above the items; a hundred-thousandth of the work, done where the digests lie. */
static void hash_levels(tree *t, uint8_t root[VRX_TREE_DIGEST]) {
  uint64_t count = t->items;
  while (count > 1) {
    uint64_t blocks = (count + FANOUT - 1) / FANOUT;
    memset(t->above + count * VRX_TREE_DIGEST, 0, (size_t)((blocks * FANOUT - count) * VRX_TREE_DIGEST));
    /* A block's digest lands before the blocks that are still to be read. */
    for (uint64_t i = 0; i < blocks; i++) {
      uint8_t digest[VRX_TREE_DIGEST];
      t->hash(&t->start, t->message_bytes, t->above + i * VRX_TREE_BLOCK, 1, digest);
      memcpy(t->above + i * VRX_TREE_DIGEST, digest, VRX_TREE_DIGEST);
    }
    count = blocks;
  }
  memcpy(root, t->above, VRX_TREE_DIGEST);
}

vrx_tree_result vrx_tree_root(const vrx_tree_source *source, const uint8_t *salt, size_t salt_bytes, unsigned threads,
                              const _Atomic int32_t *cancel, uint8_t root[VRX_TREE_DIGEST], int *error) {
  if (chosen == NULL) vrx_tree_use(vrx_tree_methods()[0]);
  memset(root, 0, VRX_TREE_DIGEST);
  if (source->bytes == 0) return VRX_TREE_OK;
  tree t = {.source = source, .cancel = cancel, .hash = chosen, .start = vrx_sha256_begin()};
  t.message_bytes = VRX_TREE_BLOCK;
  if (salt_bytes > 0) {
    uint8_t padded[VRX_SHA256_BLOCK] = {0};
    memcpy(padded, salt, salt_bytes);
    compress_bytes(&t.start, padded);
    t.message_bytes += VRX_SHA256_BLOCK;
  }
  t.blocks = (source->bytes + VRX_TREE_BLOCK - 1) / VRX_TREE_BLOCK;
  t.items = (source->bytes + ITEM - 1) / ITEM;
  t.above = malloc((size_t)((t.items + FANOUT) / FANOUT * VRX_TREE_BLOCK + VRX_TREE_BLOCK));
  if (t.above == NULL) return VRX_TREE_OUT_OF_MEMORY;

  if (threads > t.items) threads = (unsigned)t.items;
  unsigned helpers = threads > 1 ? threads - 1 : 0, started = 0;
  pthread_t *members = helpers > 0 ? malloc(helpers * sizeof *members) : NULL;
  /* With fewer threads than asked for it only takes longer. */
  while (members != NULL && started < helpers && pthread_create(&members[started], NULL, work, &t) == 0) started++;
  work(&t);
  for (unsigned i = 0; i < started; i++) pthread_join(members[i], NULL);
  free(members);
  if (t.result == VRX_TREE_OK) hash_levels(&t, root);
  if (error != NULL) *error = t.error;
  free(t.above);
  return (vrx_tree_result)t.result;
}
