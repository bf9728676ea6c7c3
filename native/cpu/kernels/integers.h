// SPDX-License-Identifier: Apache-2.0
// Products in integers: weights of 8 or 4 bits times inputs of 8 bits, 32 at a time. A block's sum is exact, so that
// every way of making it gives the same bits; only what follows is rounded, in the order of the blocks. The weights of
// a block are made ready once, in registers, and all rows of input pass by: the sums of the rows stay in L1.
//
// How four neighbours are multiplied and added is the vocabulary of bytes_*.h:
//
//   vq                     four neighbouring weights of a feature in each lane
//   q_bytes(w)             of words of bytes that hold a weight plus 128 each
//   q_low(w), q_high(w)    of words of bytes whose halves hold a weight plus 8 each
//   q_begin(kind, start)   a sum; start is that of the input's block
//   q_add(kind, sum, q, x) adds the products with four neighbours of the input at x
//   q_end(kind, sum, start) the sum as floats
#ifndef RAPT_CPU_KERNELS_INTEGERS_H
#define RAPT_CPU_KERNELS_INTEGERS_H

#include <stddef.h>

#include "cpu/kernels/kernels.h"
#include "cpu/kernels/tile.h"

// Neighbours in a word, and words of a block.
#define WORD_WEIGHTS 4
#define BLOCK_WORDS (RAPT_BLOCK / WORD_WEIGHTS)
#define CACHE_LINE 64
// Bytes that a panel is prefetched ahead: more than a block, less than a page.
#define INTEGERS_AHEAD 2048

ALWAYS_INLINE int64_t integer_scale_bytes(const int kind) {
  return kind == RAPT_INTEGERS_I8 ? 0 : PANEL_WIDTH * (int64_t)sizeof(uint16_t);
}

ALWAYS_INLINE int64_t integer_block_bytes(const int kind) {
  return integer_scale_bytes(kind) + PANEL_WIDTH * RAPT_BLOCK / (kind == RAPT_INTEGERS_Q4_0 ? 2 : 1);
}

// Word i of a block, for a vector of the panel.
ALWAYS_INLINE vw integer_words(const char *words, const int i, const int vector) {
  return v_load_words(words + (i * PANEL_WIDTH + vector * V_LANES) * (int64_t)sizeof(uint32_t));
}

// The weights of a block, for INTEGER_VECTORS vectors of the panel.
ALWAYS_INLINE void ready_weights(const int kind, const char *words, const int first,
                                 vq weight[BLOCK_WORDS][INTEGER_VECTORS]) {
#pragma GCC unroll 8
  for (int i = 0; i < BLOCK_WORDS; i++) {
#pragma GCC unroll 4
    for (int v = 0; v < INTEGER_VECTORS; v++) {
      if (kind == RAPT_INTEGERS_Q4_0) {
        vw w = integer_words(words, i % (BLOCK_WORDS / 2), first + v);
        weight[i][v] = i < BLOCK_WORDS / 2 ? q_low(w) : q_high(w);
      } else {
        weight[i][v] = q_bytes(integer_words(words, i, first + v));
      }
    }
  }
}

// Adds a block's products to the sums of every row.
ALWAYS_INLINE void add_integers(const int kind, const int first, const char *block, const float *scales, int64_t rows,
                                const rapt_input_block *input, float *sums) {
  vq weight[BLOCK_WORDS][INTEGER_VECTORS];
  vf scale[INTEGER_VECTORS];
#pragma GCC unroll 4
  for (int v = 0; v < INTEGER_VECTORS; v++) {
    int64_t at = (first + v) * V_LANES;
    scale[v] = kind == RAPT_INTEGERS_I8 ? v_load(scales + at) : v_load_f16((const uint16_t *)block + at);
  }
  ready_weights(kind, block + integer_scale_bytes(kind), first, weight);
  for (int64_t r = 0; r < rows; r++, input++, sums += PANEL_WIDTH) {
    vi sum[INTEGER_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < INTEGER_VECTORS; v++) sum[v] = q_begin(kind, input->start);
#pragma GCC unroll 8
    for (int i = 0; i < BLOCK_WORDS; i++) {
#pragma GCC unroll 4
      for (int v = 0; v < INTEGER_VECTORS; v++) {
        sum[v] = q_add(kind, sum[v], weight[i][v], input->number + i * WORD_WEIGHTS);
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < INTEGER_VECTORS; v++) {
      float *to = sums + (first + v) * V_LANES;
      // First the weights' scale: in f16 it cannot overflow on numbers of these sizes, and the header says from where
      // on that of i8 weights may.
      vf scaled = v_mul(q_end(kind, sum[v], input->start), scale[v]);
      v_store(to, v_fma(scaled, v_set1(input->scale), v_load(to)));
    }
  }
}

ALWAYS_INLINE void multiply_integers(const int kind, const rapt_integer_product *p) {
  const int64_t panel_bytes = p->blocks * integer_block_bytes(kind), panel_sums = p->rows * PANEL_WIDTH;
  const rapt_input_block *input = p->input;
  for (int64_t s = 0; s < p->panels; s++) {
    for (int64_t r = 0; r < p->rows; r++) {
      float *to = p->sums + s * panel_sums + r * PANEL_WIDTH;
      for (int v = 0; v < TILE_VECTORS; v++) v_store(to + v * V_LANES, v_load(p->lane + s * PANEL_WIDTH + v * V_LANES));
    }
  }
  for (int64_t n = 0; n < p->blocks; n++, input += p->rows) {
    const char *block = (const char *)p->panel + n * integer_block_bytes(kind);
    for (int64_t s = 0; s < p->panels; s++, block += panel_bytes) {
#pragma GCC unroll 1
      for (int64_t line = 0; line < integer_block_bytes(kind); line += CACHE_LINE) {
        __builtin_prefetch(block + INTEGERS_AHEAD + line);
      }
#pragma GCC unroll 4
      for (int v = 0; v < TILE_VECTORS; v += INTEGER_VECTORS) {
        add_integers(kind, v, block, kind == RAPT_INTEGERS_I8 ? p->scales + s * PANEL_WIDTH : NULL, p->rows, input,
                     p->sums + s * panel_sums);
      }
    }
  }
}

static void integers_q8_0(const rapt_integer_product *p) { multiply_integers(RAPT_INTEGERS_Q8_0, p); }
static void integers_q4_0(const rapt_integer_product *p) { multiply_integers(RAPT_INTEGERS_Q4_0, p); }
static void integers_i8(const rapt_integer_product *p) { multiply_integers(RAPT_INTEGERS_I8, p); }

#define INTEGER_KERNELS \
  { [RAPT_INTEGERS_Q8_0] = integers_q8_0, [RAPT_INTEGERS_Q4_0] = integers_q4_0, [RAPT_INTEGERS_I8] = integers_i8 }

#endif
