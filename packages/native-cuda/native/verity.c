/*
 * measureVerity(descriptor) -> { status, errno, algorithm, digest, metadata }: what the kernel says of a file with
 * fs-verity. `algorithm` is the kernel's number (1: SHA-256), `digest` that of the file's descriptor, which covers size,
 * block size, salt and root; `metadata` is the descriptor itself, or null for a kernel before 5.12. `status` is
 * `measured`, `not_enabled`, `unsupported` (by the file system or the kernel), `failed` (with `errno`) or `not_linux`.
 *
 * The interface is https://docs.kernel.org/filesystems/fsverity.html. It is declared here since <linux/fsverity.h> is
 * older than the kernel on many systems.
 */
#include <errno.h>
#include <stdint.h>

#include "functions.h"

#ifdef __linux__
#include <sys/ioctl.h>

enum { DIGEST_MAX = 64, DESCRIPTOR_BYTES = 256, DESCRIPTOR_TYPE = 2 };

struct measurement {
  uint16_t algorithm;
  uint16_t size; /* in: room for the digest, out: its bytes */
  uint8_t digest[DIGEST_MAX];
};

struct metadata_request {
  uint64_t type, offset, length, buffer, reserved;
};

/* The size in the number is that of the header alone: the digest is a flexible member there. */
#define MEASURE _IOC(_IOC_READ | _IOC_WRITE, 'f', 134, 4)
#define READ_METADATA _IOC(_IOC_READ | _IOC_WRITE, 'f', 135, sizeof(struct metadata_request))

static const char *status_of(int error) {
  if (error == ENODATA) return "not_enabled";
  if (error == ENOTTY || error == EOPNOTSUPP) return "unsupported";
  return "failed";
}

/* The file's descriptor; NULL with nothing pending where the kernel does not give it. */
static napi_value read_metadata(napi_env env, int descriptor) {
  uint8_t bytes[DESCRIPTOR_BYTES];
  struct metadata_request request = {.type = DESCRIPTOR_TYPE, .length = sizeof bytes, .buffer = (uintptr_t)bytes};
  if (ioctl(descriptor, READ_METADATA, &request) != DESCRIPTOR_BYTES) return NULL;
  return vrx_copy_of(env, bytes, sizeof bytes);
}
#endif

napi_value vrx_measure_verity(napi_env env, napi_callback_info info) {
  napi_value argument, outcome, digest, metadata;
  int descriptor, error = 0;
  if (!vrx_arguments(env, info, 1, &argument) || !vrx_int(env, argument, "descriptor", &descriptor)) return NULL;
  TRY(napi_create_object(env, &outcome));
  TRY(napi_get_null(env, &digest));
  metadata = digest;
#ifdef __linux__
  struct measurement found = {.size = DIGEST_MAX};
  if (ioctl(descriptor, MEASURE, &found) != 0) error = errno;
  const char *status = error == 0 ? "measured" : status_of(error);
  if (error == 0) {
    napi_value bytes = read_metadata(env, descriptor);
    if (bytes != NULL) metadata = bytes;
    digest = vrx_copy_of(env, found.digest, found.size <= DIGEST_MAX ? found.size : DIGEST_MAX);
  }
  double algorithm = found.algorithm;
#else
  const char *status = "not_linux";
  double algorithm = 0;
#endif
  bool ok = digest != NULL && vrx_set_text(env, outcome, "status", status) && vrx_set_number(env, outcome, "errno", error) &&
            vrx_set_number(env, outcome, "algorithm", algorithm) && vrx_set(env, outcome, "digest", digest) &&
            vrx_set(env, outcome, "metadata", metadata);
  return ok ? outcome : vrx_unexpected(env);
}
