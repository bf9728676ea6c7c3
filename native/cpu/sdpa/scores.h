// SPDX-License-Identifier: Apache-2.0
// From dot products to the scores that the softmax takes, for both paths: scale, softcap, bias and ALiBi, hidden keys.
// The weights output is written on the way.
#ifndef RAPT_CPU_SDPA_SCORES_H
#define RAPT_CPU_SDPA_SCORES_H

#include "base/arena.h"
#include "cpu/sdpa/bias.h"
#include "cpu/sdpa/visibility.h"

// Lays out scratch for rapt_sdpa_transform_scores of up to `keys` keys by `width` lanes. Rows of the bias and of the
// weights output share a buffer, unless the latter are kept.
void rapt_sdpa_scores_lay(rapt_arena *arena, const rapt_sdpa_problem *problem, int64_t keys, int64_t width,
                          rapt_sdpa_bias_scratch *scratch);

// Whether rapt_sdpa_transform_scores has nothing to do for these keys.
int rapt_sdpa_scores_are_bare(const rapt_sdpa_problem *problem, const rapt_sdpa_visibility *visibility, int64_t j,
                              int64_t keys);

// Transforms scores[key][lane] of keys j .. j + keys.
void rapt_sdpa_transform_scores(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                                const rapt_sdpa_visibility *visibility, int64_t j, int64_t keys,
                                const rapt_sdpa_bias_scratch *scratch, float *scores);

// The same for scores[row * stride + key], without a weights output; staged holds `keys` floats. Up to
// RAPT_SCORE_MULTIPLE - 1 floats behind a row's keys may be overwritten.
void rapt_sdpa_transform_rows(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                              const rapt_sdpa_visibility *visibility, int64_t j, int64_t keys, int64_t stride,
                              float *staged, float *scores);

#endif
