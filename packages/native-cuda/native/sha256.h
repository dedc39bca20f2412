/*
 * SHA-256 (FIPS 180-4): the compression function and the hash of one block of a tree. The one home of both for the GPU's
 * kernel and for the CPU where it has no instructions of its own for SHA-256; written so that either compiler makes the
 * best of it: straight-line code, rotations it has an instruction for, three-input logic.
 */
#ifndef VRX_SHA256_H
#define VRX_SHA256_H

#include <stdint.h>

#if defined(__CUDACC__)
#define VRX_SHA256_FUNCTION static __device__ __forceinline__
#define VRX_ROTATE_RIGHT(x, by) __funnelshift_r(x, x, by)
#else
#define VRX_SHA256_FUNCTION static inline
#define VRX_ROTATE_RIGHT(x, by) ((x) >> (by) | (x) << (32 - (by)))
#endif

/* Bytes of a block of the tree, and of the blocks that SHA-256 itself works on. */
#define VRX_TREE_BLOCK 4096
#define VRX_SHA256_BLOCK 64

/* The rounds with their constants: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
#define VRX_SHA256_ROUNDS(R)                                                                          \
  R(0, 0x428a2f98u) R(1, 0x71374491u) R(2, 0xb5c0fbcfu) R(3, 0xe9b5dba5u)                             \
  R(4, 0x3956c25bu) R(5, 0x59f111f1u) R(6, 0x923f82a4u) R(7, 0xab1c5ed5u)                             \
  R(8, 0xd807aa98u) R(9, 0x12835b01u) R(10, 0x243185beu) R(11, 0x550c7dc3u)                           \
  R(12, 0x72be5d74u) R(13, 0x80deb1feu) R(14, 0x9bdc06a7u) R(15, 0xc19bf174u)                         \
  R(16, 0xe49b69c1u) R(17, 0xefbe4786u) R(18, 0x0fc19dc6u) R(19, 0x240ca1ccu)                         \
  R(20, 0x2de92c6fu) R(21, 0x4a7484aau) R(22, 0x5cb0a9dcu) R(23, 0x76f988dau)                         \
  R(24, 0x983e5152u) R(25, 0xa831c66du) R(26, 0xb00327c8u) R(27, 0xbf597fc7u)                         \
  R(28, 0xc6e00bf3u) R(29, 0xd5a79147u) R(30, 0x06ca6351u) R(31, 0x14292967u)                         \
  R(32, 0x27b70a85u) R(33, 0x2e1b2138u) R(34, 0x4d2c6dfcu) R(35, 0x53380d13u)                         \
  R(36, 0x650a7354u) R(37, 0x766a0abbu) R(38, 0x81c2c92eu) R(39, 0x92722c85u)                         \
  R(40, 0xa2bfe8a1u) R(41, 0xa81a664bu) R(42, 0xc24b8b70u) R(43, 0xc76c51a3u)                         \
  R(44, 0xd192e819u) R(45, 0xd6990624u) R(46, 0xf40e3585u) R(47, 0x106aa070u)                         \
  R(48, 0x19a4c116u) R(49, 0x1e376c08u) R(50, 0x2748774cu) R(51, 0x34b0bcb5u)                         \
  R(52, 0x391c0cb3u) R(53, 0x4ed8aa4au) R(54, 0x5b9cca4fu) R(55, 0x682e6ff3u)                         \
  R(56, 0x748f82eeu) R(57, 0x78a5636fu) R(58, 0x84c87814u) R(59, 0x8cc70208u)                         \
  R(60, 0x90befffau) R(61, 0xa4506cebu) R(62, 0xbef9a3f7u) R(63, 0xc67178f2u)

typedef struct {
  uint32_t word[8];
} vrx_sha256_state;

VRX_SHA256_FUNCTION vrx_sha256_state vrx_sha256_begin(void) {
  vrx_sha256_state s = {{0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au, 0x510e527fu, 0x9b05688cu, 0x1f83d9abu,
                         0x5be0cd19u}};
  return s;
}

/*
 * One compression; `w` holds the block's 16 words as numbers and is used up. 14 operations a round and 10 for each of the
 * 48 later words, where additions take three operands and logic any function of three.
 */
VRX_SHA256_FUNCTION void vrx_sha256_compress(vrx_sha256_state *s, uint32_t w[16]) {
  uint32_t a = s->word[0], b = s->word[1], c = s->word[2], d = s->word[3];
  uint32_t e = s->word[4], f = s->word[5], g = s->word[6], h = s->word[7];
#define VRX_ROUND(t, k)                                                                                         \
  {                                                                                                             \
    if (t >= 16) {                                                                                              \
      uint32_t w15 = w[(t + 1) & 15], w2 = w[(t + 14) & 15];                                                    \
      w[t & 15] += (VRX_ROTATE_RIGHT(w15, 7) ^ VRX_ROTATE_RIGHT(w15, 18) ^ w15 >> 3) + w[(t + 9) & 15] +        \
                   (VRX_ROTATE_RIGHT(w2, 17) ^ VRX_ROTATE_RIGHT(w2, 19) ^ w2 >> 10);                            \
    }                                                                                                           \
    uint32_t t1 = h + (VRX_ROTATE_RIGHT(e, 6) ^ VRX_ROTATE_RIGHT(e, 11) ^ VRX_ROTATE_RIGHT(e, 25)) +            \
                  ((e & f) ^ (~e & g)) + (k + w[t & 15]);                                                       \
    uint32_t t2 = (VRX_ROTATE_RIGHT(a, 2) ^ VRX_ROTATE_RIGHT(a, 13) ^ VRX_ROTATE_RIGHT(a, 22)) +                \
                  ((a & b) ^ (a & c) ^ (b & c));                                                                \
    h = g;                                                                                                      \
    g = f;                                                                                                      \
    f = e;                                                                                                      \
    e = d + t1;                                                                                                 \
    d = c;                                                                                                      \
    c = b;                                                                                                      \
    b = a;                                                                                                      \
    a = t1 + t2;                                                                                                \
  }
  VRX_SHA256_ROUNDS(VRX_ROUND)
#undef VRX_ROUND
  s->word[0] += a;
  s->word[1] += b;
  s->word[2] += c;
  s->word[3] += d;
  s->word[4] += e;
  s->word[5] += f;
  s->word[6] += g;
  s->word[7] += h;
}

#endif
