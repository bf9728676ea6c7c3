// SPDX-License-Identifier: Apache-2.0
#include "call/params.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

// No struct will ever be this long; a larger struct_size is garbage, and reading so many bytes could fault.
#define LONGEST_STRUCT 65536

static rapt_status read_size(const void *pointer, const char *name, int64_t *size, rapt_error *error) {
  if (pointer == NULL) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is NULL", name);
  memcpy(size, pointer, sizeof *size);
  if (*size < (int64_t)sizeof *size || *size > LONGEST_STRUCT) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s.struct_size is %" PRId64 "; allowed: %zu to %d", name, *size,
                     sizeof *size, LONGEST_STRUCT);
  }
  return RAPT_OK;
}

rapt_status rapt_read_struct(const void *from, void *to, size_t size, const char *name, rapt_error *error) {
  int64_t actual = 0;
  rapt_status status = read_size(from, name, &actual, error);
  if (status != RAPT_OK) return status;
  const unsigned char *bytes = from;
  for (int64_t i = (int64_t)size; i < actual; i++) {
    if (bytes[i] != 0) {
      return rapt_fail(error, RAPT_UNSUPPORTED,
                       "%s has a non-zero byte at offset %" PRId64 ", beyond the %zu bytes that this library knows",
                       name, i, size);
    }
  }
  memset(to, 0, size);
  memcpy(to, from, (size_t)actual < size ? (size_t)actual : size);
  return RAPT_OK;
}

rapt_status rapt_check_output(const void *out, const char *name, rapt_error *error) {
  int64_t size = 0;
  return read_size(out, name, &size, error);
}

void rapt_write_struct(const void *from, size_t size, void *out) {
  int64_t actual;
  memcpy(&actual, out, sizeof actual);
  size_t end = (size_t)actual < size ? (size_t)actual : size;
  memcpy((unsigned char *)out + sizeof actual, (const unsigned char *)from + sizeof actual, end - sizeof actual);
}
