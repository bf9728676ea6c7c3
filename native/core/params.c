// SPDX-License-Identifier: Apache-2.0
#include "core/params.h"

#include <inttypes.h>
#include <string.h>

#include "core/error.h"

// No struct will ever be this long; a larger struct_size is garbage and must not make us read far.
#define LONGEST_STRUCT 65536

static rapt_status check_size(const void *pointer, size_t size, const char *name, int64_t *actual, rapt_error *error) {
  if (pointer == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is NULL", name);
  if ((uintptr_t)pointer % sizeof(int64_t) != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is at %p, which is not aligned to 8 bytes", name, pointer);
  }
  memcpy(actual, pointer, sizeof *actual);
  if (*actual < (int64_t)size || *actual > LONGEST_STRUCT) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s.struct_size is %" PRId64 "; allowed are %zu to %d", name,
                     *actual, size, LONGEST_STRUCT);
  }
  return RAPT_OK;
}

rapt_status rapt_read_struct(const void *from, void *to, size_t size, const char *name, rapt_error *error) {
  int64_t actual = 0;
  rapt_status status = check_size(from, size, name, &actual, error);
  if (status != RAPT_OK) return status;
  const unsigned char *bytes = from;
  for (int64_t i = (int64_t)size; i < actual; i++) {
    if (bytes[i] != 0) {
      return rapt_fail(error, RAPT_UNSUPPORTED,
                       "%s has a non-zero byte at offset %" PRId64 ", beyond the %zu bytes that this library knows",
                       name, i, size);
    }
  }
  memcpy(to, from, size);
  return RAPT_OK;
}

rapt_status rapt_check_output(const void *out, size_t size, const char *name, rapt_error *error) {
  int64_t actual = 0;
  return check_size(out, size, name, &actual, error);
}
