// SPDX-License-Identifier: Apache-2.0
// The second way of reading values, see dots_streams.h: each value from its first line to its last, in one stream.
// Included by gather.h.
#ifndef RAPT_CPU_KERNELS_GATHER_STREAMS_H
#define RAPT_CPU_KERNELS_GATHER_STREAMS_H

// The most rows that read values in order; with more the arithmetic takes as long as reading, see DOT_STREAM_ROWS.
ALWAYS_INLINE int64_t gather_stream_rows(const int type) { return size_as(type); }

// The first rows read as many vectors of each value as their sums leave registers for, and touch what is left of it;
// everything else then finds the values in L1. The tier's GATHER_SHAPES has the shapes: the most rows, and the vectors,
// the widest first. Returns 0, having done nothing, where there are more rows than two such passes take.
ALWAYS_INLINE int gather_in_order(const int type, int64_t rows, int64_t depth, const gather_block_of *all) {
  gather_block_of b = *all;
  int64_t height = 0, width = 0, vectors = depth / V_LANES;
  if (rows > gather_stream_rows(type)) return 0;
  b.first = 0;
  b.last = V_LANES;
#define CASE(height, vectors)                         \
  case height:                                        \
    gather_block(type, height, vectors, 0, &b, NULL); \
    break;
#define SHAPE(most, wide, cases)         \
  if (width == 0 && vectors >= (wide)) { \
    if (rows > 2 * (most)) return 0;     \
    width = (wide)*V_LANES;              \
    height = rapt_min(most, rows);       \
    b.end = width * size_as(type);       \
    switch (height) { cases }            \
  }
  GATHER_SHAPES
#undef SHAPE
#undef CASE
  if (width == 0) return 0;
  prefetch none = {0};
  if (width < depth) gather_some(type, GATHER_VECTORS, height, width, depth, 0, all, none);
  if (height == rows) return 1;
  b = *all;
  b.weights += height * b.weight_stride;
  b.correction += height;
  b.out += height * b.out_stride;
  gather_some(type, GATHER_VECTORS, rows - height, 0, depth, 0, &b, none);
  return 1;
}

#endif
