/*
 * The tree hash's kernel on the fake driver, over ranges of every kind of edge: usage: tree-kernel LIBRARY IMAGE. For the
 * sanitizers, which see every access of a kernel that is compiled for the host; digests are compared with the CPU's.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "cuda_types.h"
#include "sha256.h"

static void *library;

template <class... A>
static void call(const char *name, A... arguments) {
  void *found = dlsym(library, name);
  int result = found == nullptr ? -1 : reinterpret_cast<int (*)(A...)>(found)(arguments...);
  if (result == 0) return;
  printf("%s: %d\n", name, result);
  exit(1);
}

static CUdeviceptr upload(const void *from, size_t bytes) {
  CUdeviceptr address = 0;
  call("cuMemAlloc_v2", &address, bytes);
  call("cuMemcpyHtoD_v2", address, from, bytes);
  return address;
}

/* One block on the CPU, padded with zeros. */
static void expected(const uint8_t *from, size_t bytes, uint8_t digest[32]) {
  vrx_sha256_state s = vrx_sha256_begin();
  for (size_t at = 0; at <= VRX_TREE_BLOCK; at += 64) {
    uint32_t w[16] = {0};
    for (size_t i = 0; i < 64 && at < VRX_TREE_BLOCK; i++)
      w[i / 4] = w[i / 4] << 8 | (at + i < bytes ? from[at + i] : 0u);
    if (at == VRX_TREE_BLOCK) {
      w[0] = 0x80000000u;
      w[15] = VRX_TREE_BLOCK * 8;
    }
    vrx_sha256_compress(&s, w);
  }
  for (int i = 0; i < 32; i++) digest[i] = static_cast<uint8_t>(s.word[i / 4] >> (24 - 8 * (i % 4)));
}

int main(int count, char **arguments) {
  std::vector<char> image;
  FILE *file = count > 2 ? fopen(arguments[2], "rb") : nullptr;
  if (file == nullptr || (library = dlopen(arguments[1], RTLD_NOW)) == nullptr) return 2;
  for (int byte = fgetc(file); byte != EOF; byte = fgetc(file)) image.push_back(static_cast<char>(byte));
  fclose(file);

  CUcontext context;
  CUmodule module;
  CUfunction kernel;
  call("cuInit", 0u);
  call("cuDevicePrimaryCtxRetain", &context, 0);
  call("cuCtxSetCurrent", context);
  call("cuModuleLoadData", &module, static_cast<const void *>(image.data()));
  call("cuModuleGetFunction", &kernel, module, "vrx_tree_leaves");

  std::vector<uint8_t> bytes(60000);
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
  struct {
    uint64_t offset, bytes, first_leaf, digest_offset;
  } ranges[] = {{0, 8192, 0, 0}, {1, 4096, 2, 64}, {5000, 1, 3, 96}, {16, 4097, 4, 128}, {55903, 4097, 6, 192}};
  uint32_t range_count = 5, none = 0, block = VRX_TREE_BLOCK;
  uint64_t leaves = 8;
  static const uint8_t initial[32] = {0x6a, 0x09, 0xe6, 0x67, 0xbb, 0x67, 0xae, 0x85, 0x3c, 0x6e, 0xf3, 0x72, 0xa5, 0x4f, 0xf5, 0x3a,
                                      0x51, 0x0e, 0x52, 0x7f, 0x9b, 0x05, 0x68, 0x8c, 0x1f, 0x83, 0xd9, 0xab, 0x5b, 0xe0, 0xcd, 0x19};
  std::vector<uint8_t> digests(256);
  CUdeviceptr data = upload(bytes.data(), bytes.size()), table = upload(ranges, sizeof ranges), start = upload(initial, 32);
  CUdeviceptr out = upload(digests.data(), digests.size()), chosen = 0;
  void *parameters[] = {&data, &table, &range_count, &chosen, &none, &leaves, &start, &block, &block, &out};
  call("cuLaunchKernel", kernel, 1u, 1u, 1u, 128u, 1u, 1u, 0u, static_cast<CUstream>(nullptr), parameters, static_cast<void **>(nullptr));
  call("cuMemcpyDtoH_v2", static_cast<void *>(digests.data()), out, digests.size());
  int wrong = 0;
  for (auto &range : ranges)
    for (uint64_t at = 0; at < range.bytes; at += VRX_TREE_BLOCK) {
      uint8_t digest[32];
      expected(bytes.data() + range.offset + at, range.bytes - at, digest);
      wrong += memcmp(digest, digests.data() + range.digest_offset + at / VRX_TREE_BLOCK * 32, 32) != 0;
    }
  call("cuDevicePrimaryCtxRelease_v2", 0);
  printf("%d of 8 digests are wrong\n", wrong);
  return wrong;
}
