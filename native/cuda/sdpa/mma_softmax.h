// SPDX-License-Identifier: Apache-2.0
// Scores in a warp's registers: masks and options, then the online softmax.
#ifndef RAPT_CUDA_SDPA_MMA_SOFTMAX_H
#define RAPT_CUDA_SDPA_MMA_SOFTMAX_H

#include "cuda/gpu/mma_tile.h"
#include "cuda/sdpa/row.h"

namespace kernels {

// What is done to the scores of a tile before the softmax.
enum class tile_kind {
  // Nothing: every row sees every key.
  plain,
  // Keys are hidden from some rows by causality, window or the end of the keys.
  edge,
  // All options of the problem are applied.
  special
};

// All that kernels without options need of a row; row_state has it too.
struct edge_row {
  key_range range;
};

// Keys j .. j + KEYS (there are `keys` of them) of a block of 16 rows: hidden ones become -inf. The lane comes from
// outside, because the registers for what follows from it should not be taken where no edge is.
template <typename Row, int PARTS>
GPU_FUNCTION void hide_edges(const Row *rows, int lane, int64_t j, int keys, float (&score)[PARTS][4]) {
  GPU_UNROLL
  for (int half = 0; half < 2; half++) {
    key_range range = rows[(lane >> 2) + half * 8].range;
    // Relative to the tile, so that an int holds it.
    int first = range.first <= j ? 0 : range.first - j >= keys ? keys : static_cast<int>(range.first - j);
    int last = range.last <= j ? 0 : range.last - j >= keys ? keys : static_cast<int>(range.last - j);
    GPU_UNROLL
    for (int n = 0; n < PARTS; n++) {
      GPU_UNROLL
      for (int i = 0; i < 2; i++) {
        int k = n * 8 + (lane & 3) * 2 + i;
        if (k < first || k >= last) score[n][half * 2 + i] = lowest();
      }
    }
  }
}

// Which scores a tile holds: keys j .. j + keys of a sample.
struct tile_keys {
  int64_t batch;
  int64_t j;
  int keys;
};

// The same with every option. The scores pass through 16 rows of shared memory of the warp's own, so that the lanes of
// the warp work on one row at a time and read its mask and bias contiguously.
template <int PARTS>
GPU_FUNCTION void apply_options(const sdpa_problem &p, const row_state *rows, int row_count, const tile_keys &tile,
                                float *stage, float (&score)[PARTS][4], int part) {
  // Parts at a time: 32 keys.
  constexpr int parts = PARTS < 4 ? PARTS : 4, width = parts * 8;
  // No barrier is needed before: a thread overwrites only what it has read itself.
  GPU_UNROLL
  for (int n = 0; n < parts; n++) {
    GPU_UNROLL
    for (int i = 0; i < 4; i++) {
      stage[(result_row() + i / 2 * 8) * width + n * 8 + result_column() + i % 2] = score[part + n][i];
    }
  }
  gpu::warp_barrier();
  for (int i = gpu::lane(); i < 16 * width; i += gpu::warp_size) {
    int row = i / width, k = part * 8 + i % width;
    stage[i] =
        row < row_count && k < tile.keys ? final_score(p, rows[row], tile.batch, tile.j + k, stage[i], true) : lowest();
  }
  gpu::warp_barrier();
  GPU_UNROLL
  for (int n = 0; n < parts; n++) {
    GPU_UNROLL
    for (int i = 0; i < 4; i++) {
      score[part + n][i] = stage[(result_row() + i / 2 * 8) * width + n * 8 + result_column() + i % 2];
    }
  }
}

// Turns scores into weights relative to the row's maximum so far, and finds the factors that rescale the output so far
// to it. The states are those of a warp's rows: of each of the MT blocks of 16 rows a thread has two, 8 apart, with the
// sums over its own columns only until the end. HIDES: there may be hidden keys.
template <bool HIDES, int MT, int PARTS>
GPU_FUNCTION void softmax_tile(float to_exponent, float (&score)[MT][PARTS][4], softmax_state (&state)[MT][2],
                               float (&keep)[MT][2]) {
  GPU_UNROLL
  for (int t = 0; t < MT; t++) {
    GPU_UNROLL
    for (int half = 0; half < 2; half++) {
      float highest = lowest();
      GPU_UNROLL
      for (int n = 0; n < PARTS; n++) {
        // fmaxf may lose a NaN; the weight of that score, below, is NaN again.
        highest = fmaxf(highest, fmaxf(score[t][n][half * 2], score[t][n][half * 2 + 1]));
      }
      softmax_step step = raise_maximum<fast_power>(&state[t][half], row_maximum(highest), to_exponent);
      float sum = 0;
      GPU_UNROLL
      for (int n = 0; n < PARTS; n++) {
        GPU_UNROLL
        for (int i = half * 2; i < half * 2 + 2; i++) {
          score[t][n][i] = step_weight<fast_power, HIDES>(score[t][n][i], step, to_exponent);
          sum += score[t][n][i];
        }
      }
      add_weights(&state[t][half], step, sum);
      keep[t][half] = step.keep;
    }
  }
}

// Multiplies the output so far by its rows' factors: mostly 1, because maxima seldom move after the first tiles.
template <int MT, int OUTPUTS>
GPU_FUNCTION void rescale(const float (&keep)[MT][2], float (&output)[MT][OUTPUTS][4]) {
  bool moved = false;
  GPU_UNROLL
  for (int t = 0; t < MT; t++) moved = moved || keep[t][0] != 1 || keep[t][1] != 1;
  if (!moved) return;
  GPU_UNROLL
  for (int t = 0; t < MT; t++) {
    GPU_UNROLL
    for (int n = 0; n < OUTPUTS; n++) {
      GPU_UNROLL
      for (int i = 0; i < 4; i++) output[t][n][i] *= keep[t][i / 2];
    }
  }
}

}  // namespace kernels

#endif
