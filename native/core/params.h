// SPDX-License-Identifier: Apache-2.0
// Parameter structs across versions: how a struct of another size than ours is read and written.
#ifndef RAPT_CORE_PARAMS_H
#define RAPT_CORE_PARAMS_H

#include <stddef.h>

#include "rapt/rapt.h"

// Copies a caller's struct of `size` bytes as this library knows it. The caller's may be longer where its unknown tail
// is zero. `name` is the struct's, for messages.
rapt_status rapt_read_struct(const void *from, void *to, size_t size, const char *name, rapt_error *error);

// Checks an output struct before it is filled in: present, and at least `size` bytes.
rapt_status rapt_check_output(const void *out, size_t size, const char *name, rapt_error *error);

#endif
