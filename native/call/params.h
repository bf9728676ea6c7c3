// SPDX-License-Identifier: Apache-2.0
// Parameter structs across versions: how a struct of another size than ours is read and written.
#ifndef RAPT_CALL_PARAMS_H
#define RAPT_CALL_PARAMS_H

#include <stddef.h>

#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

// Copies a caller's struct into `size` bytes, as this library knows it. Fields that a shorter struct lacks become zero;
// the unknown tail of a longer one must be zero. Messages call the struct `name`.
rapt_status rapt_read_struct(const void *from, void *to, size_t size, const char *name, rapt_error *error);

// Checks an output struct, before the work that fills it in.
rapt_status rapt_check_output(const void *out, const char *name, rapt_error *error);
// Copies as much of `from` (`size` bytes, struct_size first) into an output struct as fits; out's struct_size stays.
void rapt_write_struct(const void *from, size_t size, void *out);

#ifdef __cplusplus
}
#endif

#endif
