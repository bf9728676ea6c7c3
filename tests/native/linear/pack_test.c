// SPDX-License-Identifier: Apache-2.0
// Packed weights, element by element: every tier and number of threads, from all types and strides, between guard
// pages.
#include <stdlib.h>
#include <string.h>

#include "cpu/linear/linear.h"
#include "support/check.h"
#include "support/contexts.h"
#include "support/guard.h"
#include "support/random.h"
#include "support/storage.h"

// Strides of (out, in).
static const struct {
  const char *name;
  // Per feature and in all: stride = of_out * out + of_in * in + more.
  int64_t row_in, row_more, column_out, column_more;
} layouts[] = {
    {"rows", 1, 0, 0, 1},
    {"padded rows", 1, 7, 0, 1},
    {"every third", 3, 1, 0, 3},
    {"rows back to front", -1, 0, 0, -1},
    {"transposed", 0, 1, 1, 0},
    {"transposed and padded", 0, 1, 1, 9},
    {"every second, transposed", 0, 2, 2, 1},
    {"one row for all", 0, 0, 0, 1},
    {"one number a row", 0, 1, 0, 0},
    {"one number for all", 0, 0, 0, 0},
};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

static const int64_t sizes[][2] = {{1, 1},    {1, 300},  {300, 1},   {7, 5},     {8, 16},     {31, 33},
                                   {32, 128}, {33, 129}, {100, 257}, {1030, 40}, {130, 4097}, {3, 9000}};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

// Fills the weight and returns what it then holds, (out, in).
static float *fill(test_tensor *t, random_state *r) {
  float *held = malloc((size_t)(t->size[0] * t->size[1]) * sizeof *held);
  if (held == NULL) check_abort("the test cannot allocate its copy");
  for (int pass = 0; pass < 2; pass++) {
    for (int64_t i = 0; i < t->size[0]; i++) {
      for (int64_t k = 0; k < t->size[1]; k++) {
        int64_t at = tensor_index(&t->tensor, i, k, 0, 0);
        if (pass == 0) storage_set(t->tensor.data, t->tensor.dtype, at, random_unit(r));
        if (pass == 1) held[i * t->size[1] + k] = storage_get(t->tensor.data, t->tensor.dtype, at);
      }
    }
  }
  return held;
}

static int64_t wrong(const rapt_cpu_context *context, const int64_t size[2], const float *held, const float *panels) {
  int64_t out = size[0], in = size[1], width = context->kernels.panel_width, count = 0;
  for (int64_t i = 0; i < (out + width - 1) / width * width; i++) {
    for (int64_t k = 0; k < in; k++) {
      float expected = i < out ? held[i * in + k] : 0;
      count += memcmp(&panels[(i / width * in + k) * width + i % width], &expected, sizeof expected) != 0;
    }
  }
  return count;
}

static void check_case(const rapt_cpu_context *context, const test_tensor *weight, const float *held,
                       const char *name) {
  static guard_buffer memory;
  int64_t out = weight->size[0], in = weight->size[1], width = context->kernels.panel_width;
  size_t floats = (size_t)((out + width - 1) / width * width * in) + RAPT_PACK_SLACK;
  rapt_linear_parameters parameters = {.weight = weight->tensor, .in_features = in, .out_features = out};
  float *panels = guard_place(&memory, floats * sizeof(float), GUARD_END);
  rapt_cpu_pack((rapt_cpu_context *)context, &parameters, panels);
  int64_t count = wrong(context, weight->size, held, panels);
  CHECK(count == 0, "%lld of %lld x %lld weights, %s, dtype %d, on %s with %d threads", (long long)count,
        (long long)out, (long long)in, name, weight->tensor.dtype, rapt_isa_name(context->head.isa), context->threads);
}

int main(void) {
  check_start();
  int count;
  const tier *tiers = test_tiers(1, &count);
  random_state r = {7};
  static const int32_t dtypes[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
  for (int d = 0; d < 3; d++) {
    for (int s = 0; s < SIZES; s++) {
      for (int l = 0; l < LAYOUTS; l++) {
        static test_tensor weight;
        int64_t out = sizes[s][0], in = sizes[s][1];
        int64_t stride[2] = {layouts[l].row_in * in + layouts[l].row_more,
                             layouts[l].column_out * out + layouts[l].column_more};
        test_tensor_place(&weight, dtypes[d], 2, sizes[s], stride, l % 2);
        float *held = fill(&weight, &r);
        for (int t = 0; t < count; t++) {
          for (int n = 0; n < THREAD_COUNTS; n++) {
            check_case((const rapt_cpu_context *)tiers[t].context[n], &weight, held, layouts[l].name);
          }
        }
        free(held);
      }
    }
  }
  return check_finish("pack_test");
}
