// SPDX-License-Identifier: Apache-2.0
// Calls under a floating-point environment that the caller has changed: the results are those of the default one, and
// the caller's is as it was. The test corpus_environment does the same for every operation and option.
#include <float.h>
#include <math.h>
#include <rapt/rapt.h>
#include <string.h>
#include <xmmintrin.h>

#include "support/check.h"
#include "support/contexts.h"
#include "support/random.h"

#define DENORMALS_ARE_ZERO 0x0040u
#define FLUSH_TO_ZERO 0x8000u
#define NO_TRAPS 0x1f80u
#define CONTROL 0xffc0u

// Flushing as -ffast-math sets it; the other roundings; and every exception a trap.
static const unsigned environments[] = {NO_TRAPS | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO, NO_TRAPS | 0x2000,
                                        NO_TRAPS | 0x4000, NO_TRAPS | 0x6000, 0};
enum { ENVIRONMENTS = sizeof environments / sizeof *environments, MOST = 64 * 64 };

static rapt_tensor rows(void *data, int64_t length, int64_t depth) {
  return (rapt_tensor){
      .data = data, .stride = {length * depth, length * depth, depth, 1}, .dtype = data == NULL ? 0 : RAPT_F32};
}

// Runs `call` in the environment and checks that the caller still has it.
static void run_in(unsigned environment, rapt_context *context, const rapt_sdpa *call) {
  rapt_error error = {.struct_size = sizeof error};
  unsigned before = _mm_getcsr();
  _mm_setcsr(environment);
  rapt_status status = rapt_sdpa_run(context, call, &error);
  unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  CHECK(status == RAPT_OK, "run: %s", error.message);
  CHECK((after & CONTROL) == environment, "MXCSR is %x after the call; it was %x", after, environment);
}

// A context made in the environment, whose workers must not have it.
static rapt_context *context_in(unsigned environment, int32_t isa, int32_t threads) {
  unsigned before = _mm_getcsr();
  _mm_setcsr(environment);
  rapt_context *context = context_of(isa, threads);
  unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  CHECK((after & CONTROL) == environment, "MXCSR is %x after a context was made; it was %x", after, environment);
  return context;
}

// Denormal values, queries and biases beside ordinary ones, and the same bits as by default.
static void check_bits(int32_t isa, int64_t length, int64_t kv_len) {
  static float query[MOST], key[MOST], value[MOST], bias[MOST], expected[MOST], got[MOST];
  // Four heads of at most 64 rows fill MOST elements.
  const int64_t depth = 16;
  random_state r = {(uint64_t)length};
  for (int i = 0; i < MOST; i++) {
    query[i] = random_unit(&r) * (i % 3 == 0 ? 0x1p-130f : 1);
    key[i] = random_unit(&r) * 4;
    value[i] = random_unit(&r) * (i % 2 == 0 ? 0x1p-128f : 0x1p-126f);
    bias[i] = random_unit(&r) * (i % 5 == 0 ? 0x1p-140f : 30);
  }
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = rows(query, length, depth),
                    .key = rows(key, kv_len, depth),
                    .value = rows(value, kv_len, depth),
                    .output = rows(expected, length, depth),
                    .bias = rows(bias, length, kv_len),
                    .batch = 1,
                    .query_heads = 4,
                    .kv_heads = 4,
                    .query_len = length,
                    .kv_len = kv_len,
                    .head_dim = depth,
                    .value_dim = depth};
  call.bias.stride[0] = call.bias.stride[1] = 0;
  size_t bytes = (size_t)(call.query_heads * length * depth) * sizeof(float);
  rapt_context *plain = context_of(isa, 1);
  run_in(NO_TRAPS, plain, &call);
  call.output.data = got;
  for (int e = 0; e < ENVIRONMENTS; e++) {
    for (int32_t threads = 1; threads <= 3; threads += 2) {
      check_set_case("MXCSR %04x, %s, %d threads, %lld queries", environments[e], rapt_isa_name(isa), threads,
                     (long long)length);
      rapt_context *context = context_in(environments[e], isa, threads);
      memset(got, 0, bytes);
      run_in(environments[e], context, &call);
      CHECK(memcmp(got, expected, bytes) == 0, "other bits than by default");
      rapt_context_destroy(context);
    }
  }
  rapt_context_destroy(plain);
}

// A visible key whose weight is e^-500, 0 in f32, has NaN values, as a masked one has: NaN is to show.
static void check_vanishing_weight(int32_t isa) {
  float query = 1, key[3] = {500, 0, 0}, value[3] = {1, NAN, NAN}, output = 0;
  unsigned char mask[3] = {1, 1, 0};
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = rows(&query, 1, 1),
                    .key = rows(key, 3, 1),
                    .value = rows(value, 3, 1),
                    .output = rows(&output, 1, 1),
                    .mask = {.data = mask, .stride = {0, 0, 0, 1}, .dtype = RAPT_BOOL},
                    .batch = 1,
                    .query_heads = 1,
                    .kv_heads = 1,
                    .query_len = 1,
                    .kv_len = 3,
                    .head_dim = 1,
                    .value_dim = 1};
  rapt_context *context = context_of(isa, 1);
  for (int e = 0; e < ENVIRONMENTS; e++) {
    check_set_case("a vanishing weight, MXCSR %04x, %s", environments[e], rapt_isa_name(isa));
    run_in(environments[e], context, &call);
    CHECK(isnan(output), "the output is %g; expected NaN", (double)output);
  }
  rapt_context_destroy(context);
}

// A scale, a softcap that only denormals-are-zero takes for 0.
static void check_options(int32_t isa) {
  float row[1] = {1}, output = 0;
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = rows(row, 1, 1),
                    .key = rows(row, 1, 1),
                    .value = rows(row, 1, 1),
                    .output = rows(&output, 1, 1),
                    .batch = 1,
                    .query_heads = 1,
                    .kv_heads = 1,
                    .query_len = 1,
                    .kv_len = 1,
                    .head_dim = 1,
                    .value_dim = 1,
                    .options = {.softcap = FLT_TRUE_MIN, .scale = FLT_TRUE_MIN, .flags = RAPT_SCALE}};
  rapt_context *context = context_of(isa, 1);
  for (int e = 0; e < ENVIRONMENTS; e++) {
    check_set_case("a denormal softcap, MXCSR %04x, %s", environments[e], rapt_isa_name(isa));
    run_in(environments[e], context, &call);
    CHECK(output == 1, "the output is %g; expected 1", (double)output);
  }
  rapt_context_destroy(context);
}

int main(void) {
  int32_t tiers[MAX_TIERS];
  int count = usable_tiers(tiers);
  check_start();
  for (int t = 0; t < count; t++) {
    check_bits(tiers[t], 40, 20);
    check_bits(tiers[t], 1, 64);
    check_vanishing_weight(tiers[t]);
    check_options(tiers[t]);
  }
  return check_finish("environment_test");
}
