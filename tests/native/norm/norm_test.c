// SPDX-License-Identifier: Apache-2.0
// Layer normalisation against its definition in double. norm_test runs every CPU tier; norm_test --cuda sees that a
// CUDA device says that it has no kernel.
#include <math.h>
#include <rapt/rapt.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/contexts.h"
#include "support/guard.h"
#include "support/random.h"
#include "support/storage.h"

enum { LAYOUTS = 4, MOST_CONTEXTS = MAX_TIERS * THREAD_COUNTS, BUFFERS = 5 };

static rapt_context *contexts[MOST_CONTEXTS];
static int context_count;
static guard_buffer guarded[BUFFERS];

typedef struct norm_case {
  int64_t batch, rows, features;
  int32_t from, to;
  int layout, in_place, residual, bias;
  float epsilon, middle;
  int64_t seed;
} norm_case;

// A tensor of these sizes, dense in an order of dimensions, or backwards along the last.
static rapt_tensor lay(int slot, int32_t dtype, const int64_t size[3], int layout) {
  static const int orders[LAYOUTS][3] = {{0, 1, 2}, {1, 0, 2}, {2, 0, 1}, {0, 1, 2}};
  rapt_tensor t = {.dtype = dtype};
  int64_t count = 1, begin = 0;
  for (int i = 2; i >= 0; i--) {
    int d = orders[layout][i];
    t.stride[d] = count;
    count *= size[d];
  }
  if (layout == 3) {
    begin = size[2] - 1;
    t.stride[2] = -1;
  }
  unsigned char *data =
      guard_place(&guarded[slot], (size_t)count * storage_size(dtype), slot % 2 ? GUARD_BEGIN : GUARD_END);
  t.data = data + (count ? begin : 0) * (int64_t)storage_size(dtype);
  return t;
}

static void *element(const rapt_tensor *t, int64_t b, int64_t r, int64_t f) {
  return (unsigned char *)t->data +
         (b * t->stride[0] + r * t->stride[1] + f * t->stride[2]) * (int64_t)storage_size(t->dtype);
}

// Half a unit of the last place of a result of this type.
static double half_ulp(int32_t dtype, double x) {
  int bits = dtype == RAPT_F32 ? 24 : dtype == RAPT_F16 ? 11 : 8, exponent;
  frexp(x, &exponent);
  int least = dtype == RAPT_F16 ? -13 : -125;
  return ldexp(0.5, (exponent > least ? exponent : least) - bits);
}

// A vector of features, or backwards.
static rapt_tensor lay_features(int slot, int32_t dtype, int64_t features, int layout) {
  const int64_t size[3] = {1, 1, features};
  rapt_tensor t = lay(slot, dtype, size, layout);
  return (rapt_tensor){t.data, {t.stride[2]}, .dtype = dtype};
}

static double value_at(const rapt_tensor *t, int64_t b, int64_t r, int64_t f) {
  return t->dtype ? (double)storage_get(element(t, b, r, f), t->dtype, 0) : 0;
}

static double feature_at(const rapt_tensor *t, int64_t f) { return t->dtype ? value_at(t, f, 0, 0) : 0; }

// One row by the definition. A sum in f32 is off by a rounding for each addend of an accumulator, of which the poorest
// tier has 16; the mean's error enters through it, the variance's by half. The mean is found in two steps, so that the
// size of s itself enters by the square of that only. Then there are the roundings of s where it is a sum, and of the
// last steps.
typedef struct row_result {
  double *exact;
  double *bound;
} row_result;

static void expect_row(const rapt_norm *c, int64_t b, int64_t r, const row_result *out) {
  double mean = 0, variance = 0, unit = 0x1p-24, magnitude = 0;
  double epsilon = c->epsilon == 0 ? 1e-5 : (double)c->epsilon, steps = 8 + fmin((double)c->features, 1024) / 16;
  for (int64_t f = 0; f < c->features; f++) {
    double s = value_at(&c->input, b, r, f) + value_at(&c->residual, b, r, f);
    mean += s / (double)c->features;
    magnitude += fabs(s) / (double)c->features;
  }
  for (int64_t f = 0; f < c->features; f++) {
    double d = value_at(&c->input, b, r, f) + value_at(&c->residual, b, r, f) - mean;
    variance += d * d / (double)c->features;
  }
  double deviation = sqrt(variance + epsilon);
  for (int64_t f = 0; f < c->features; f++) {
    double s = value_at(&c->input, b, r, f) + value_at(&c->residual, b, r, f), n = (s - mean) / deviation;
    double w = feature_at(&c->weight, f), exact = n * w + feature_at(&c->bias, f);
    double rounded = unit * steps * steps * magnitude / deviation;
    if (c->residual.dtype) rounded += (fabs(s) + magnitude * (1 + fabs(n))) / deviation;
    out->exact[f] = exact;
    out->bound[f] =
        unit * (fabs(w) * (steps * (1 + fabs(n)) + rounded) + fabs(exact)) + half_ulp(c->output.dtype, exact);
  }
}

static void fill(const rapt_tensor *t, const int64_t size[3], random_state *r, float middle) {
  for (int64_t e = 0; t->dtype && e < size[0] * size[1] * size[2]; e++) {
    storage_set(element(t, e / size[2] / size[1], e / size[2] % size[1], e % size[2]), t->dtype, 0,
                middle + 2 * random_unit(r));
  }
}

static void fill_features(const rapt_tensor *t, int64_t features, random_state *r) {
  const int64_t size[3] = {features, 1, 1};
  fill(t, size, r, 0.5f);
}

static rapt_norm build(const norm_case *k) {
  const int64_t size[3] = {k->batch, k->rows, k->features};
  rapt_norm c = {.head = {.struct_size = sizeof c},
                 .batch = k->batch,
                 .rows = k->rows,
                 .features = k->features,
                 .epsilon = k->epsilon};
  c.input = lay(0, k->from, size, k->layout);
  c.output = k->in_place ? c.input : lay(1, k->to, size, k->layout);
  if (k->residual) c.residual = lay(2, k->to, size, (k->layout + 1) % LAYOUTS);
  c.weight = lay_features(3, k->seed % 3 ? RAPT_F32 : k->from, k->features, k->layout);
  if (k->bias) c.bias = lay_features(4, k->seed % 3 ? RAPT_F32 : k->to, k->features, k->layout);
  return c;
}

static void run_case(const norm_case *k) {
  check_set_case("norm batch=%lld rows=%lld features=%lld from=%d to=%d layout=%d in_place=%d residual=%d seed=%lld",
                 (long long)k->batch, (long long)k->rows, (long long)k->features, k->from, k->to, k->layout,
                 k->in_place, k->residual, (long long)k->seed);
  const int64_t size[3] = {k->batch, k->rows, k->features};
  int64_t count = k->batch * k->rows * k->features;
  rapt_norm c = build(k);
  double *exact = malloc((size_t)count * sizeof(double) + 1), *bound = malloc((size_t)count * sizeof(double) + 1);
  float *before = malloc((size_t)count * sizeof(float) + 1);
  for (int i = 0; i < context_count; i++) {
    random_state r = {(uint64_t)k->seed};
    fill(&c.input, size, &r, k->middle);
    fill(&c.residual, size, &r, 0);
    fill_features(&c.weight, k->features, &r);
    fill_features(&c.bias, k->features, &r);
    for (int64_t row = 0; row < k->batch * k->rows; row++) {
      expect_row(&c, row / k->rows, row % k->rows, &(row_result){exact + row * k->features, bound + row * k->features});
    }
    rapt_error error = {.struct_size = sizeof error};
    CHECK(rapt_norm_run(contexts[i], &c, &error) == RAPT_OK, "%s", error.message);
    for (int64_t e = 0; e < count; e++) {
      float got = (float)value_at(&c.output, e / k->features / k->rows, e / k->features % k->rows, e % k->features);
      CHECK(fabs((double)got - exact[e]) <= bound[e], "element %lld is %.9g; expected %.9g within %.3g", (long long)e,
            (double)got, exact[e], bound[e]);
      // Contexts come in groups that differ in threads alone.
      CHECK(i % THREAD_COUNTS == 0 || !memcmp(&before[e], &got, sizeof got), "other bits with other threads");
      before[e] = got;
    }
  }
  free(exact), free(bound), free(before);
  check_set_case("%s", "");
}

static void run_cases(void) {
  static const int32_t types[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
  // Around vectors, and around the blocks of a sum. Some rows lie far from 0, where a careless sum loses the variance.
  for (int64_t f = 1; f <= 80; f++) {
    run_case(&(norm_case){2, 3, f, types[f % 3], types[f / 3 % 3], (int)(f % LAYOUTS), f % 5 == 0, f % 2, f % 7 != 0,
                          f % 4 ? 1e-12f : 0, f % 3 ? 0 : 30, f});
  }
  static const int64_t widths[] = {384, 768, 1023, 1024, 1025, 2048, 5000};
  for (int i = 0; i < 28; i++) {
    run_case(&(norm_case){1, 3, widths[i % 7], types[i % 3], types[i / 3 % 3], i % LAYOUTS, i % 2, i / 2 % 2, 1, 1e-12f,
                          i % 5 ? 0 : 1000, 100 + i});
  }
  random_state r = {5};
  for (int i = 0; i < test_sweep(300, 150, 50); i++) {
    run_case(&(norm_case){random_between(&r, 0, 3), random_between(&r, 0, 20), random_between(&r, 1, 300),
                          types[random_between(&r, 0, 2)], types[random_between(&r, 0, 2)],
                          (int)random_between(&r, 0, LAYOUTS - 1), random_percent(&r, 30), random_percent(&r, 50),
                          random_percent(&r, 80), random_percent(&r, 50) ? 0 : 1e-3f, random_percent(&r, 20) ? 100 : 0,
                          1000 + i});
  }
  // Enough for several tasks on several threads.
  run_case(&(norm_case){1, 500, 384, RAPT_F32, RAPT_F32, 0, 1, 1, 1, 1e-12f, 0, 77});
}

// A NaN or an infinity stays in its row, and a row of equal features gives the bias.
static void run_special(void) {
  enum { ROWS = 4, WIDTH = 37 };
  norm_case k = {1, ROWS, WIDTH, RAPT_F32, RAPT_F32, 0, 0, 0, 1, 1e-12f, 0, 4};
  rapt_norm c = build(&k);
  const int64_t size[3] = {1, ROWS, WIDTH};
  random_state r = {4};
  fill(&c.input, size, &r, 0);
  fill_features(&c.weight, WIDTH, &r);
  fill_features(&c.bias, WIDTH, &r);
  float *in = c.input.data, *out = c.output.data;
  in[3] = NAN;
  in[WIDTH + 5] = -INFINITY;
  for (int f = 0; f < WIDTH; f++) in[2 * WIDTH + f] = 1234.5f;
  for (int i = 0; i < context_count; i++) {
    rapt_error error = {.struct_size = sizeof error};
    rapt_plan plan = {.struct_size = sizeof plan};
    CHECK(rapt_norm_plan(contexts[i], &c, &plan, &error) == RAPT_OK && plan.supported &&
              !strncmp(plan.name, "norm_f32_", 9),
          "plan '%s': %s%s", plan.name, error.message, plan.reason);
    CHECK(rapt_norm_run(contexts[i], &c, &error) == RAPT_OK, "%s", error.message);
    for (int f = 0; f < WIDTH; f++) {
      CHECK(isnan(out[f]) && isnan(out[WIDTH + f]) && !isnan(out[3 * WIDTH + f]), "rows 0, 1 and 3 at %d", f);
      CHECK(out[2 * WIDTH + f] == ((float *)c.bias.data)[f], "row 2 at %d is %g", f, (double)out[2 * WIDTH + f]);
    }
  }
}

static void refused(rapt_norm *c, const char *part) {
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_norm_run(contexts[0], c, &error) == RAPT_INVALID_ARGUMENT && strstr(error.message, part) != NULL,
        "expected \"%s\", got \"%s\"", part, error.message);
}

static void run_refusals(void) {
  norm_case k = {2, 1, 8, RAPT_F32, RAPT_F32, 0, 0, 1, 1, 0, 0, 4};
  rapt_norm good = build(&k), c = good;
  c.output.data = good.residual.data;
  refused(&c, "output overlaps residual in memory");
  c = good, c.weight.dtype = RAPT_I32;
  refused(&c, "weight has dtype");
  c = good, c.weight = (rapt_tensor){.dtype = 0};
  refused(&c, "weight is absent");
  c = good, c.epsilon = -1;
  refused(&c, "epsilon is -1; allowed: finite and positive, or 0 for 1e-5");
  c = good, c.epsilon = NAN;
  refused(&c, "epsilon is nan; allowed");
  c = good, c.reserved = 1;
  refused(&c, "reserved is 1; allowed: 0");
  c = good, c.features = 0;
  refused(&c, "features is 0; allowed: 1 to");
}

static int run_cuda(void) {
  rapt_context_options options = {.struct_size = sizeof options, .device = RAPT_DEVICE_CUDA};
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_context *context;
  if (rapt_context_create(&options, &context, &error) != RAPT_OK) check_abort("no CUDA context: %s", error.message);
  void *memory = NULL;
  CHECK(rapt_memory_allocate(context, RAPT_MEMORY_PINNED, 64, &memory, &error) == RAPT_OK, "%s", error.message);
  rapt_tensor row = {memory, {4, 4, 1}, .dtype = RAPT_F32}, weight = {(float *)memory + 8, {1}, .dtype = RAPT_F32};
  rapt_norm c = {.head = {.struct_size = sizeof c},
                 .input = row,
                 .weight = weight,
                 .output = row,
                 .batch = 1,
                 .rows = 1,
                 .features = 4};
  CHECK(rapt_norm_plan(context, &c, &plan, &error) == RAPT_OK && !plan.supported &&
            strstr(plan.reason, "no kernel for norm") != NULL,
        "plan '%s': %s%s", plan.name, error.message, plan.reason);
  CHECK(rapt_norm_run(context, &c, &error) == RAPT_UNSUPPORTED && strstr(error.message, "no kernel for norm") != NULL,
        "%s", error.message);
  rapt_memory_free(context, RAPT_MEMORY_PINNED, memory, NULL);
  rapt_context_destroy(context);
  return check_finish("norm_test");
}

int main(int argc, char **argv) {
  check_start();
  if (argc > 1 && !strcmp(argv[1], "--cuda")) return run_cuda();
  int count;
  const tier *tiers = test_tiers(0, &count);
  for (int i = 0; i < count * THREAD_COUNTS; i++) {
    contexts[context_count++] = tiers[i / THREAD_COUNTS].context[i % THREAD_COUNTS];
  }
  run_cases();
  run_special();
  run_refusals();
  for (int i = 0; i < BUFFERS; i++) guard_free(&guarded[i]);
  return check_finish("norm_test");
}
