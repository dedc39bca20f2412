/*
 * Hashes memory of many sizes by every method and number of threads, and a file; all must agree. usage: tree-hash ROUNDS
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree_hash.h"

static uint32_t state = 1;
static uint32_t next(uint32_t below) {
  state = state * 1664525u + 1013904223u;
  return (uint32_t)(((uint64_t)state * below) >> 32);
}

int main(int count, char **arguments) {
  int rounds = count > 1 ? atoi(arguments[1]) : 10, compared = 0;
  enum { MOST = 5 << 20 };
  uint8_t *all = malloc(MOST), salt[VRX_TREE_SALT_MAX];
  FILE *file = tmpfile();
  if (all == NULL || file == NULL) return 2;
  for (size_t i = 0; i < MOST; i++) all[i] = (uint8_t)(next(256));
  if (fwrite(all, 1, MOST, file) != MOST || fflush(file) != 0) return 2;
  for (int round = 0; round < rounds; round++) {
    static const uint32_t edges[] = {0, 1, 4095, 4096, 4097, 8192, 524287, 524288, 524289, 1 << 20, MOST};
    uint32_t bytes = round < 11 ? edges[round] : next(MOST), salt_bytes = next(VRX_TREE_SALT_MAX + 1);
    for (size_t i = 0; i < sizeof salt; i++) salt[i] = (uint8_t)next(256);
    uint8_t first[VRX_TREE_DIGEST], root[VRX_TREE_DIGEST];
    bool known = false;
    /* A copy of exactly this size, so that a read behind its end is seen. */
    uint8_t *copy = malloc(bytes + 1u);
    if (copy == NULL) return 2;
    memcpy(copy, all, bytes);
    copy = realloc(copy, bytes > 0 ? bytes : 1u);
    for (const char *const *method = vrx_tree_methods(); *method != NULL; method++) {
      if (!vrx_tree_use(*method)) return 1;
      for (unsigned threads = 1; threads <= 3; threads++) {
        for (int from_file = 0; from_file < 2; from_file++) {
          vrx_tree_source source = {from_file ? NULL : copy, from_file ? fileno(file) : -1, bytes};
          if (vrx_tree_root(&source, salt, salt_bytes, threads, NULL, root, NULL) != VRX_TREE_OK) return 1;
          if (known && memcmp(first, root, sizeof root) != 0) {
            printf("%s, %u threads, %u bytes: another root\n", *method, threads, bytes);
            return 1;
          }
          memcpy(first, root, sizeof root);
          known = true;
          compared++;
        }
      }
    }
    free(copy);
  }
  int error = 0;
  _Atomic int32_t cancel = 1;
  uint8_t root[VRX_TREE_DIGEST];
  vrx_tree_source source = {all, -1, MOST};
  if (vrx_tree_root(&source, NULL, 0, 2, &cancel, root, &error) != VRX_TREE_CANCELLED) return 1;
  source = (vrx_tree_source){NULL, fileno(file), MOST + 1};
  if (vrx_tree_root(&source, NULL, 0, 2, NULL, root, &error) != VRX_TREE_SHORT_FILE) return 1;
  source.descriptor = 1000;
  if (vrx_tree_root(&source, NULL, 0, 2, NULL, root, &error) != VRX_TREE_READ_FAILED || error == 0) return 1;
  free(all);
  fclose(file);
  printf("%d roots agree\n", compared);
  return 0;
}
