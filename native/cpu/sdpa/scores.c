// SPDX-License-Identifier: Apache-2.0
// Which keys a row sees, and everything that happens to scores between Q.K and the softmax, once for both paths.
#include <math.h>
#include <string.h>

#include "base/arithmetic.h"
#include "cpu/sdpa/parts.h"

// Wide enough for a sum of three int64: offsets and windows may be any.
typedef __int128 wide;

static int64_t clamp_wide(wide value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : (int64_t)value;
}

// Position of a query among the keys.
static wide position(const rapt_sdpa_problem *problem, int64_t batch, int64_t query) {
  const rapt_sdpa *c = &problem->call;
  int64_t first = rapt_is_present(&c->positions) ? rapt_index_at(&c->positions, batch, 0) : c->options.position;
  return (wide)first + problem->first_query + query;
}

static void visible_keys(const rapt_sdpa_problem *problem, int64_t batch, int64_t query, int64_t base, int64_t *first,
                         int64_t *last) {
  const rapt_sdpa_options *o = &problem->call.options;
  wide at = position(problem, batch, query);
  *first = 0;
  *last = base;
  if ((o->flags & RAPT_CAUSAL) != 0) *last = clamp_wide(at + 1, 0, *last);
  if ((o->flags & RAPT_WINDOW) != 0) {
    if (o->window_right >= 0) *last = clamp_wide(at + o->window_right + 1, 0, *last);
    if (o->window_left >= 0) *first = clamp_wide(at - o->window_left, 0, base);
  }
  if (*first >= *last) *first = *last = 0;
}

void rapt_sdpa_lanes_fill(const rapt_sdpa_problem *problem, int64_t batch, int64_t kv_head, int64_t row, int64_t count,
                          int64_t width, rapt_sdpa_lanes *lanes) {
  const rapt_sdpa *c = &problem->call;
  int64_t base = c->kv_len - problem->appended_keys;
  lanes->batch = batch;
  lanes->count = count;
  lanes->width = width;
  lanes->common_first = 0;
  lanes->common_last = base;
  lanes->low = base;
  lanes->high = 0;
  int64_t query = row / problem->group, member = row % problem->group;
  for (int64_t r = 0; r < width; r++) {
    lanes->first[r] = 0;
    lanes->last[r] = base;
    if (r >= count) continue;
    lanes->head[r] = kv_head * problem->group + member;
    lanes->query[r] = query;
    // Counted on instead of divided: a panel's 64 divisions would cost as much as packing its queries.
    if (++member == problem->group) {
      member = 0;
      query++;
    }
    visible_keys(problem, batch, lanes->query[r], base, &lanes->first[r], &lanes->last[r]);
    if (lanes->first[r] > lanes->common_first) lanes->common_first = lanes->first[r];
    if (lanes->last[r] < lanes->common_last) lanes->common_last = lanes->last[r];
    if (lanes->first[r] == lanes->last[r]) continue;
    if (lanes->first[r] < lanes->low) lanes->low = lanes->first[r];
    if (lanes->last[r] > lanes->high) lanes->high = lanes->last[r];
  }
  if (lanes->low > lanes->high) lanes->low = lanes->high;
  // The weights output names every key, and appended keys are beyond every causal or window edge.
  if (rapt_is_present(&c->weights) || problem->appended_keys > 0) {
    lanes->low = 0;
    lanes->high = c->kv_len;
  }
}

static int has_bias(const rapt_sdpa_problem *problem) {
  return rapt_is_present(&problem->call.mask) || rapt_is_present(&problem->call.bias) ||
         rapt_is_present(&problem->key_padding);
}

// Whether bias rows can be read where they lie.
static int bias_as_it_is(const rapt_sdpa_problem *problem) {
  return !rapt_is_present(&problem->call.mask) && !rapt_is_present(&problem->key_padding) &&
         rapt_is_plain(problem->call.bias.dtype, problem->call.bias.stride[3]);
}

void rapt_sdpa_workspace_lay(rapt_arena *arena, const rapt_sdpa_problem *problem, int64_t keys, int64_t width,
                             rapt_sdpa_workspace *room) {
  const rapt_sdpa *c = &problem->call;
  *room = (rapt_sdpa_workspace){0};
  if (has_bias(problem)) room->bias_panel = rapt_arena_take(arena, keys * width + RAPT_PACK_SLACK, sizeof(float));
  if ((has_bias(problem) && !bias_as_it_is(problem)) || (rapt_is_present(&c->weights) && c->weights.stride[3] != 1)) {
    room->rows = rapt_arena_take(arena, keys * width, sizeof(float));
  }
}

// Keys j .. j + keys of one lane's mask, bias and padding, as one row of biases.
typedef struct bias_row {
  const uint8_t *mask;
  const void *bias;
  const uint8_t *padding;
} bias_row;

static bias_row locate(const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes, int64_t r, int64_t j) {
  const rapt_tensor *m = &problem->call.mask, *b = &problem->call.bias, *p = &problem->key_padding;
  int64_t batch = lanes->batch, head = lanes->head[r], query = lanes->query[r];
  bias_row row = {0};
  if (m->data != NULL) {
    row.mask =
        (const uint8_t *)m->data + batch * m->stride[0] + head * m->stride[1] + query * m->stride[2] + j * m->stride[3];
  }
  if (b->data != NULL) {
    row.bias = rapt_offset(b, batch * b->stride[0] + head * b->stride[1] + query * b->stride[2] + j * b->stride[3]);
  }
  if (p->data != NULL) row.padding = (const uint8_t *)p->data + batch * p->stride[0] + j * p->stride[1];
  return row;
}

static void write_bias_row(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, bias_row row, int64_t keys,
                           float *out) {
  int64_t mask_stride = problem->call.mask.stride[3], padding_stride = problem->key_padding.stride[1];
  const rapt_tensor *b = &problem->call.bias;
  const float *bias = NULL;
  if (row.bias != NULL) bias = rapt_read_row(kernels, b->dtype, row.bias, b->stride[3], keys, out);
  if (row.mask != NULL && mask_stride == 1) {
    kernels->mask_to_bias(keys, row.mask, bias, out);
  } else {
    for (int64_t k = 0; k < keys; k++) {
      float value = bias == NULL ? 0.0f : bias[k];
      out[k] = row.mask == NULL || row.mask[k * mask_stride] != 0 ? value : -INFINITY;
    }
  }
  if (row.padding != NULL) {
    for (int64_t k = 0; k < keys; k++) {
      if (row.padding[k * padding_stride] != 0) out[k] = -INFINITY;
    }
  }
}

static void add_bias(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes,
                     int64_t j, int64_t keys, float *scores, const rapt_sdpa_workspace *room) {
  const float *rows[RAPT_MAX_PANEL_WIDTH] = {0};
  bias_row before = {0};
  int direct = bias_as_it_is(problem);
  for (int64_t r = 0; r < lanes->count; r++) {
    bias_row row = locate(problem, lanes, r, j);
    if (direct) {
      rows[r] = row.bias;
    } else if (r > 0 && row.mask == before.mask && row.bias == before.bias && row.padding == before.padding) {
      // Broadcast over queries or heads: the same row again.
      rows[r] = rows[r - 1];
    } else {
      float *out = room->rows + r * keys;
      write_bias_row(kernels, problem, row, keys, out);
      rows[r] = out;
    }
    before = row;
  }
  kernels->pack(rows, lanes->count, keys, lanes->width, room->bias_panel);
  kernels->add_bias(keys * lanes->width, room->bias_panel, scores);
}

static void subtract_alibi(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes,
                           int64_t j, int64_t keys, float *scores) {
  const rapt_tensor *slopes = &problem->call.alibi_slopes;
  float slope[RAPT_MAX_PANEL_WIDTH] = {0}, at[RAPT_MAX_PANEL_WIDTH] = {0};
  for (int64_t r = 0; r < lanes->count; r++) {
    slope[r] = ((const float *)slopes->data)[lanes->batch * slopes->stride[0] + lanes->head[r] * slopes->stride[1]];
    at[r] = (float)(position(problem, lanes->batch, lanes->query[r]) - j);
  }
  kernels->alibi(keys, lanes->width, slope, at, scores);
}

static int all_see(const rapt_sdpa_lanes *lanes, int64_t j, int64_t keys) {
  return keys == 0 || (j >= lanes->common_first && j + keys <= lanes->common_last);
}

static int restrict_keys(const rapt_kernels *kernels, const rapt_sdpa_lanes *lanes, int64_t j, int64_t keys,
                         float *scores) {
  if (all_see(lanes, j, keys)) return 0;
  float first[RAPT_MAX_PANEL_WIDTH], last[RAPT_MAX_PANEL_WIDTH];
  for (int64_t r = 0; r < lanes->width; r++) {
    first[r] = (float)rapt_clamp(lanes->first[r] - j, 0, keys);
    last[r] = (float)rapt_clamp(lanes->last[r] - j, 0, keys);
  }
  kernels->restrict_keys(keys, lanes->width, first, last, scores);
  return 1;
}

static void write_weights(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes,
                          int64_t j, int64_t keys, const float *scores, const rapt_sdpa_workspace *room) {
  const rapt_tensor *w = &problem->call.weights;
  float *rows[RAPT_MAX_PANEL_WIDTH] = {0};
  int direct = w->stride[3] == 1;
  for (int64_t r = 0; r < lanes->count; r++) {
    rows[r] = direct ? rapt_f32_row(w, lanes->batch, lanes->head[r], lanes->query[r]) + j : room->rows + r * keys;
  }
  kernels->unpack(scores, lanes->count, keys, lanes->width, NULL, rows);
  for (int64_t r = 0; !direct && r < lanes->count; r++) {
    float *to = rapt_f32_row(w, lanes->batch, lanes->head[r], lanes->query[r]) + j * w->stride[3];
    rapt_write_row(kernels, rows[r], keys, RAPT_F32, to, w->stride[3]);
  }
}

static void subtract_row_alibi(const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes, int64_t r, int64_t j,
                               int64_t keys, float *row) {
  const rapt_tensor *slopes = &problem->call.alibi_slopes;
  float slope = ((const float *)slopes->data)[lanes->batch * slopes->stride[0] + lanes->head[r] * slopes->stride[1]];
  float at = (float)(position(problem, lanes->batch, lanes->query[r]) - j);
  for (int64_t k = 0; k < keys; k++) row[k] -= slope * fabsf(at - (float)k);
}

int rapt_sdpa_transform_rows(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                             const rapt_sdpa_lanes *lanes, int64_t j, int64_t keys, int64_t stride, float *scores,
                             float *room) {
  const rapt_sdpa *c = &problem->call;
  int64_t covered = rapt_clamp(c->kv_len - problem->appended_keys - j, 0, keys);
  int masked = has_bias(problem) && covered > 0;
  for (int64_t r = 0; r < lanes->count; r++) {
    float *row = scores + r * stride;
    if (problem->score_scale != 1) kernels->scale(keys, problem->score_scale, row);
    if (c->options.softcap > 0) kernels->softcap(keys, c->options.softcap, row);
    if (rapt_is_present(&c->alibi_slopes)) subtract_row_alibi(problem, lanes, r, j, covered, row);
    if (has_bias(problem) && covered > 0) {
      bias_row from = locate(problem, lanes, r, j);
      if (!bias_as_it_is(problem)) write_bias_row(kernels, problem, from, covered, room);
      kernels->add_bias(covered, bias_as_it_is(problem) ? from.bias : room, row);
    }
    int64_t first = rapt_clamp(lanes->first[r] - j, 0, covered), last = rapt_clamp(lanes->last[r] - j, 0, covered);
    masked |= first > 0 || last < covered;
    for (int64_t k = 0; k < first; k++) row[k] = -INFINITY;
    for (int64_t k = last; k < covered; k++) row[k] = -INFINITY;
  }
  return masked;
}

int rapt_sdpa_scores_are_bare(const rapt_sdpa_problem *problem, const rapt_sdpa_lanes *lanes, int64_t j, int64_t keys) {
  const rapt_sdpa *c = &problem->call;
  int64_t covered = rapt_clamp(c->kv_len - problem->appended_keys - j, 0, keys);
  return problem->score_scale == 1 && c->options.softcap == 0 && !rapt_is_present(&c->weights) &&
         !rapt_is_present(&c->alibi_slopes) && !has_bias(problem) && all_see(lanes, j, covered);
}

int rapt_sdpa_transform_scores(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                               const rapt_sdpa_lanes *lanes, int64_t j, int64_t keys, float *scores,
                               const rapt_sdpa_workspace *room) {
  const rapt_sdpa *c = &problem->call;
  int32_t stage = rapt_is_present(&c->weights) ? c->options.weights_stage : -1;
  if (problem->score_scale != 1) kernels->scale(keys * lanes->width, problem->score_scale, scores);
  if (stage == RAPT_WEIGHTS_RAW) write_weights(kernels, problem, lanes, j, keys, scores, room);
  if (c->options.softcap > 0) kernels->softcap(keys * lanes->width, c->options.softcap, scores);
  if (stage == RAPT_WEIGHTS_SOFTCAP) write_weights(kernels, problem, lanes, j, keys, scores, room);

  int64_t covered = rapt_clamp(c->kv_len - problem->appended_keys - j, 0, keys);
  int masked = 0;
  if (rapt_is_present(&c->alibi_slopes) && covered > 0) subtract_alibi(kernels, problem, lanes, j, covered, scores);
  if (has_bias(problem) && covered > 0) {
    add_bias(kernels, problem, lanes, j, covered, scores, room);
    masked = 1;
  }
  masked |= restrict_keys(kernels, lanes, j, covered, scores);
  // The softmax stage is finished from these once a row's maximum and sum are known.
  if (stage == RAPT_WEIGHTS_BIAS || stage == RAPT_WEIGHTS_SOFTMAX) {
    write_weights(kernels, problem, lanes, j, keys, scores, room);
  }
  return masked;
}
