// SPDX-License-Identifier: Apache-2.0
// Included once per tier, after that tier's vector vocabulary, with KERNELS defined as the name of its table: it
// compiles the kernels, which are written once, for the tier. The table is constant data, not filled in by a function:
// such a function would be compiled for the tier too, and could not run before the CPU is known to have it.
#include "cpu/kernels/blocks.h"
#include "cpu/kernels/convert.h"
#include "cpu/kernels/decode.h"
#include "cpu/kernels/gather.h"
#include "cpu/kernels/gelu.h"
#include "cpu/kernels/halves.h"
#include "cpu/kernels/integers.h"
#include "cpu/kernels/kernels.h"
#include "cpu/kernels/multiply.h"
#include "cpu/kernels/multiply_guarded.h"
#include "cpu/kernels/norm.h"
#include "cpu/kernels/pack.h"
#include "cpu/kernels/quantise.h"
#include "cpu/kernels/rope.h"
#include "cpu/kernels/scores.h"
#include "cpu/kernels/softmax.h"
#include "cpu/kernels/softmax_rows.h"
#include "cpu/kernels/tiers.h"
#include "cpu/kernels/tile.h"
#include "cpu/kernels/total.h"

#ifndef MULTIPLY_STRIP
#define MULTIPLY_STRIP NULL
#define MULTIPLY_LINES NULL
#endif

#ifdef QUARTERS
#include "cpu/kernels/dots_quarters.h"
#include "cpu/kernels/gather_quarters.h"
#define QUARTER_KERNELS                                                                                \
  {                                                                                                    \
    .dots_f32 = dots_quarters_f32, .dots_f16 = dots_quarters_f16, .dots_bf16 = dots_quarters_bf16,     \
    .dots_i8 = dots_quarters_i8, .gather_f32 = gather_quarters_f32, .gather_f16 = gather_quarters_f16, \
    .gather_bf16 = gather_quarters_bf16, .gather_i8 = gather_quarters_i8                               \
  }
#else
#define QUARTER_KERNELS \
  { .dots_f32 = NULL }
#endif

_Static_assert(RAPT_SCORE_MULTIPLE % V_LANES == 0, "a decode score row is whole vectors");
_Static_assert(PANEL_WIDTH <= RAPT_MAX_PANEL_WIDTH && TILE_ROWS <= RAPT_MAX_TILE_ROWS, "bounds of the framework");
_Static_assert(PANEL_WIDTH % V_LANES == 0, "threads pack neighbouring pieces of a panel, which must not spill");
_Static_assert(TILE_ROWS <= V_LANES, "pack spills forward only");
_Static_assert(V_LANES <= RAPT_PACK_SLACK, "slack behind a packed block");

#define DECODE_KERNELS(reading)                                                                           \
  {                                                                                                       \
    .dots_f32 = dots_f32_##reading, .dots_f16 = dots_f16_##reading, .dots_bf16 = dots_bf16_##reading,     \
    .dots_i8 = dots_i8_##reading, .gather_f32 = gather_f32_##reading, .gather_f16 = gather_f16_##reading, \
    .gather_bf16 = gather_bf16_##reading, .gather_i8 = gather_i8_##reading                                \
  }

const rapt_kernels KERNELS = {
    .tile_rows = TILE_ROWS,
    .lanes = V_LANES,
    .panel_width = PANEL_WIDTH,
    .pack = pack,
    .unpack = unpack,
    .multiply = multiply,
    .multiply_strip = MULTIPLY_STRIP,
    .multiply_lines = MULTIPLY_LINES,
    .multiply_guarded = multiply_guarded,
    .softmax = softmax,
    .multiply_and_weigh = multiply_and_weigh,
    .add_to_total = add_to_total,
    .scale = scale_scores,
    .softcap = softcap,
    .add_bias = add_bias,
    .alibi = alibi,
    .restrict_keys = restrict_keys,
    .mask_to_bias = mask_to_bias,
    .weigh = weigh,
    .all_finite = all_finite,
    .widen_f16 = widen_f16,
    .widen_bf16 = widen_bf16,
    .narrow_f16 = narrow_f16,
    .narrow_bf16 = narrow_bf16,
    .widen_i8 = widen_i8,
    .largest = largest,
    .narrow_i8 = narrow_i8,
    .multiply_f16 = multiply_f16,
    .multiply_bf16 = multiply_bf16,
    .widen_bf16_pairs = widen_bf16_pairs,
    .multiply_q8_0 = multiply_q8_0,
    .multiply_q4_0 = multiply_q4_0,
    .widen_q8_0 = widen_q8_0,
    .widen_q4_0 = widen_q4_0,
    .multiply_i8 = multiply_i8,
    .widen_i8_panel = widen_i8_panel,
    .integers = {.multiply = INTEGER_KERNELS},
    .quantise = quantise,
    .softmax_rows = softmax_rows,
    .scale_keys = scale_keys,
    .decode = {[RAPT_READING_PREFETCH] = DECODE_KERNELS(prefetch), [RAPT_READING_STREAMS] = DECODE_KERNELS(streams)},
    .quarters = QUARTER_KERNELS,
    .rotate = rotate,
    .rotate_f16 = rotate_f16,
    .rotate_bf16 = rotate_bf16,
    .gelu = gelu,
    .norm = norm,
};
