// SPDX-License-Identifier: Apache-2.0
// GELU against its definition in double, by the complementary error function of the C library. gelu_test runs every CPU
// tier; gelu_test --cuda sees that a CUDA device says that it has no kernel.
#include <math.h>
#include <rapt/rapt.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/contexts.h"
#include "support/guard.h"
#include "support/random.h"
#include "support/storage.h"

enum { LAYOUTS = 4, MOST_CONTEXTS = MAX_TIERS * THREAD_COUNTS };

static rapt_context *contexts[MOST_CONTEXTS];
static int context_count;
static guard_buffer guarded[2];

typedef struct gelu_case {
  int64_t batch, rows, features;
  int32_t from, to;
  int layout, in_place;
  float spread;
  int64_t seed;
} gelu_case;

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

static double exact_gelu(double x) { return x * 0.5 * erfc(-x * sqrt(0.5)); }

// What gelu.h allows. An f32 result is rounded once, which its 12 units include.
static double allowed(int32_t dtype, double exact) {
  return 12 * 0x1p-24 * fabs(exact) + 0x1p-147 + (dtype == RAPT_F32 ? 0 : half_ulp(dtype, exact));
}

static void expect(int32_t dtype, float x, double got) {
  if (isnan(x) || isinf(x)) {
    CHECK(isnan(x) ? isnan(got) : got == (x > 0 ? INFINITY : 0), "gelu(%g) is %.9g", (double)x, got);
    return;
  }
  double exact = exact_gelu((double)x), bound = allowed(dtype, exact);
  // f16 has no room for the largest.
  if (dtype == RAPT_F16 && exact > 65504) return;
  CHECK(fabs(got - exact) <= bound, "gelu(%.9g) is %.9g; expected %.9g within %.3g", (double)x, got, exact, bound);
}

static void run_case(const gelu_case *k) {
  check_set_case("gelu batch=%lld rows=%lld features=%lld from=%d to=%d layout=%d in_place=%d spread=%g seed=%lld",
                 (long long)k->batch, (long long)k->rows, (long long)k->features, k->from, k->to, k->layout,
                 k->in_place, (double)k->spread, (long long)k->seed);
  const int64_t size[3] = {k->batch, k->rows, k->features};
  int64_t count = k->batch * k->rows * k->features;
  rapt_gelu c = {.head = {.struct_size = sizeof c}, .batch = k->batch, .rows = k->rows, .features = k->features};
  c.input = lay(0, k->from, size, k->layout);
  c.output = k->in_place ? c.input : lay(1, k->to, size, k->layout);
  float *values = malloc((size_t)count * sizeof(float) + 1), *before = malloc((size_t)count * sizeof(float) + 1);
  for (int i = 0; i < context_count; i++) {
    random_state r = {(uint64_t)k->seed};
    for (int64_t e = 0; e < count; e++) {
      void *at = element(&c.input, e / k->features / k->rows, e / k->features % k->rows, e % k->features);
      storage_set(at, k->from, 0, k->spread * random_unit(&r));
      values[e] = storage_get(at, k->from, 0);
    }
    rapt_error error = {.struct_size = sizeof error};
    CHECK(rapt_gelu_run(contexts[i], &c, &error) == RAPT_OK, "%s", error.message);
    for (int64_t e = 0; e < count; e++) {
      void *at = element(&c.output, e / k->features / k->rows, e / k->features % k->rows, e % k->features);
      float got = storage_get(at, c.output.dtype, 0);
      expect(c.output.dtype, values[e], (double)got);
      // Contexts come in groups that differ in threads alone.
      CHECK(i % THREAD_COUNTS == 0 || !memcmp(&before[e], &got, sizeof got), "other bits with other threads");
      before[e] = got;
    }
  }
  free(values), free(before);
  check_set_case("%s", "");
}

static void run_cases(void) {
  static const int32_t types[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
  // Around vectors, and around the pieces that rows are cut into.
  for (int64_t f = 1; f <= 40; f++) {
    run_case(&(gelu_case){2, 3, f, types[f % 3], types[f / 3 % 3], (int)(f % LAYOUTS), f % 5 == 0, 6, f});
  }
  static const int64_t widths[] = {1023, 1024, 1025, 2049};
  for (int i = 0; i < 12; i++) {
    run_case(&(gelu_case){1, 3, widths[i % 4], types[i % 3], types[i / 4], i % LAYOUTS, i % 2, 15, 100 + i});
  }
  random_state r = {5};
  for (int i = 0; i < test_sweep(300, 150, 50); i++) {
    run_case(&(gelu_case){random_between(&r, 0, 3), random_between(&r, 0, 20), random_between(&r, 1, 300),
                          types[random_between(&r, 0, 2)], types[random_between(&r, 0, 2)],
                          (int)random_between(&r, 0, LAYOUTS - 1), random_percent(&r, 30),
                          random_percent(&r, 30) ? 100 : 4, 1000 + i});
  }
  // Enough for several tasks on several threads.
  run_case(&(gelu_case){1, 100, 1536, RAPT_F32, RAPT_F32, 0, 1, 4, 77});
}

// Every sign and exponent of f32, and a drawn fraction, besides the numbers that are none.
static void run_everywhere(void) {
  enum { STEPS = 1 << 16 };
  static const float special[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 14.5f, -14.5f, -13.2f, -14.2f, 3e38f, -3e38f};
  const int64_t size[3] = {1, 1, STEPS};
  rapt_gelu c = {.head = {.struct_size = sizeof c}, .batch = 1, .rows = 1, .features = STEPS};
  c.input = lay(0, RAPT_F32, size, 0);
  c.output = lay(1, RAPT_F32, size, 0);
  float *in = c.input.data, *out = c.output.data;
  random_state r = {11};
  for (int64_t e = 0; e < STEPS; e++) {
    uint32_t bits = (uint32_t)e << 16 | (uint32_t)random_between(&r, 0, 0xffff);
    memcpy(&in[e], &bits, sizeof bits);
  }
  memcpy(in, special, sizeof special);
  for (int i = 0; i < context_count; i++) {
    rapt_error error = {.struct_size = sizeof error};
    rapt_plan plan = {.struct_size = sizeof plan};
    CHECK(rapt_gelu_plan(contexts[i], &c, &plan, &error) == RAPT_OK && plan.supported &&
              !strncmp(plan.name, "gelu_f32_", 9),
          "plan '%s': %s%s", plan.name, error.message, plan.reason);
    CHECK(rapt_gelu_run(contexts[i], &c, &error) == RAPT_OK, "%s", error.message);
    for (int64_t e = 0; e < STEPS; e++) expect(RAPT_F32, in[e], (double)out[e]);
    CHECK(out[1] == 0 && signbit(out[1]), "gelu(-0) is %g", (double)out[1]);
  }
}

static void refused(rapt_gelu *c, const char *part) {
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_gelu_run(contexts[0], c, &error) == RAPT_INVALID_ARGUMENT && strstr(error.message, part) != NULL,
        "expected \"%s\", got \"%s\"", part, error.message);
}

static void run_refusals(void) {
  const int64_t size[3] = {2, 3, 8};
  rapt_gelu good = {.head = {.struct_size = sizeof good}, .batch = 2, .rows = 3, .features = 8}, c;
  good.input = lay(0, RAPT_F32, size, 0);
  good.output = lay(1, RAPT_F32, size, 0);
  c = good, c.output.data = (float *)good.input.data + 1;
  refused(&c, "output overlaps input in memory");
  c = good, c.input.dtype = RAPT_I32;
  refused(&c, "input has dtype");
  c = good, c.output = (rapt_tensor){.dtype = 0};
  refused(&c, "output is absent");
  c = good, c.features = 0;
  refused(&c, "features is 0; allowed: 1 to");
  c = good, c.rows = -1;
  refused(&c, "rows is -1; allowed: 0 to");
}

static int run_cuda(void) {
  rapt_context_options options = {.struct_size = sizeof options, .device = RAPT_DEVICE_CUDA};
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_context *context;
  if (rapt_context_create(&options, &context, &error) != RAPT_OK) check_abort("no CUDA context: %s", error.message);
  void *memory = NULL;
  CHECK(rapt_memory_allocate(context, RAPT_MEMORY_PINNED, 64, &memory, &error) == RAPT_OK, "%s", error.message);
  rapt_tensor row = {memory, {4, 4, 1}, .dtype = RAPT_F32};
  rapt_gelu c = {.head = {.struct_size = sizeof c}, .input = row, .output = row, .batch = 1, .rows = 1, .features = 4};
  CHECK(rapt_gelu_plan(context, &c, &plan, &error) == RAPT_OK && !plan.supported &&
            strstr(plan.reason, "no kernel for gelu") != NULL,
        "plan '%s': %s%s", plan.name, error.message, plan.reason);
  CHECK(rapt_gelu_run(context, &c, &error) == RAPT_UNSUPPORTED && strstr(error.message, "no kernel for gelu") != NULL,
        "%s", error.message);
  rapt_memory_free(context, RAPT_MEMORY_PINNED, memory, NULL);
  rapt_context_destroy(context);
  return check_finish("gelu_test");
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
  run_everywhere();
  run_refusals();
  for (int i = 0; i < 2; i++) guard_free(&guarded[i]);
  return check_finish("gelu_test");
}
