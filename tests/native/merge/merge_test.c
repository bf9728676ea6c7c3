// SPDX-License-Identifier: Apache-2.0
// Merging against its definition in double and against attention over all keys at once. merge_test runs every CPU tier;
// merge_test --cuda runs the CUDA device, on memory that both sides reach.
#include <float.h>
#include <math.h>
#include <rapt/rapt.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/contexts.h"
#include "support/guard.h"
#include "support/random.h"
#include "support/reference.h"
#include "support/storage.h"

enum { LAYOUTS = 5, MOST_CONTEXTS = MAX_TIERS * THREAD_COUNTS, BUFFERS = 8 };

static rapt_context *contexts[MOST_CONTEXTS];
static int context_count;
static int on_cuda;

// The memory of one case: exact, and between guard pages where the host alone uses it.
static guard_buffer guarded[BUFFERS];
static void *pinned[BUFFERS];

static void *take(int slot, size_t bytes) {
  if (!on_cuda) return guard_place(&guarded[slot], bytes, slot % 2 ? GUARD_BEGIN : GUARD_END);
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_memory_free(contexts[0], RAPT_MEMORY_PINNED, pinned[slot], &error) == RAPT_OK, "%s", error.message);
  CHECK(rapt_memory_allocate(contexts[0], RAPT_MEMORY_PINNED, (int64_t)bytes, &pinned[slot], &error) == RAPT_OK, "%s",
        error.message);
  if (bytes) memset(pinned[slot], CANARY, bytes);
  return pinned[slot];
}

// A tensor of these sizes, dense in an order of dimensions, or backwards along some of them.
static rapt_tensor lay(int slot, int32_t dtype, int rank, const int64_t *size, int layout) {
  static const int orders[LAYOUTS][5] = {
      {0, 1, 2, 3, 4}, {1, 2, 3, 0, 4}, {0, 1, 3, 2, 4}, {4, 0, 1, 2, 3}, {0, 1, 2, 3, 4}};
  rapt_tensor t = {.dtype = dtype};
  int64_t count = 1, begin = 0;
  for (int i = 4; i >= 0; i--) {
    int d = orders[layout][i];
    if (d < rank) {
      t.stride[d] = count;
      count *= size[d];
    }
  }
  for (int d = 0; layout == 4 && d < rank; d += 2) {
    begin += size[d] ? (size[d] - 1) * t.stride[d] : 0;
    t.stride[d] = -t.stride[d];
  }
  unsigned char *data = take(slot, (size_t)count * storage_size(dtype));
  t.data = data + (count ? begin : 0) * (int64_t)storage_size(dtype);
  return t;
}

static void *element(const rapt_tensor *t, const int64_t *index, int rank) {
  int64_t at = 0;
  for (int d = 0; d < rank; d++) at += index[d] * t->stride[d];
  return (unsigned char *)t->data + at * (int64_t)storage_size(t->dtype);
}

// Half a unit of the last place of a result of this type.
static double half_ulp(int32_t dtype, double x) {
  int bits = dtype == RAPT_F32 ? 24 : dtype == RAPT_F16 ? 11 : 8, exponent;
  frexp(x, &exponent);
  int least = dtype == RAPT_F16 ? -13 : -125;
  return ldexp(0.5, (exponent > least ? exponent : least) - bits);
}

// One row by the definition: its value at v, and what f32 arithmetic may be off by. Devices add so many parts in f32
// and go on in double, so the error does not grow with their number.
enum { MOST_IN_F32 = 128 };
static double expected_output(const rapt_merge *c, const int64_t at[3], int64_t v, double lse, double *bound) {
  double sum = 0, magnitude = 0;
  for (int64_t n = 0; n < c->parts; n++) {
    const int64_t index[5] = {n, at[0], at[1], at[2], v};
    double part = (double)*(const float *)element(&c->partial_lse, index, 4);
    if (part == -INFINITY) continue;
    double term =
        exp(part - lse) * (double)storage_get(element(&c->partial_output, index, 5), c->partial_output.dtype, 0);
    sum += term;
    magnitude += fabs(term);
  }
  int64_t rounded = c->parts < MOST_IN_F32 ? c->parts : MOST_IN_F32;
  *bound = 0x1p-24 * (double)(rounded + 4) * magnitude + half_ulp(c->output.dtype, sum) + 0x1p-140;
  return sum;
}

static double expected_lse(const rapt_merge *c, const int64_t at[3]) {
  double most = -INFINITY, sum = 0;
  for (int pass = 0; pass < 2; pass++) {
    for (int64_t n = 0; n < c->parts; n++) {
      const int64_t index[4] = {n, at[0], at[1], at[2]};
      double lse = (double)*(const float *)element(&c->partial_lse, index, 4);
      if (isnan(lse)) return lse;
      if (pass == 0) {
        most = lse > most ? lse : most;
      } else {
        sum += exp(lse - most);
      }
    }
    if (most == -INFINITY) return most;
  }
  return most + log(sum);
}

static void expect(const char *what, double got, double exact, double bound) {
  int same = isnan(exact) ? isnan(got) : isinf(exact) ? got == exact : fabs(got - exact) <= bound;
  CHECK(same, "%s is %.9g; expected %.9g within %.3g", what, got, exact, bound);
}

static void judge(const rapt_merge *c) {
  int64_t rows = c->batch * c->heads * c->query_len;
  for (int64_t row = 0; row < rows; row++) {
    const int64_t at[] = {row / c->query_len / c->heads, row / c->query_len % c->heads, row % c->query_len};
    double lse = expected_lse(c, at), bound = 0;
    if (c->lse.dtype) {
      expect("lse", (double)*(const float *)element(&c->lse, at, 3), lse, 0x1p-24 * fabs(lse) + 0x1p-140);
    }
    for (int64_t v = 0; v < c->value_dim; v++) {
      const int64_t index[] = {at[0], at[1], at[2], v};
      double exact = isnan(lse) ? lse : expected_output(c, at, v, lse, &bound);
      expect("output", (double)storage_get(element(&c->output, index, 4), c->output.dtype, 0), exact, bound);
    }
  }
}

typedef struct merge_case {
  int64_t parts, batch, heads, query_len, value_dim;
  int32_t from, to;
  int layout, lse;
  int empty_percent;
  float spread;
  int64_t seed;
} merge_case;

static rapt_merge build(const merge_case *k) {
  const int64_t size[] = {k->parts, k->batch, k->heads, k->query_len, k->value_dim};
  rapt_merge c = {.head = {.struct_size = sizeof c},
                  .parts = k->parts,
                  .batch = k->batch,
                  .heads = k->heads,
                  .query_len = k->query_len,
                  .value_dim = k->value_dim};
  c.partial_output = lay(0, k->from, 5, size, k->layout);
  c.partial_lse = lay(1, RAPT_F32, 4, size, k->layout);
  c.output = lay(2, k->to, 4, size + 1, k->layout);
  if (k->lse) c.lse = lay(3, RAPT_F32, 3, size + 1, k->layout);
  random_state r = {(uint64_t)k->seed};
  int64_t rows = k->batch * k->heads * k->query_len;
  for (int64_t i = 0; i < k->parts * rows; i++) {
    const int64_t row = i % rows, s = row % k->query_len, h = row / k->query_len % k->heads;
    int64_t index[] = {i / rows, row / k->query_len / k->heads, h, s, 0};
    int empty = random_percent(&r, k->empty_percent);
    *(float *)element(&c.partial_lse, index, 4) = empty ? -INFINITY : k->spread * random_unit(&r);
    for (; index[4] < k->value_dim; index[4]++) {
      // An empty part may hold anything.
      storage_set(element(&c.partial_output, index, 5), k->from, 0, empty ? NAN : random_unit(&r));
    }
  }
  return c;
}

static size_t output_bytes(const rapt_merge *c) {
  return (size_t)(c->batch * c->heads * c->query_len * c->value_dim) * storage_size(c->output.dtype);
}

// The lowest address of a tensor that lay made.
static unsigned char *start_of(const rapt_tensor *t, int rank, const int64_t *size) {
  int64_t low = 0;
  // Of no bytes there may be no address either.
  if (t->data == NULL) return NULL;
  for (int d = 0; d < rank; d++) low += t->stride[d] < 0 && size[d] ? (size[d] - 1) * t->stride[d] : 0;
  return (unsigned char *)t->data + low * (int64_t)storage_size(t->dtype);
}

static void run_case(const merge_case *k) {
  check_set_case(
      "merge parts=%lld batch=%lld heads=%lld query_len=%lld value_dim=%lld from=%d to=%d layout=%d seed=%lld",
      (long long)k->parts, (long long)k->batch, (long long)k->heads, (long long)k->query_len, (long long)k->value_dim,
      k->from, k->to, k->layout, (long long)k->seed);
  rapt_merge c = build(k);
  const int64_t size[] = {k->batch, k->heads, k->query_len, k->value_dim};
  size_t bytes = output_bytes(&c);
  unsigned char *start = start_of(&c.output, 4, size), *before = malloc(bytes + 1);
  for (int i = 0; i < context_count; i++) {
    rapt_error error = {.struct_size = sizeof error};
    rapt_plan plan = {.struct_size = sizeof plan};
    CHECK(rapt_merge_plan(contexts[i], &c, &plan, &error) == RAPT_OK && plan.supported &&
              !strncmp(plan.name, "merge_", 6),
          "plan '%s': %s%s", plan.name, error.message, plan.reason);
    if (bytes) memset(start, CANARY, bytes);
    CHECK(rapt_merge_run(contexts[i], &c, &error) == RAPT_OK, "%s", error.message);
    judge(&c);
    // Contexts come in groups that differ in threads alone.
    CHECK(i % THREAD_COUNTS == 0 || on_cuda || !memcmp(before, start, bytes), "other bits with other threads");
    if (bytes) memcpy(before, start, bytes);
  }
  free(before);
  check_set_case("%s", "");
}

static void run_cases(void) {
  static const int32_t types[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
  for (int64_t d = 1; d <= 40; d++) {
    run_case(&(merge_case){3, 2, 2, 3, d, types[d % 3], types[d / 3 % 3], (int)(d % LAYOUTS), d % 2 == 0, 20, 6, d});
  }
  static const int64_t parts[] = {0, 1, 2, 63, 64, 65, 130};
  for (int i = 0; i < 7; i++) {
    run_case(&(merge_case){parts[i], 1, 2, 5, 64, types[i % 3], types[i % 3], i % LAYOUTS, 1, 30, 20, 100 + i});
  }
  random_state r = {5};
  for (int i = 0; i < test_sweep(400, 200, 60); i++) {
    run_case(&(merge_case){random_between(&r, 0, 12), random_between(&r, 0, 3), random_between(&r, 1, 5),
                           random_between(&r, 0, 20), random_between(&r, 1, 200), types[random_between(&r, 0, 2)],
                           types[random_between(&r, 0, 2)], (int)random_between(&r, 0, LAYOUTS - 1),
                           random_percent(&r, 70), (int)random_between(&r, 0, 100), random_percent(&r, 30) ? 200 : 8,
                           1000 + i});
  }
  run_case(&(merge_case){4, 2, 8, 300, 128, RAPT_F32, RAPT_F32, 0, 1, 10, 5, 77});
}

// Very many parts of equal weight whose values are equal too: their mean is that value. Each sum in f32 would round the
// same way, and so lose the more, the more parts there are.
static void run_many(void) {
  static const float values[] = {3, 1 / 3.0f, -0.7f};
  merge_case k = {on_cuda || TEST_REDUCED ? 200000 : 1000000, 1, 1, 1, 3, RAPT_F32, RAPT_F32, 0, 1, 0, 0, 3};
  for (k.layout = 0; k.layout <= 3; k.layout += 3) {
    check_set_case("merge %lld equal parts, layout %d", (long long)k.parts, k.layout);
    rapt_merge c = build(&k);
    for (int64_t n = 0; n < k.parts; n++) {
      for (int64_t v = 0; v < 3; v++) {
        const int64_t index[5] = {n, 0, 0, 0, v};
        *(float *)element(&c.partial_output, index, 5) = values[v];
      }
    }
    for (int i = 0; i < context_count; i += THREAD_COUNTS) {
      rapt_error error = {.struct_size = sizeof error};
      CHECK(rapt_merge_run(contexts[i], &c, &error) == RAPT_OK, "%s", error.message);
      judge(&c);
    }
  }
  check_set_case("%s", "");
}

// What stands in one row reaches no other, and counts however little its part weighs.
static void run_special(void) {
  enum { ROWS = 6, DIM = 8 };
  rapt_error error = {.struct_size = sizeof error};
  merge_case k = {3, 1, 1, ROWS, DIM, RAPT_F32, RAPT_F32, 0, 1, 0, 3, 9};
  rapt_merge c = build(&k);
  // One line for each part: a NaN in a part of weight e^-400, nothing, a NaN among others, a NaN alone, one part, and
  // an infinite part, beside which nothing has a weight.
  static const float parts[3][ROWS] = {{0, -INFINITY, NAN, -INFINITY, -INFINITY, 1},
                                       {-400, -INFINITY, 1, NAN, 2.5f, INFINITY},
                                       {-INFINITY, -INFINITY, 2, -INFINITY, -INFINITY, 2}};
  memcpy(c.partial_lse.data, parts, sizeof parts);
  float *output = c.partial_output.data;
  output[ROWS * DIM] = NAN;
  for (int i = 0; i < context_count; i++) {
    CHECK(rapt_merge_run(contexts[i], &c, &error) == RAPT_OK, "%s", error.message);
    const float *out = c.output.data, *total = c.lse.data;
    CHECK(isnan(out[0]) && !isnan(out[1]) && total[0] == 0, "row 0: %g %g, lse %g", out[0], out[1], total[0]);
    CHECK(total[1] == -INFINITY && total[4] == 2.5f, "lse %g %g", total[1], total[4]);
    CHECK(isnan(total[2]) && isnan(total[3]) && isnan(total[5]), "lse %g %g %g", total[2], total[3], total[5]);
    for (int v = 0; v < DIM; v++) {
      CHECK(out[DIM + v] == 0 && out[4 * DIM + v] == output[ROWS * DIM + 4 * DIM + v], "rows 1 and 4 at %d", v);
      CHECK(isnan(out[2 * DIM + v]) && isnan(out[3 * DIM + v]) && isnan(out[5 * DIM + v]), "rows of NaN at %d", v);
    }
  }
}

// Attention over all keys, and over parts of them with a sink on one, merged.
static void run_attention(void) {
  enum { HEADS = 4, KV_HEADS = 2, QUERIES = 7, KEYS = 90, DIM = 24, PARTS = 4 };
  static const int64_t ends[PARTS + 1] = {0, 31, 31, 64, KEYS};
  const int64_t q[] = {1, HEADS, QUERIES, DIM}, kv[] = {1, KV_HEADS, KEYS, DIM},
                part[] = {PARTS, 1, HEADS, QUERIES, DIM};
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = lay(0, RAPT_F32, 4, q, 0),
                    .key = lay(1, RAPT_F32, 4, kv, 0),
                    .value = lay(2, RAPT_F32, 4, kv, 0),
                    .batch = 1,
                    .query_heads = HEADS,
                    .kv_heads = KV_HEADS,
                    .query_len = QUERIES,
                    .kv_len = KEYS,
                    .head_dim = DIM,
                    .value_dim = DIM,
                    .options = {.flags = RAPT_CAUSAL, .position = 40}};
  rapt_merge merge = {.head = {.struct_size = sizeof merge},
                      .partial_output = lay(3, RAPT_F32, 5, part, 0),
                      .partial_lse = lay(4, RAPT_F32, 4, part, 0),
                      .output = lay(5, RAPT_F32, 4, part + 1, 0),
                      .lse = lay(6, RAPT_F32, 3, part + 1, 0),
                      .parts = PARTS,
                      .batch = 1,
                      .heads = HEADS,
                      .query_len = QUERIES,
                      .value_dim = DIM};
  const int64_t per_head[] = {1, HEADS};
  rapt_tensor sinks = lay(7, RAPT_F32, 2, per_head, 0);
  random_state r = {31};
  for (int64_t i = 0; i < HEADS * QUERIES * DIM; i++) ((float *)call.query.data)[i] = 3 * random_unit(&r);
  for (int64_t i = 0; i < KV_HEADS * KEYS * DIM; i++) ((float *)call.key.data)[i] = 2 * random_unit(&r);
  for (int64_t i = 0; i < KV_HEADS * KEYS * DIM; i++) ((float *)call.value.data)[i] = random_unit(&r);
  for (int64_t i = 0; i < HEADS; i++) ((float *)sinks.data)[i] = random_unit(&r);
  static reference_number output[HEADS * QUERIES * DIM], lse[HEADS * QUERIES];
  call.sinks = sinks;
  reference_attention(&call, &(reference_attended){output, lse, NULL});
  for (int i = 0; i < context_count; i++) {
    rapt_error error = {.struct_size = sizeof error};
    for (int n = 0; n < PARTS; n++) {
      rapt_sdpa piece = call;
      piece.kv_len = ends[n + 1] - ends[n];
      piece.key.data = (float *)call.key.data + ends[n] * DIM;
      piece.value.data = (float *)call.value.data + ends[n] * DIM;
      piece.options.position = call.options.position - ends[n];
      piece.sinks = n == 2 ? sinks : (rapt_tensor){.dtype = 0};
      piece.output = merge.partial_output;
      piece.output.data = (float *)merge.partial_output.data + n * HEADS * QUERIES * DIM;
      memmove(piece.output.stride, merge.partial_output.stride + 1, 4 * sizeof(int64_t));
      piece.lse = merge.partial_lse;
      piece.lse.data = (float *)merge.partial_lse.data + n * HEADS * QUERIES;
      memmove(piece.lse.stride, merge.partial_lse.stride + 1, 3 * sizeof(int64_t));
      CHECK(rapt_sdpa_run(contexts[i], &piece, &error) == RAPT_OK, "part %d: %s", n, error.message);
    }
    CHECK(rapt_merge_run(contexts[i], &merge, &error) == RAPT_OK, "%s", error.message);
    for (int e = 0; e < HEADS * QUERIES * DIM; e++) {
      expect("merged output", (double)((float *)merge.output.data)[e], output[e].value, 2 * output[e].error);
    }
    for (int e = 0; e < HEADS * QUERIES; e++) {
      expect("merged lse", (double)((float *)merge.lse.data)[e], lse[e].value, 2 * lse[e].error);
    }
  }
}

static void refused(rapt_merge *c, const char *part) {
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_merge_run(contexts[0], c, &error) == RAPT_INVALID_ARGUMENT && strstr(error.message, part) != NULL,
        "expected \"%s\", got \"%s\"", part, error.message);
}

static void run_refusals(void) {
  merge_case k = {2, 1, 2, 3, 8, RAPT_F32, RAPT_F32, 0, 1, 0, 3, 4};
  rapt_merge good = build(&k), c = good;
  c.output.data = good.partial_output.data;
  refused(&c, "output overlaps partial_output in memory");
  c = good, c.lse.data = good.partial_lse.data;
  refused(&c, "lse overlaps partial_lse in memory");
  c = good, c.partial_lse.dtype = RAPT_F16;
  refused(&c, "partial_lse has dtype 3; allowed: 1 (f32)");
  c = good, c.partial_lse = (rapt_tensor){.dtype = 0};
  refused(&c, "partial_lse is absent");
  c = good, c.parts = -1;
  refused(&c, "parts is -1; allowed: 0 to");
  c = good, c.value_dim = 1025;
  refused(&c, "value_dim is 1025; allowed: 1 to 1024");
  c = good, c.output.stride[2] = 0;
  refused(&c, "output has strides by which its elements overlap each other");
}

int main(int argc, char **argv) {
  check_start();
  on_cuda = argc > 1 && !strcmp(argv[1], "--cuda");
  if (on_cuda) {
    rapt_context_options options = {.struct_size = sizeof options, .device = RAPT_DEVICE_CUDA};
    rapt_error error = {.struct_size = sizeof error};
    if (rapt_context_create(&options, &contexts[0], &error) != RAPT_OK) {
      check_abort("no CUDA context: %s", error.message);
    }
    context_count = 1;
  } else {
    int count;
    const tier *tiers = test_tiers(1, &count);
    for (int i = 0; i < count * THREAD_COUNTS; i++) {
      contexts[context_count++] = tiers[i / THREAD_COUNTS].context[i % THREAD_COUNTS];
    }
  }
  run_cases();
  run_many();
  run_special();
  run_attention();
  run_refusals();
  for (int i = 0; i < BUFFERS; i++) {
    guard_free(&guarded[i]);
    if (on_cuda) rapt_memory_free(contexts[0], RAPT_MEMORY_PINNED, pinned[i], NULL);
  }
  if (on_cuda) rapt_context_destroy(contexts[0]);
  return check_finish("merge_test");
}
