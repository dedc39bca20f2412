/*
 * Preloaded, it is a kernel with fs-verity: every file has the digest, algorithm and descriptor that the environment
 * names (VERITY_ALGORITHM, VERITY_DIGEST and VERITY_DESCRIPTOR in hexadecimal digits; without the last the kernel is an
 * old one, which does not tell). VERITY_ERRNO makes it refuse.
 */
#include <errno.h>
#include <linux/fsverity.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t unhex(const char *text, unsigned char *to, size_t room) {
  size_t count = strlen(text) / 2;
  unsigned byte;
  for (size_t i = 0; i < count && i < room && sscanf(text + 2 * i, "%2x", &byte) == 1; i++) to[i] = (unsigned char)byte;
  return count;
}

static int measure(struct fsverity_digest *digest) {
  const char *refusal = getenv("VERITY_ERRNO");
  unsigned char bytes[64];
  if (refusal != NULL) {
    errno = atoi(refusal);
    return -1;
  }
  size_t count = unhex(getenv("VERITY_DIGEST"), bytes, sizeof bytes);
  if (digest->digest_size < count) {
    errno = EOVERFLOW;
    return -1;
  }
  digest->digest_algorithm = (unsigned short)atoi(getenv("VERITY_ALGORITHM"));
  digest->digest_size = (unsigned short)count;
  memcpy(digest->digest, bytes, count);
  return 0;
}

static int read_metadata(struct fsverity_read_metadata_arg *request) {
  const char *descriptor = getenv("VERITY_DESCRIPTOR");
  if (descriptor == NULL || request->metadata_type != FS_VERITY_METADATA_TYPE_DESCRIPTOR || request->offset != 0) {
    errno = ENOTTY;
    return -1;
  }
  return (int)unhex(descriptor, (unsigned char *)(size_t)request->buf_ptr, request->length);
}

int ioctl(int descriptor, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  if (request == FS_IOC_MEASURE_VERITY) return measure(argument);
  if (request == FS_IOC_READ_VERITY_METADATA) return read_metadata(argument);
  return (int)syscall(SYS_ioctl, descriptor, request, argument);
}
