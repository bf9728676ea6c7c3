// SPDX-License-Identifier: Apache-2.0
// Included once per tier, after that tier's vector vocabulary and with OVERWRITE naming its entry point: the same
// kernels, written once, in the tier's registers.
#include "core/kernels.h"
#include "cpu/convert.h"
#include "cpu/decode.h"
#include "cpu/multiply.h"
#include "cpu/multiply_guarded.h"
#include "cpu/pack.h"
#include "cpu/rope.h"
#include "cpu/scores.h"
#include "cpu/softmax.h"
#include "cpu/softmax_rows.h"
#include "cpu/tiers.h"
#include "cpu/tile.h"

_Static_assert(RAPT_SCORE_MULTIPLE % V_LANES == 0, "a decode score row is whole vectors");
_Static_assert(PANEL_WIDTH <= RAPT_MAX_PANEL_WIDTH && TILE_ROWS <= RAPT_MAX_TILE_ROWS, "bounds of the framework");
_Static_assert(TILE_ROWS <= V_LANES, "pack spills forward only");
_Static_assert(V_LANES <= RAPT_PACK_SLACK, "slack behind a packed block");

void OVERWRITE(rapt_kernels *table) {
  table->tile_rows = TILE_ROWS;
  table->lanes = V_LANES;
  table->panel_width = PANEL_WIDTH;
  table->pack = pack;
  table->unpack = unpack;
  table->multiply = multiply;
  table->multiply_guarded = multiply_guarded;
  table->softmax = softmax;
  table->multiply_and_weigh = multiply_and_weigh;
  table->scale = scale_scores;
  table->softcap = softcap;
  table->add_bias = add_bias;
  table->alibi = alibi;
  table->restrict_keys = restrict_keys;
  table->mask_to_bias = mask_to_bias;
  table->weigh = weigh;
  table->all_finite = all_finite;
  table->widen_f16 = widen_f16;
  table->widen_bf16 = widen_bf16;
  table->narrow_f16 = narrow_f16;
  table->narrow_bf16 = narrow_bf16;
  table->widen_i8 = widen_i8;
  table->softmax_rows = softmax_rows;
  table->scale_keys = scale_keys;
  table->dots_f32 = dots_f32;
  table->dots_f16 = dots_f16;
  table->dots_bf16 = dots_bf16;
  table->dots_i8 = dots_i8;
  table->gather_f32 = gather_f32;
  table->gather_f16 = gather_f16;
  table->gather_bf16 = gather_bf16;
  table->gather_i8 = gather_i8;
  table->rotate = rotate;
  table->rotate_f16 = rotate_f16;
  table->rotate_bf16 = rotate_bf16;
}
