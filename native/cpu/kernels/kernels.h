// SPDX-License-Identifier: Apache-2.0
// The table of micro-kernels: the only thing the framework knows about an instruction set.
//
// A "panel" is `width` rows of a matrix side by side, transposed: element (row r, index k) is panel[k * width + r].
// Query rows are the lanes of a panel, so that scores are [key][query lane]: the softmax then works lane by lane,
// without horizontal sums, and the weights are already the panel that the product with V takes.
//
// Micro-kernels do not allocate, check arguments, branch on the CPU or use threads. Unless stated otherwise pointers
// are aligned to their element only, sizes are positive, and nothing outside the named elements is read or written.
#ifndef RAPT_CPU_KERNELS_KERNELS_H
#define RAPT_CPU_KERNELS_KERNELS_H

#include <stdint.h>

// The most query rows (group x query_len) that the decode path takes; the strides of its score rows are rounded up to a
// multiple of RAPT_SCORE_MULTIPLE.
#define RAPT_DECODE_WIDTH 16
#define RAPT_SCORE_MULTIPLE 16
// Upper bounds over all tiers, for fixed-size arrays in the framework.
#define RAPT_MAX_PANEL_WIDTH 32
#define RAPT_MAX_TILE_ROWS 16
// Floats that pack may write behind the end of what they pack.
#define RAPT_PACK_SLACK 16
// Weights of a block, which share a scale.
#define RAPT_BLOCK 32
// The most weight panels that a product with blocks takes side by side.
#define RAPT_SIDE_PANELS 4

// Where the accumulators of multiply start.
typedef enum rapt_start {
  RAPT_START_ZERO,    // c = a.b
  RAPT_START_C,       // c = c + a.b
  RAPT_START_SCALED,  // c = c * lane + a.b, lane having one factor per column
  RAPT_START_LANE     // c = lane + a.b
} rapt_start;

// c[rows x panel_width] = start + a . b with a(r, k) = a[r * a_row + k * a_step] and b a panel of panel_width.
typedef void rapt_multiply(int64_t rows, int64_t depth, const float *a, int64_t a_row, int64_t a_step, const float *b,
                           float *c, int64_t c_stride, rapt_start start, const float *lane);

// rapt_multiply for a strip of 1 to tile_rows rows, whose elements lie side by side: a(r, k) = a[k * rows + r].
typedef void rapt_multiply_strip(int64_t rows, int64_t depth, const float *a, const float *b, float *c,
                                 int64_t c_stride, rapt_start start, const float *lane);

// rapt_multiply for 1 to tile_rows rows whose own elements lie side by side: a(r, k) = a[r * a_row + k].
typedef void rapt_multiply_lines(int64_t rows, int64_t depth, const float *a, int64_t a_row, const float *b, float *c,
                                 int64_t c_stride, rapt_start start, const float *lane);

// rapt_multiply from zero, fused with the softmax under given maxima, for scores that nothing happens to in between:
// c[row][lane] = 2^((a . b - lane_max) * to_exponent), [rows][panel_width], with a(r, k) = a[r * a_row + k]. Adds the
// columns' sums to lane_sum. Stops before a tile in which a score exceeds its maximum, or where a maximum is -inf, and
// returns how many rows were done; the next *scored rows of c hold their scores.
typedef int64_t rapt_multiply_and_weigh(int64_t rows, int64_t depth, const float *a, int64_t a_row, const float *b,
                                        float *c, float to_exponent, const float *lane_max, float *lane_sum,
                                        int64_t *scored);

// Keys of a block of rapt_dots, counted from the first, at most: the dot products of the last keys, which do not fill a
// block, may be summed in another order.
#define RAPT_DOT_KEYS 4

// scores[r * score_stride + key] = queries[r] . keys[key] for r < rows <= RAPT_DECODE_WIDTH. queries[r] starts at
// queries + r * query_stride, keys[key] at element key * key_stride of keys. Memory behind the last row may be
// prefetched, which never faults.
typedef void rapt_dots(int64_t rows, const float *queries, int64_t query_stride, int64_t key_count, const void *keys,
                       int64_t key_stride, int64_t depth, float *scores, int64_t score_stride);

// Keys that a rapt_dots_quarters multiplies at once, or a rapt_gather_quarters adds.
#define RAPT_QUARTERS 4

// scores[r * score_stride + q * apart + k] = queries[r] . key k of quarter q, for r < rows and k < count: what
// rapt_dots gives, bit by bit, of keys that fill a block. queries[r] starts at queries + r * query_stride.
typedef struct rapt_key_quarters {
  int64_t rows;
  const float *queries;
  int64_t query_stride;
  int64_t count;
  int64_t depth;
  // Key 0 of each quarter, and bytes to the next.
  const void *keys[RAPT_QUARTERS];
  int64_t key_step[RAPT_QUARTERS];
  float *scores;
  int64_t score_stride;
  int64_t apart;
} rapt_key_quarters;

typedef void rapt_dots_quarters(const rapt_key_quarters *quarters);

// Keys of a block of rapt_gather, counted from the first: their sum starts from zero, and is added to the output at the
// block's end. So many elements that loading and storing the accumulators costs little, few enough to stay in L1, and
// the same for every dtype, so that equal values give equal bits.
static inline int64_t rapt_gather_keys(int64_t depth) { return 2048 / depth > 4 ? 2048 / depth : 4; }

// out[r] = out[r] * correction[r] + sum over keys of weights[r * weight_stride + key] * values[key]. With guarded terms
// of weight 0 are left out.
typedef void rapt_gather(int64_t rows, const float *weights, int64_t weight_stride, int64_t key_count,
                         const void *values, int64_t value_stride, int64_t depth, const float *correction, float *out,
                         int64_t out_stride, int guarded);

// How often a rapt_gather_quarters adds at most.
#define RAPT_QUARTER_KEYS 16

// out[r] = out[r] * correction[r] + sum over keys k < keys and quarters q of weights[r * weight_stride + q * apart + k]
// * values[k][q]. The four of a key number are added up, then those of all key numbers, both from zero, and the sum is
// added to the output: its rounding error grows with the keys of a block, not with all keys. With guarded terms of
// weight 0 are left out.
typedef struct rapt_quarters {
  int64_t rows;
  // At most RAPT_QUARTER_KEYS.
  int64_t keys;
  int64_t depth;
  const float *weights;
  int64_t weight_stride;
  int64_t apart;
  const void *values[RAPT_QUARTER_KEYS][RAPT_QUARTERS];
  const float *correction;
  float *out;
  int64_t out_stride;
  int guarded;
} rapt_quarters;

typedef void rapt_gather_quarters(const rapt_quarters *quarters);

typedef struct rapt_quarter_kernels {
  rapt_dots_quarters *dots_f32;
  rapt_dots_quarters *dots_f16;
  rapt_dots_quarters *dots_bf16;
  rapt_dots_quarters *dots_i8;
  rapt_gather_quarters *gather_f32;
  rapt_gather_quarters *gather_f16;
  rapt_gather_quarters *gather_bf16;
  rapt_gather_quarters *gather_i8;
} rapt_quarter_kernels;

// How decode's kernels read K and V; the results have the same bits. Which way is faster is a matter of the CPU's
// prefetchers.
typedef enum rapt_reading {
  RAPT_READING_PREFETCH,  // neighbouring rows at once, and one rolled loop of requests that walks ahead of them
  RAPT_READING_STREAMS,   // rows one after the other or in streams far apart, and no requests
  RAPT_READINGS
} rapt_reading;

typedef struct rapt_decode_kernels {
  rapt_dots *dots_f32;
  rapt_dots *dots_f16;
  rapt_dots *dots_bf16;
  rapt_dots *dots_i8;
  // For bf16 queries and keys as in multiply_pairs: query_stride counts pairs, depth and key_stride count bf16. NULL on
  // tiers without such an instruction.
  rapt_dots *dots_pairs;
  rapt_gather *gather_f32;
  rapt_gather *gather_f16;
  rapt_gather *gather_bf16;
  rapt_gather *gather_i8;
} rapt_decode_kernels;

// A panel of weights as blocks, and what one of its products writes.
typedef struct rapt_block_panel {
  // Blocks along the depth, each one panel wide. First come its scales, f16[panel_width], but for i8. For q8_0 and i8
  // then the numbers, int8[32][panel_width]; for q4_0 words, uint32[4][panel_width], of which nibble j of word i, the
  // lowest first, is the number of step 8 i + j in two's complement.
  const void *b;
  // [rows][panel_width], rows c_stride apart.
  float *c;
  int64_t c_stride;
  // Where the sums start, one number per column.
  const float *lane;
} rapt_block_panel;

// c = lane + a . b for 1 to tile_rows rows and some panels, with a(r, k) = a[r * a_row + k]. Bit by bit what multiply
// gives on the widened weights.
typedef struct rapt_block_product {
  int64_t rows;
  int64_t blocks;
  const float *a;
  int64_t a_row;
  // c = c + a . b instead.
  int32_t continues;
  int32_t panels;
  rapt_block_panel panel[RAPT_SIDE_PANELS];
  // I8: the scales, f32[panels][panel_width].
  const float *scales;
} rapt_block_product;

// c = lane + a . b, or c + a . b where lane is NULL, for 1 to tile_rows rows and one panel of 16-bit weights, with
// a(r, k) = a[r * a_row + k] and an even depth. Bit by bit what multiply gives on the widened panel.
typedef void rapt_multiply_halves(int64_t rows, int64_t depth, const float *a, int64_t a_row, const void *b, float *c,
                                  int64_t c_stride, const float *lane);

// The most rows of input that an integer product takes: their sums are 4 KiB at most.
#define RAPT_INTEGER_ROWS 32

// Weights that are multiplied in integers.
typedef enum rapt_integers {
  RAPT_INTEGERS_Q8_0,  // bytes, an f16 scale for each block
  RAPT_INTEGERS_Q4_0,  // nibbles, an f16 scale for each block
  RAPT_INTEGERS_I8,    // bytes, one f32 scale for each feature
  RAPT_INTEGER_KINDS
} rapt_integers;

// A block of input: what an element stands for is its number, -127 to 127, times the scale. Where an element is NaN or
// infinite the scale is NaN.
typedef struct rapt_input_block {
  float scale;
  // What weights are stored above their values, 128 or 8, times the sum of the numbers, negated.
  int32_t start;
  int8_t number[RAPT_BLOCK];
} rapt_input_block;

// sums = lane + input . panel, summed block by block.
typedef struct rapt_integer_product {
  // 1 to RAPT_INTEGER_ROWS.
  int64_t rows;
  int64_t blocks;
  // 1 to RAPT_SIDE_PANELS, which follow each other and are read side by side.
  int64_t panels;
  // [blocks][rows]
  const rapt_input_block *input;
  // [panels][blocks], each one panel wide: f16[panel_width] scales, but for I8, and words of four bytes, uint8[words]
  // [panel_width][4]. Bytes: 8 words of four neighbours of a feature, plus 128 each. Nibbles: 4 words, the lower halves
  // of neighbours 0 to 15, the upper halves of 16 to 31, plus 8 each.
  const void *panel;
  // I8: the scales, f32[panels][panel_width].
  const float *scales;
  // Where the sums start, one number per column of all panels.
  const float *lane;
  // [panels][rows][panel_width]
  float *sums;
} rapt_integer_product;

typedef void rapt_multiply_integers(const rapt_integer_product *product);

// What VNNI instructions replace; the results have the same bits.
typedef struct rapt_integer_kernels {
  rapt_multiply_integers *multiply[RAPT_INTEGER_KINDS];
  int is_vnni;
} rapt_integer_kernels;

typedef struct rapt_kernels {
  int32_t isa;
  // Floats per vector.
  int32_t lanes;
  // Rows of multiply's register tile; multiples of it are fastest.
  int32_t tile_rows;
  // Columns of multiply's register tile: query rows per panel, output features per weight panel.
  int32_t panel_width;

  // out[k * width + r] = rows[r][k] for r < count, 0 for count <= r < width; 1 <= count <= width <= 32.
  // May write RAPT_PACK_SLACK floats behind out[depth * width].
  void (*pack)(const float *const *rows, int64_t count, int64_t depth, int64_t width, float *out);

  // The way back: rows[r][k] = panel[k * width + r] * scale[r] for r < count; scale NULL = 1.
  void (*unpack)(const float *panel, int64_t count, int64_t depth, int64_t width, const float *scale,
                 float *const *rows);

  rapt_multiply *multiply;

  // As multiply. NULL on tiers that gain nothing from constant strides.
  rapt_multiply_strip *multiply_strip;
  rapt_multiply_lines *multiply_lines;

  // As multiply, but terms whose b is 0 are left out, so that a NaN or infinity in a reaches only the columns whose
  // weight for it is not 0.
  rapt_multiply *multiply_guarded;

  // One online-softmax step over scores[keys][width], in place: a score's weight is 2^((score - maximum) *
  // to_exponent). lane_max and lane_sum are the running maximum score and the running sum (-inf and 0 at first); a
  // maximum less than half of headroom above the highest score goes to that score plus headroom. correction[lane] is
  // the weight of the old maximum under the new one, 1 where it did not move. A score of -inf gives exactly 0. Returns
  // whether any correction may differ from 1.
  int (*softmax)(int64_t keys, int64_t width, float to_exponent, float headroom, float *scores, float *lane_max,
                 float *lane_sum, float *correction);

  rapt_multiply_and_weigh *multiply_and_weigh;

  // total[d * width + lane] = total * keep[lane] + output * take[lane], for d < depth.
  void (*add_to_total)(int64_t depth, int64_t width, const double *keep, const double *take, const float *output,
                       double *total);

  // multiply and multiply_and_weigh for elements of a and of the panel that are pairs of bf16 in 32 bits; both products
  // of a pair are added. depth, a_row and a_step count pairs. Denormal bf16 count as 0. NULL on tiers without such an
  // instruction.
  rapt_multiply *multiply_pairs;
  rapt_multiply_and_weigh *multiply_pairs_and_weigh;

  // Panels of f16 are [depth][panel_width]; those of bf16 are pairs, [depth / 2][panel_width][2], as multiply_pairs
  // takes them.
  rapt_multiply_halves *multiply_f16;
  rapt_multiply_halves *multiply_bf16;

  // to[k * panel_width + n] = a panel of pairs of bf16; depth is even. A panel of f16 is as one row to widen_f16.
  void (*widen_bf16_pairs)(int64_t depth, const void *b, float *to);

  // scores *= factor, elementwise; count is whole panel rows.
  void (*scale)(int64_t count, float factor, float *scores);
  // scores = cap * tanh(scores / cap), elementwise; count is whole panel rows.
  void (*softcap)(int64_t count, float cap, float *scores);
  // scores += bias, elementwise; where bias is -inf the score becomes -inf, whatever it was.
  void (*add_bias)(int64_t count, const float *bias, float *scores);
  // scores[key][lane] -= slope[lane] * |position[lane] - key|.
  void (*alibi)(int64_t keys, int64_t width, const float *slope, const float *position, float *scores);
  // scores[key][lane] = -inf unless first[lane] <= key < last[lane].
  void (*restrict_keys)(int64_t keys, int64_t width, const float *first, const float *last, float *scores);
  // out[i] = allowed[i] != 0 ? bias[i] : -inf; bias NULL = 0.
  void (*mask_to_bias)(int64_t count, const uint8_t *allowed, const float *bias, float *out);
  // row[i] = 2^((row[i] - maximum) * to_exponent) * factor, 0 where row[i] is -inf.
  void (*weigh)(int64_t count, float to_exponent, float maximum, float factor, float *row);
  // Whether all of values[0 .. count) are finite.
  int (*all_finite)(int64_t count, const float *values);

  // Rows between storage types, rounding to nearest even.
  void (*widen_f16)(int64_t count, const uint16_t *from, float *to);
  void (*widen_bf16)(int64_t count, const uint16_t *from, float *to);
  void (*narrow_f16)(int64_t count, const float *from, uint16_t *to);
  void (*narrow_bf16)(int64_t count, const float *from, uint16_t *to);

  // to[i] = from[i] * scale.
  void (*widen_i8)(int64_t count, const int8_t *from, float scale, float *to);
  // The largest magnitude of some floats; where one is NaN, any result.
  float (*largest)(int64_t count, const float *from);
  // to[i] = from[i] / scale, rounded to nearest even; finite, scale > 0 and all quotients below 127.5.
  void (*narrow_i8)(int64_t count, const float *from, float scale, int8_t *to);

  // Products with weights as blocks, and such a panel as floats: to[32 * blocks][panel_width].
  void (*multiply_q8_0)(const rapt_block_product *product);
  void (*multiply_q4_0)(const rapt_block_product *product);
  void (*widen_q8_0)(int64_t blocks, const void *b, float *to);
  void (*widen_q4_0)(int64_t blocks, const void *b, float *to);
  // The same for bytes with one scale for each column, f32[panel_width].
  void (*multiply_i8)(const rapt_block_product *product);
  void (*widen_i8_panel)(int64_t blocks, const void *b, const float *scales, float *to);

  rapt_integer_kernels integers;
  // Rounds `count` elements into blocks, `apart` from each other; a last one that is not full has zeros at its end.
  // offset: what weights are stored above their values.
  void (*quantise)(int64_t count, const float *from, int32_t offset, int64_t apart, rapt_input_block *to);

  // The kernels of decode, whose scores are [row][key].

  // As softmax without headroom, for scores[r * stride + key]. stride is at least keys rounded up to
  // RAPT_SCORE_MULTIPLE, and the floats up to that multiple are overwritten.
  void (*softmax_rows)(int64_t rows, int64_t keys, int64_t stride, float to_exponent, float *scores, float *row_max,
                       float *row_sum, float *correction);
  // scores[r * stride + key] *= factors[key].
  void (*scale_keys)(int64_t rows, int64_t keys, int64_t stride, const float *factors, float *scores);
  rapt_decode_kernels decode[RAPT_READINGS];
  // NULL on tiers that gather by blocks of neighbouring keys.
  rapt_quarter_kernels quarters;

  // Rotates pair i of a row by cosine[i] and sine[i]: elements 2i and 2i + 1 where interleaved, else i and i + pairs.
  // to has 2 * pairs elements too, and is the same as from or does not overlap it.
  void (*rotate)(int64_t pairs, int interleaved, const float *cosine, const float *sine, const float *from, float *to);
  void (*rotate_f16)(int64_t pairs, int interleaved, const float *cosine, const float *sine, const uint16_t *from,
                     uint16_t *to);
  void (*rotate_bf16)(int64_t pairs, int interleaved, const float *cosine, const float *sine, const uint16_t *from,
                      uint16_t *to);

  // to[i] = from[i] * Phi(from[i]), with Phi the normal distribution function. to is the same as from or does not
  // overlap it. -inf gives 0, a NaN stays one.
  void (*gelu)(int64_t count, const float *from, float *to);

  // Layer normalisation of one row: of from, or where residual is not NULL of the sum of both, by weight and bias (NULL
  // = 0). to is the same as from or overlaps no input.
  void (*norm)(int64_t count, const float *from, const float *residual, const float *weight, const float *bias,
               float epsilon, float *to);
} rapt_kernels;

// Copies the table of a tier. This CPU need not have the tier: no code of it runs before one of its kernels is called.
// Returns 0 where isa is no tier of this build.
int rapt_kernels_fill(int32_t isa, rapt_kernels *table);

// Puts the integer products by VNNI instructions into a tier's table, where it has such.
void rapt_kernels_use_vnni(rapt_kernels *table);

// Whether the tier was compiled into this library.
int rapt_kernels_compiled(int32_t isa);

#endif
