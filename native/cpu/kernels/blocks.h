// SPDX-License-Identifier: Apache-2.0
// Products with weights that are kept as blocks. For few rows of input, which are bound by reading the weights, these
// are widened a block at a time; for many, a panel of floats is made of them, which multiply takes. A weight is its
// number times its scale in f32, which holds the product with the f16 scale of a block exactly and rounds that with the
// f32 scale of a feature; and the sums run along the depth as multiply's do. So the bits are those of multiply on the
// widened weights, whatever the number of rows.
#ifndef RAPT_CPU_KERNELS_BLOCKS_H
#define RAPT_CPU_KERNELS_BLOCKS_H

#include <stddef.h>

#include "cpu/kernels/kernels.h"
#include "cpu/kernels/multiply.h"
#include "cpu/kernels/tile.h"

// What a block holds, as a constant parameter, so that inlining leaves one kind of load: scales and numbers, or numbers
// alone, of features that have one scale each.
enum { AS_BYTES, AS_NIBBLES, AS_BYTES_ALONE };

// Steps of the depth that one word of nibbles holds. All kinds go in runs of as many.
#define RUN_STEPS 8
// Bytes that each panel is prefetched ahead of where it is read: the panels' streams are short, so that hardware
// prefetchers keep losing them.
#define BLOCKS_AHEAD 2048
#define LINE_BYTES 64

ALWAYS_INLINE int64_t run_bytes(const int kind) { return PANEL_WIDTH * RUN_STEPS / (kind == AS_NIBBLES ? 2 : 1); }
ALWAYS_INLINE int64_t scale_bytes(const int kind) {
  return kind == AS_BYTES_ALONE ? 0 : PANEL_WIDTH * (int64_t)sizeof(uint16_t);
}
ALWAYS_INLINE int64_t block_bytes(const int kind) {
  return scale_bytes(kind) + RAPT_BLOCK / RUN_STEPS * run_bytes(kind);
}

// Those of the v-th vector of the panel; `apart`: where they do not lie in the block.
ALWAYS_INLINE vf scale_at(const int kind, const char *block, const float *apart, const int v) {
  return kind == AS_BYTES_ALONE ? v_load(apart + v * V_LANES) : v_load_f16((const uint16_t *)block + v * V_LANES);
}

// A run's words, where it has nibbles.
ALWAYS_INLINE void load_words(const int kind, const char *run, vw words[TILE_VECTORS]) {
  if (kind != AS_NIBBLES) return;
#pragma GCC unroll 4
  for (int v = 0; v < TILE_VECTORS; v++) words[v] = v_load_words(run + v * V_LANES * (int64_t)sizeof(uint32_t));
}

// The numbers of a step of a run, for the v-th vector of the panel.
ALWAYS_INLINE vf number_at(const int kind, const char *run, const vw words[TILE_VECTORS], const int step, const int v) {
  if (kind == AS_NIBBLES) return v_nibble(words[v], step);
  return v_load_i8((const int8_t *)run + step * PANEL_WIDTH + v * V_LANES);
}

ALWAYS_INLINE void prefetch_run(const int kind, const char *run) {
#pragma GCC unroll 8
  for (int64_t ahead = 0; ahead < run_bytes(kind); ahead += LINE_BYTES) __builtin_prefetch(run + BLOCKS_AHEAD + ahead);
}

ALWAYS_INLINE void widen_block(const int kind, const char *block, const float *scales, float *to) {
  vf scale[TILE_VECTORS];
#pragma GCC unroll 4
  for (int v = 0; v < TILE_VECTORS; v++) scale[v] = scale_at(kind, block, scales, v);
  const char *run = block + scale_bytes(kind);
#pragma GCC unroll 1
  for (int64_t i = 0; i < RAPT_BLOCK / RUN_STEPS; i++, run += run_bytes(kind)) {
    vw words[TILE_VECTORS];
    prefetch_run(kind, run);
    load_words(kind, run, words);
#pragma GCC unroll 8
    for (int step = 0; step < RUN_STEPS; step++, to += PANEL_WIDTH) {
#pragma GCC unroll 4
      for (int v = 0; v < TILE_VECTORS; v++) {
        v_store(to + v * V_LANES, v_mul(number_at(kind, run, words, step, v), scale[v]));
      }
    }
  }
}

// Rows up to which a run's steps are unrolled, so that the shift to each nibble is a constant. With more, products hide
// what a loop costs, and code as long for every height would take longer to compile than the rest of the tier.
#define UNROLLED_ROWS 4

// Rows that share a pointer, so that pointers of many rows fit registers; base, base + stride and base + 2 * stride are
// addressing modes.
ALWAYS_INLINE int shared_rows(const int rows) { return rows <= 4 ? 1 : 3; }

typedef struct input_rows {
  const float *at[TILE_ROWS];
  int64_t row;
} input_rows;

// A step of a run: a column of weights times an element of each row.
ALWAYS_INLINE void add_step(const int rows, const vf number[TILE_VECTORS], const vf scale[TILE_VECTORS],
                            const input_rows *a, int64_t step, vf sum[BLOCK_ROWS][TILE_VECTORS]) {
  vf column[TILE_VECTORS];
#pragma GCC unroll 4
  for (int v = 0; v < TILE_VECTORS; v++) column[v] = v_mul(number[v], scale[v]);
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
    vf x = v_set1(a->at[r / shared_rows(rows)][r % shared_rows(rows) * a->row + step]);
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) sum[r][v] = v_fma(x, column[v], sum[r][v]);
  }
}

// A run of one panel times rows of input; everything stays in registers.
ALWAYS_INLINE void add_run(const int kind, const int rows, const char *run, const vf scale[TILE_VECTORS],
                           const input_rows *a, vf sum[BLOCK_ROWS][TILE_VECTORS]) {
  vw words[TILE_VECTORS];
  vf number[TILE_VECTORS];
  prefetch_run(kind, run);
  load_words(kind, run, words);
  if (rows <= UNROLLED_ROWS) {
#pragma GCC unroll 8
    for (int step = 0; step < RUN_STEPS; step++) {
#pragma GCC unroll 4
      for (int v = 0; v < TILE_VECTORS; v++) number[v] = number_at(kind, run, words, step, v);
      add_step(rows, number, scale, a, step, sum);
    }
    return;
  }
#pragma GCC unroll 1
  for (int step = 0; step < RUN_STEPS; step++, run += run_bytes(kind) / RUN_STEPS) {
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) {
      number[v] = number_at(kind, run, words, 0, v);
      if (kind == AS_NIBBLES) words[v] = v_next_nibble(words[v]);
    }
    add_step(rows, number, scale, a, step, sum);
  }
}

// The scales of a panel, where they do not lie in its blocks.
ALWAYS_INLINE const float *scales_of(const int kind, const rapt_block_product *p, const rapt_block_panel *panel) {
  return kind == AS_BYTES_ALONE ? p->scales + (panel - p->panel) * PANEL_WIDTH : NULL;
}

ALWAYS_INLINE const float *start_of(const rapt_block_product *p, const rapt_block_panel *panel, int64_t row) {
  return p->continues ? panel->c + row * panel->c_stride : panel->lane;
}

// Up to BLOCK_ROWS rows of `side` panels over the whole depth; rows and side are constants at every call.
ALWAYS_INLINE void multiply_side(const int kind, const int rows, const int side, const rapt_block_product *p,
                                 const rapt_block_panel *const *panels) {
  vf sum[RAPT_SIDE_PANELS][BLOCK_ROWS][TILE_VECTORS];
  const char *block[RAPT_SIDE_PANELS];
  input_rows a = {.row = p->a_row};
#pragma GCC unroll 16
  for (int r = 0; r < rows; r += shared_rows(rows)) a.at[r / shared_rows(rows)] = p->a + r * a.row;
#pragma GCC unroll 4
  for (int s = 0; s < side; s++) {
    block[s] = panels[s]->b;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
      for (int v = 0; v < TILE_VECTORS; v++) sum[s][r][v] = v_load(start_of(p, panels[s], r) + v * V_LANES);
    }
  }
  for (int64_t n = 0; n < p->blocks; n++) {
    vf scale[RAPT_SIDE_PANELS][TILE_VECTORS];
#pragma GCC unroll 4
    for (int s = 0; s < side; s++) {
#pragma GCC unroll 4
      for (int v = 0; v < TILE_VECTORS; v++) scale[s][v] = scale_at(kind, block[s], scales_of(kind, p, panels[s]), v);
      block[s] += scale_bytes(kind);
    }
#pragma GCC unroll 1
    for (int64_t i = 0; i < RAPT_BLOCK / RUN_STEPS; i++) {
#pragma GCC unroll 4
      for (int s = 0; s < side; s++) {
        add_run(kind, rows, block[s], scale[s], &a, sum[s]);
        block[s] += run_bytes(kind);
      }
#pragma GCC unroll 16
      for (int r = 0; r < rows; r += shared_rows(rows)) a.at[r / shared_rows(rows)] += RUN_STEPS;
    }
  }
#pragma GCC unroll 4
  for (int s = 0; s < side; s++) {
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
      for (int v = 0; v < TILE_VECTORS; v++) {
        v_store(panels[s]->c + r * panels[s]->c_stride + v * V_LANES, sum[s][r][v]);
      }
    }
  }
}

// More rows of one panel; rows is a constant at every call.
ALWAYS_INLINE void multiply_panel(const int kind, const int rows, const rapt_block_product *p,
                                  const rapt_block_panel *panel) {
  float widened[RAPT_BLOCK * PANEL_WIDTH] __attribute__((aligned(64)));
  vf sum[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) sum[r][v] = v_load(start_of(p, panel, r) + v * V_LANES);
  }
  const char *block = panel->b;
  const float *a = p->a;
  for (int64_t n = 0; n < p->blocks; n++, block += block_bytes(kind), a += RAPT_BLOCK) {
    widen_block(kind, block, scales_of(kind, p, panel), widened);
    accumulate(rows, RAPT_BLOCK, (left_side){a, p->a_row, 1}, widened, sum);
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < TILE_VECTORS; v++) v_store(panel->c + r * panel->c_stride + v * V_LANES, sum[r][v]);
  }
}

// With very few rows a panel has fewer sums than an FMA has stages, so that each would wait for the one before: then
// panels go side by side, and the last one beside itself where too few are left.
ALWAYS_INLINE void multiply_rows(const int kind, const int rows, const rapt_block_product *p) {
  const int side = SIDE_OF(rows, kind == AS_NIBBLES);
  for (int32_t n = 0; n < p->panels; n += side) {
    if (rows > BLOCK_ROWS) {
      multiply_panel(kind, rows, p, p->panel + n);
      continue;
    }
    const rapt_block_panel *panels[RAPT_SIDE_PANELS];
#pragma GCC unroll 4
    for (int s = 0; s < side; s++) panels[s] = p->panel + (n + s < p->panels ? n + s : p->panels - 1);
    multiply_side(kind, rows, side, p, panels);
  }
}

ALWAYS_INLINE void multiply_blocks(const int kind, const rapt_block_product *p) {
#define HEIGHT(n)              \
  case n:                      \
    multiply_rows(kind, n, p); \
    break;
  switch (p->rows) {
    EACH_HEIGHT(HEIGHT)
    default:
      break;
  }
#undef HEIGHT
}

static void multiply_q8_0(const rapt_block_product *p) { multiply_blocks(AS_BYTES, p); }
static void multiply_q4_0(const rapt_block_product *p) { multiply_blocks(AS_NIBBLES, p); }
static void multiply_i8(const rapt_block_product *p) { multiply_blocks(AS_BYTES_ALONE, p); }

ALWAYS_INLINE void widen_blocks(const int kind, int64_t blocks, const char *block, const float *scales, float *to) {
  for (int64_t n = 0; n < blocks; n++, block += block_bytes(kind), to += RAPT_BLOCK * PANEL_WIDTH) {
    widen_block(kind, block, scales, to);
  }
}

static void widen_q8_0(int64_t blocks, const void *b, float *to) { widen_blocks(AS_BYTES, blocks, b, NULL, to); }
static void widen_q4_0(int64_t blocks, const void *b, float *to) { widen_blocks(AS_NIBBLES, blocks, b, NULL, to); }
static void widen_i8_panel(int64_t blocks, const void *b, const float *scales, float *to) {
  widen_blocks(AS_BYTES_ALONE, blocks, b, scales, to);
}

#endif
