// SPDX-License-Identifier: Apache-2.0
// Parameter structs across versions: how a struct of another size than ours is read and written.
#ifndef RAPT_CALL_PARAMS_H
#define RAPT_CALL_PARAMS_H

#include <stddef.h>

#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

// Copies a caller's struct as this library knows it, in `size` bytes: fields that a shorter one lacks are zero, and a
// longer one's unknown tail must be zero. `name` is the struct's, for messages.
rapt_status rapt_read_struct(const void *from, void *to, size_t size, const char *name, rapt_error *error);

// Checks an output struct, before the work that fills it in.
rapt_status rapt_check_output(const void *out, const char *name, rapt_error *error);
// Copies what fits of `from`, `size` bytes with struct_size first, into an output struct; its own struct_size stays.
void rapt_write_struct(const void *from, size_t size, void *out);

#ifdef __cplusplus
}
#endif

#endif
