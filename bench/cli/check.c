// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "device.h"
#include "storage.h"

// Multiply-adds the portable tier does in about a second, and double rows in about a tenth.
static const double PORTABLE_BUDGET = 1.5e9;
static const double DOUBLE_BUDGET = 1e8;

// The index of a row's first element.
static int64_t row_of(const rapt_tensor *t, int64_t b, int64_t h, int64_t s) {
  return b * t->stride[0] + h * t->stride[1] + s * t->stride[2];
}

// The same of key j of a sample, in a tensor of keys, values or scales.
static int64_t key_row_of(const rapt_sdpa *call, const rapt_tensor *t, int64_t b, int64_t kv_head, int64_t j) {
  if (call->page_table.data == NULL) return row_of(t, b, kv_head, j);
  const int32_t *pages = (const int32_t *)call->page_table.data + b * call->page_table.stride[0];
  return row_of(t, pages[j / call->page_size], kv_head, j % call->page_size);
}

static double load(const rapt_tensor *t, int64_t index) { return (double)storage_load(t->data, index, t->dtype); }

static void *row_address(const rapt_tensor *t, int64_t b, int64_t h, int64_t s) {
  return (char *)t->data + row_of(t, b, h, s) * (int64_t)storage_bytes(t->dtype);
}

static int visible(const rapt_sdpa *call, int64_t i, int64_t j) {
  const rapt_sdpa_options *o = &call->options;
  int64_t position = i + o->position;
  int hidden = (o->flags & RAPT_CAUSAL) && j > position;
  if (o->flags & RAPT_WINDOW) {
    hidden |= o->window_left >= 0 && j < position - o->window_left;
    hidden |= o->window_right >= 0 && j > position + o->window_right;
  }
  return !hidden;
}

// One row of attention in double, for the tier that has no other to be compared with.
static void double_row(const rapt_sdpa *call, int64_t b, int64_t h, int64_t i, double *total) {
  int64_t kv_head = h / (call->query_heads / call->kv_heads);
  double scale = 1 / sqrt((double)call->head_dim), max = -INFINITY, sum = 0;
  for (int64_t d = 0; d < call->value_dim; d++) total[d] = 0;
  int64_t q = row_of(&call->query, b, h, i);
  int quantised = call->key.dtype == RAPT_I8;
  for (int64_t j = 0; j < call->kv_len; j++) {
    if (!visible(call, i, j)) continue;
    int64_t k = key_row_of(call, &call->key, b, kv_head, j), v = key_row_of(call, &call->value, b, kv_head, j);
    double score = 0;
    for (int64_t d = 0; d < call->head_dim; d++) score += load(&call->query, q + d) * load(&call->key, k + d);
    double key_scale = quantised ? load(&call->key_scale, key_row_of(call, &call->key_scale, b, kv_head, j)) : 1;
    double value_scale = quantised ? load(&call->value_scale, key_row_of(call, &call->value_scale, b, kv_head, j)) : 1;
    score *= scale * key_scale;
    double higher = fmax(max, score), shrink = exp(max - higher), weight = exp(score - higher);
    sum = sum * shrink + weight;
    for (int64_t d = 0; d < call->value_dim; d++) {
      total[d] = total[d] * shrink + weight * value_scale * load(&call->value, v + d);
    }
    max = higher;
  }
  for (int64_t d = 0; d < call->value_dim; d++) total[d] = sum > 0 ? total[d] / sum : 0;
}

// A block of query rows of one batch and all heads of one kv head's group, as a call of its own.
static rapt_sdpa part_of(const rapt_sdpa *call, int64_t b, int64_t group, int64_t first, int64_t rows) {
  int64_t heads = call->query_heads / call->kv_heads;
  rapt_sdpa part = *call;
  part.batch = 1;
  part.query_heads = heads;
  part.kv_heads = 1;
  part.query_len = rows;
  part.options.position += first;
  part.query.data = row_address(&call->query, b, group * heads, first);
  part.output.data = row_address(&call->output, b, group * heads, first);
  // Pages belong to all samples, of which the table has a row each.
  int64_t sample = call->page_table.data != NULL ? 0 : b;
  part.key.data = row_address(&call->key, sample, group, 0);
  part.value.data = row_address(&call->value, sample, group, 0);
  if (call->key.dtype == RAPT_I8) {
    part.key_scale.data = row_address(&call->key_scale, sample, group, 0);
    part.value_scale.data = row_address(&call->value_scale, sample, group, 0);
  }
  if (call->page_table.data != NULL) {
    part.page_table.data = (int32_t *)call->page_table.data + b * call->page_table.stride[0];
    part.key_lengths.data = (int32_t *)call->key_lengths.data + b;
  }
  return part;
}

typedef struct checker {
  rapt_context *portable;
  float *rows;
  double *row;
  check *out;
} checker;

void check_note(check *c, double got, double expected, int32_t dtype) {
  double difference = fabs(got - expected) - storage_rounding(dtype) * fabs(expected);
  // A NaN on one side is as far as can be.
  difference = isnan(difference) ? INFINITY : difference;
  c->difference = fmax(c->difference, difference);
  c->largest = fmax(c->largest, fabs(expected));
}

// Expected values of the part, from the portable tier or, without one, from double.
static int check_part(checker *c, const rapt_sdpa *part) {
  int64_t width = part->value_dim, count = part->query_len;
  rapt_sdpa expected = *part;
  if (c->portable != NULL) {
    int64_t stride[4] = {0, count * width, width, 1};
    expected.output = (rapt_tensor){.data = c->rows, .dtype = RAPT_F32};
    for (int d = 0; d < 4; d++) expected.output.stride[d] = stride[d];
    rapt_error error = {.struct_size = sizeof error};
    if (rapt_sdpa_run(c->portable, &expected, &error) != RAPT_OK) {
      cli_fail("verifying: %s", error.message);
      return 0;
    }
  }
  for (int64_t h = 0; h < part->query_heads; h++) {
    for (int64_t i = 0; i < count; i++) {
      if (c->portable == NULL) double_row(part, 0, h, i, c->row);
      int64_t got = row_of(&part->output, 0, h, i);
      for (int64_t d = 0; d < width; d++) {
        check_note(c->out, load(&part->output, got + d),
                   c->portable != NULL ? (double)c->rows[(h * count + i) * width + d] : c->row[d], part->output.dtype);
      }
    }
  }
  c->out->rows += part->query_heads * count;
  return 1;
}

static int check_parts(checker *c, const rapt_sdpa *call, int64_t rows) {
  int64_t all_groups = call->batch * call->kv_heads;
  int everything = rows >= call->query_len;
  // Everything: every group in one part. Sampled: first and last group, three blocks of rows in each.
  double group_work = (double)call->query_len * (double)call->kv_len * (double)(call->head_dim + call->value_dim) *
                      (double)(call->query_heads / call->kv_heads);
  int all = everything && group_work * (double)all_groups <= (c->portable != NULL ? PORTABLE_BUDGET : DOUBLE_BUDGET);
  int64_t groups = all || all_groups < 2 ? all_groups : 2;
  int64_t blocks = everything ? 1 : 3;
  for (int64_t g = 0; g < groups; g++) {
    int64_t group = all ? g : g * (all_groups - 1);
    for (int64_t n = 0; n < blocks; n++) {
      int64_t first = everything ? 0 : n * (call->query_len - rows) / 2;
      rapt_sdpa part =
          part_of(call, group / call->kv_heads, group % call->kv_heads, first, everything ? call->query_len : rows);
      if (!check_part(c, &part)) return 0;
    }
  }
  return 1;
}

int check_attention(const rapt_sdpa *call, int32_t isa, check *out) {
  *out = (check){.allowed = CHECK_ALLOWED,
                 .rows_total = call->batch * call->query_heads * call->query_len,
                 .against = isa == RAPT_ISA_PORTABLE ? "plain double" : "the portable tier"};
  int64_t heads = call->query_heads / call->kv_heads;
  double budget = isa == RAPT_ISA_PORTABLE ? DOUBLE_BUDGET : PORTABLE_BUDGET;
  double row_work = (double)heads * (double)call->kv_len * (double)(call->head_dim + call->value_dim);
  // Six parts at most.
  double affordable = budget / 6 / row_work;
  int64_t rows = affordable < 1 ? 1 : affordable > (double)call->query_len ? call->query_len : (int64_t)affordable;
  device portable = {0};
  if (isa != RAPT_ISA_PORTABLE && !device_open(RAPT_ISA_PORTABLE, 0, &portable)) return 0;
  checker c = {.portable = portable.context,
               .rows = malloc((size_t)(heads * rows * call->value_dim) * sizeof(float)),
               .row = malloc((size_t)call->value_dim * sizeof(double)),
               .out = out};
  int good = c.rows != NULL && c.row != NULL;
  if (!good) cli_fail("no memory to verify %lld rows", (long long)(heads * rows));
  good = good && check_parts(&c, call, rows);
  out->passed = good && out->difference <= out->allowed;
  free(c.rows);
  free(c.row);
  device_close(&portable);
  return good;
}

void check_print(const check *c) {
  printf("%-10s %s %s on %lld of %lld rows: largest difference %.2g, allowed %.2g\n", "verified",
         c->passed ? "against" : "WRONG against", c->against, (long long)c->rows, (long long)c->rows_total,
         c->difference, c->allowed);
}
