// SPDX-License-Identifier: Apache-2.0
// Checks that every operation makes on its tensors and options, each failing with a sentence.
#ifndef RAPT_CALL_VALIDATE_H
#define RAPT_CALL_VALIDATE_H

#include "base/overlap.h"
#include "rapt/rapt.h"

// The largest dimension of any tensor: keeps products of two sizes inside int64.
#define RAPT_MAX_SIZE ((int64_t)1 << 40)
#define RAPT_MAX_HEAD_DIM 1024
#define RAPT_MAX_FEATURES ((int64_t)1 << 24)

// As a wanted dtype: f32, f16 or bf16.
#define RAPT_ANY_FLOAT 0
// As a wanted dtype: those, or i8.
#define RAPT_FLOAT_OR_I8 (-1)

rapt_status rapt_check_size(const char *name, int64_t value, int64_t least, int64_t most, rapt_error *error);

// A required tensor: present (unless empty), dtype, alignment, addressable; describes it in *view.
rapt_status rapt_check_tensor(const char *name, const rapt_tensor *tensor, int32_t dtype, int32_t rank,
                              const int64_t *size, rapt_view *view, rapt_error *error);

// The same for a tensor that may be absent, which passes.
rapt_status rapt_check_optional(const char *name, const rapt_tensor *tensor, int32_t dtype, int32_t rank,
                                const int64_t *size, rapt_view *view, rapt_error *error);

// That no written view shares memory with itself, another written one or a read one. Views without data are skipped.
rapt_status rapt_check_overlaps(const rapt_view *written, int32_t written_count, const rapt_view *read,
                                int32_t read_count, rapt_error *error);

// The CPU runs every call to its end.
rapt_status rapt_check_no_stream(const rapt_stream *stream, rapt_error *error);

// The scratch that a caller may bring: aligned, and of a size that is one.
rapt_status rapt_check_scratch(const void *scratch, int64_t size, rapt_error *error);

rapt_status rapt_check_options(const rapt_sdpa_options *options, rapt_error *error);

#endif
