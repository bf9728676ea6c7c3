// SPDX-License-Identifier: Apache-2.0
// Memory and contents of a case's tensors.
#include <math.h>
#include <string.h>

#include "sdpa/sdpa_case.h"
#include "support/random.h"
#include "support/reference.h"

// Strides of a (b, h, s, d) tensor in a layout.
static void layout_strides(int64_t layout, int is_output, const int64_t size[4], int64_t stride[4]) {
  const int64_t h = size[1], s = size[2], d = size[3];
  int64_t plain[4] = {h * s * d, s * d, d, 1};
  switch (layout) {
    case LAYOUT_BSHD: {
      int64_t bshd[4] = {s * h * d, d, h * d, 1};
      memcpy(plain, bshd, sizeof plain);
      break;
    }
    case LAYOUT_PADDED: {
      // Odd gaps, so that no row but the first is aligned.
      int64_t row = d + 3, head = s * row + 5;
      int64_t padded[4] = {h * head + 7, head, row, 1};
      memcpy(plain, padded, sizeof plain);
      break;
    }
    case LAYOUT_TRANSPOSED: {
      int64_t transposed[4] = {h * s * d, s * d, 1, s};
      memcpy(plain, transposed, sizeof plain);
      break;
    }
    case LAYOUT_REVERSED:
      for (int i = 0; i < 4; i++) plain[i] = -plain[i];
      break;
    case LAYOUT_SHARED:
      if (!is_output) plain[0] = plain[1] = 0;
      break;
    case LAYOUT_SKIPPING: {
      int64_t skipping[4] = {2 * h * s * d, 2 * s * d, 2 * d, 1};
      memcpy(plain, skipping, sizeof plain);
      break;
    }
    default:
      break;
  }
  memcpy(stride, plain, sizeof plain);
}

static void place_weights(const sdpa_case *c, test_tensor *t) {
  if (c->weights < 0) {
    test_tensor_clear(t);
    return;
  }
  int64_t size[4] = {c->batch, c->heads, c->q_len, c->kv_len};
  int64_t stride[4];
  layout_strides(c->weights_layout, 1, size, stride);
  test_tensor_place(t, (int32_t)c->weights_type, 4, size, stride, (int)c->guard);
}

static void place(const sdpa_case *c, test_tensor *t, int is_output, int64_t h, int64_t s, int64_t d) {
  int64_t size[4] = {c->batch, h, s, d};
  int64_t stride[4];
  layout_strides(c->layout, is_output, size, stride);
  test_tensor_place(t, RAPT_F32, 4, size, stride, (int)c->guard);
}

// query, key and value as three ranges of heads in one (B, S, Hq + 2 Hkv, D).
static void place_packed(const sdpa_case *c, sdpa_tensors *t) {
  const int64_t all = c->heads + 2 * c->kv_heads, d = c->head_dim;
  int64_t whole[4] = {c->batch, all, c->kv_len, d};
  int64_t stride[4] = {c->kv_len * all * d, d, all * d, 1};
  test_tensor_place(&t->packed, RAPT_F32, 4, whole, stride, (int)c->guard);
  int64_t q_size[4] = {c->batch, c->heads, c->q_len, d};
  int64_t kv_size[4] = {c->batch, c->kv_heads, c->kv_len, d};
  test_tensor_view(&t->query, &t->packed, 0, 4, q_size, stride);
  test_tensor_view(&t->key, &t->packed, c->heads * d, 4, kv_size, stride);
  test_tensor_view(&t->value, &t->packed, (c->heads + c->kv_heads) * d, 4, kv_size, stride);
}

static void place_all(const sdpa_case *c, sdpa_tensors *t) {
  if (c->layout == LAYOUT_PACKED) {
    place_packed(c, t);
  } else {
    // Only keys and values are shared: a query shared by all heads would make all heads equal.
    place(c, &t->query, c->layout == LAYOUT_SHARED, c->heads, c->q_len, c->head_dim);
    place(c, &t->key, 0, c->kv_heads, c->kv_len, c->head_dim);
    if (c->layout == LAYOUT_VALUE_IN_KEY) {
      int64_t size[4] = {c->batch, c->kv_heads, c->kv_len, c->value_dim};
      test_tensor_view(&t->value, &t->key, 0, 4, size, t->key.tensor.stride);
    } else {
      place(c, &t->value, 0, c->kv_heads, c->kv_len, c->value_dim);
    }
  }
  place(c, &t->output, 1, c->heads, c->q_len, c->value_dim);
}

// A tensor of the scores' shape that is broadcast where its bit in dims is clear, or absent.
static void place_scores(const sdpa_case *c, test_tensor *t, int32_t dtype, int64_t dims) {
  if (dims < 0) {
    test_tensor_clear(t);
    return;
  }
  const int64_t full[4] = {c->batch, c->heads, c->q_len, c->kv_len};
  int64_t stride[4];
  int64_t next = 1;
  for (int d = 3; d >= 0; d--) {
    int present = (dims >> d) & 1;
    stride[d] = present ? next : 0;
    next *= present ? full[d] : 1;
  }
  test_tensor_place(t, dtype, 4, full, stride, (int)c->guard);
}

static void place_heads(const sdpa_case *c, test_tensor *t, int present, int rank, int64_t rows) {
  if (!present) {
    test_tensor_clear(t);
    return;
  }
  int64_t size[3] = {c->batch, c->heads, rows};
  int64_t stride[3] = {c->heads * rows, rows, 1};
  test_tensor_place(t, RAPT_F32, rank, size, stride, (int)c->guard);
}

// Calls visit(element index) for every element of a tensor, innermost dimension last.
#define FOR_EACH(t, i, j, k, l)                  \
  for (int64_t i = 0; i < (t)->size[0]; i++)     \
    for (int64_t j = 0; j < (t)->size[1]; j++)   \
      for (int64_t k = 0; k < (t)->size[2]; k++) \
        for (int64_t l = 0; l < (t)->size[3]; l++)

enum part { PART_QUERY, PART_KEY, PART_VALUE };

static float element(const sdpa_case *c, random_state *r, enum part part, int64_t s, int64_t d) {
  float u = random_unit(r);
  switch (c->fill) {
    case FILL_PEAKED:
      return part == PART_VALUE ? u : 4 * u;
    case FILL_VERY_NEGATIVE:
      // One dimension carries the magnitude, the others the differences.
      if (part == PART_VALUE || d > 0) return u;
      return part == PART_QUERY ? -100.0f : sqrtf((float)c->head_dim) * (1300.0f + 1200.0f * u);
    case FILL_CONSTANT:
      return part == PART_VALUE ? (float)(s % 3) : 0.5f;
    case FILL_TINY:
      return 0x1p-120f * u;
    case FILL_SPIKES:
      return random_percent(r, 2) ? 50 * u : 0.1f * u;
    case FILL_RISING:
      if (part == PART_KEY) return 0.01f * u + 4.0f * (float)s / (float)(c->kv_len > 1 ? c->kv_len - 1 : 1);
      return part == PART_QUERY ? 0.5f + 0.1f * u : u;
    default:
      return u;
  }
}

static void fill_data(const sdpa_case *c, random_state *r, test_tensor *t, enum part part) {
  FOR_EACH(t, b, h, s, d) { *tensor_f32(&t->tensor, b, h, s, d) = element(c, r, part, s, d); }
}

static int mask_value(const sdpa_case *c, random_state *r, int64_t i, int64_t j) {
  switch (c->mask_fill) {
    case MASK_ALL_FALSE:
      return 0;
    case MASK_ALL_TRUE:
      return 1;
    case MASK_ROWS:
      return i % 4 != 0 && (i + j) % 5 != 2;
    case MASK_SPARSE:
      return random_percent(r, 5);
    case MASK_BLOCKS:
      return (j / 64 + i / 16) % 2 == 0;
    default:
      return random_percent(r, 70);
  }
}

static void fill_mask(const sdpa_case *c, random_state *r, test_tensor *t) {
  // Any byte but 0 is true.
  static const unsigned char truths[4] = {1, 2, 0x80, 0xFF};
  FOR_EACH(t, b, h, i, j) {
    *tensor_bool(&t->tensor, b, h, i, j) = mask_value(c, r, i, j) ? truths[random_next(r) & 3] : 0;
  }
}

static void fill_bias(const sdpa_case *c, random_state *r, test_tensor *t) {
  FOR_EACH(t, b, h, i, j) {
    float value = 2 * random_unit(r);
    if ((c->bias_fill == BIAS_SOME_INFINITE && random_percent(r, 30)) ||
        (c->bias_fill == BIAS_ROWS_INFINITE && i % 3 == 0)) {
      value = -INFINITY;
    } else if (c->bias_fill == BIAS_VERY_NEGATIVE) {
      value = -1e4f + 100 * value;
    }
    *tensor_f32(&t->tensor, b, h, i, j) = value;
  }
}

// Broadcast dimensions make one element serve many keys: NaN only where none of them is seen.
static void poison_bias(const sdpa_case *c, sdpa_tensors *t, const rapt_sdpa *call) {
  if (c->bias != 15) return;
  FOR_EACH(&t->bias, b, h, i, j) {
    if (!reference_visible(call, b, h, i, j)) *tensor_f32(&t->bias.tensor, b, h, i, j) = NAN;
  }
}

static int seen_by_group(const sdpa_case *c, const rapt_sdpa *call, int64_t b, int64_t kv_head, int64_t j) {
  int64_t group = c->heads / c->kv_heads;
  for (int64_t h = kv_head * group; h < (kv_head + 1) * group; h++) {
    for (int64_t i = 0; i < c->q_len; i++) {
      if (reference_visible(call, b, h, i, j)) return 1;
    }
  }
  return 0;
}

static void poison_rows(const sdpa_case *c, random_state *r, sdpa_tensors *t, const rapt_sdpa *call) {
  static const float poisons[3] = {NAN, INFINITY, -INFINITY};
  if (c->layout == LAYOUT_SHARED || c->layout == LAYOUT_VALUE_IN_KEY) return;
  for (int64_t b = 0; b < c->batch; b++) {
    for (int64_t h = 0; h < c->kv_heads; h++) {
      for (int64_t j = 0; j < c->kv_len; j++) {
        int unseen = c->fill == FILL_POISON_UNSEEN && !seen_by_group(c, call, b, h, j);
        int some = c->fill == FILL_POISON_SOME && random_percent(r, 4);
        for (int64_t d = 0; d < c->head_dim && unseen; d++) {
          *tensor_f32(&t->key.tensor, b, h, j, d) = poisons[random_between(r, 0, 2)];
        }
        for (int64_t d = 0; d < c->value_dim && unseen; d++) {
          *tensor_f32(&t->value.tensor, b, h, j, d) = poisons[random_between(r, 0, 2)];
        }
        if (some && random_percent(r, 50)) {
          *tensor_f32(&t->key.tensor, b, h, j, random_between(r, 0, c->head_dim - 1)) = NAN;
        } else if (some) {
          *tensor_f32(&t->value.tensor, b, h, j, random_between(r, 0, c->value_dim - 1)) = NAN;
        }
      }
    }
  }
}

// Every sample stands elsewhere, some behind `position` and some before it, as far as the type goes.
static void place_positions(const sdpa_case *c, test_tensor *t) {
  if (!c->positions) {
    test_tensor_clear(t);
    return;
  }
  const int64_t stride[1] = {1 + c->seed % 2};
  const int narrow = c->positions == 1;
  test_tensor_place(t, narrow ? RAPT_I32 : RAPT_I64, 1, &c->batch, stride, (int)c->guard);
  for (int64_t b = 0; b < c->batch; b++) {
    __int128 value = (__int128)c->position + (b % 2 ? -5 : 7) * b;
    __int128 low = narrow ? INT32_MIN : INT64_MIN, high = narrow ? INT32_MAX : INT64_MAX;
    value = value < low ? low : value > high ? high : value;
    if (narrow) {
      ((int32_t *)t->tensor.data)[b * stride[0]] = (int32_t)value;
    } else {
      ((int64_t *)t->tensor.data)[b * stride[0]] = (int64_t)value;
    }
  }
}

static void describe(const sdpa_case *c, const sdpa_tensors *t, rapt_sdpa *call) {
  *call = (rapt_sdpa){
      .head = {.struct_size = sizeof *call},
      .query = t->query.tensor,
      .key = t->key.tensor,
      .value = t->value.tensor,
      .output = t->output.tensor,
      .mask = t->mask.tensor,
      .bias = t->bias.tensor,
      .alibi_slopes = t->alibi.tensor,
      .sinks = t->sinks.tensor,
      .lse = t->lse.tensor,
      .weights = t->weights.tensor,
      .positions = t->positions.tensor,
      .batch = c->batch,
      .query_heads = c->heads,
      .kv_heads = c->kv_heads,
      .query_len = c->q_len,
      .kv_len = c->kv_len,
      .head_dim = c->head_dim,
      .value_dim = c->value_dim,
      .options = {.position = c->positions ? 0 : c->position,
                  .window_left = c->window ? c->window_left : 0,
                  .window_right = c->window ? c->window_right : 0,
                  .scale = c->scaled ? (float)c->scale : 0,
                  .softcap = (float)c->softcap,
                  .flags = (c->causal ? RAPT_CAUSAL : 0) | (c->window ? RAPT_WINDOW : 0) | (c->scaled ? RAPT_SCALE : 0),
                  .weights_stage = c->weights >= 0 ? (int32_t)c->weights : 0},
  };
}

void sdpa_case_build(const sdpa_case *c, sdpa_tensors *t, rapt_sdpa *call) {
  random_state r = {(uint64_t)c->seed};
  place_all(c, t);
  place_scores(c, &t->mask, RAPT_BOOL, c->mask);
  place_scores(c, &t->bias, RAPT_F32, c->bias);
  place_heads(c, &t->alibi, c->alibi != 0, 2, 1);
  place_heads(c, &t->sinks, c->sinks != 0, 2, 1);
  place_heads(c, &t->lse, c->lse != 0, 3, c->q_len);
  place_weights(c, &t->weights);
  place_positions(c, &t->positions);
  describe(c, t, call);

  fill_data(c, &r, &t->query, PART_QUERY);
  fill_data(c, &r, &t->key, PART_KEY);
  if (c->layout != LAYOUT_VALUE_IN_KEY) fill_data(c, &r, &t->value, PART_VALUE);
  if (tensor_present(&t->mask.tensor)) fill_mask(c, &r, &t->mask);
  if (tensor_present(&t->bias.tensor)) {
    fill_bias(c, &r, &t->bias);
    if (c->bias_fill == BIAS_NAN_WHERE_HIDDEN) poison_bias(c, t, call);
  }
  for (int64_t b = 0; b < c->batch; b++) {
    for (int64_t h = 0; h < c->heads; h++) {
      if (c->alibi) *tensor_f32(&t->alibi.tensor, b, h, 0, 0) = exp2f(-8.0f * (float)(h + 1) / (float)c->heads);
      if (c->sinks) *tensor_f32(&t->sinks.tensor, b, h, 0, 0) = 3 * random_unit(&r);
    }
  }
  if (c->fill == FILL_POISON_UNSEEN || c->fill == FILL_POISON_SOME) poison_rows(c, &r, t, call);
}
