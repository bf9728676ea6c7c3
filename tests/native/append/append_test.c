// SPDX-License-Identifier: Apache-2.0
// Appending to a cache against its definition, between guard pages. What is stored as a floating-point number is known
// bit by bit; an integer is off by at most half a scale. Slots that nobody names keep what they had. append_test runs
// every CPU tier; append_test --cuda sees that a CUDA device says that it has no kernel.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/contexts.h"
#include "support/guard.h"
#include "support/random.h"
#include "support/storage.h"

typedef struct append_case {
  int64_t batch, kv_heads, length, head_dim, value_dim, pages, page_size, query_heads;
  // 0 = nothing turns. table: rows of cosine and sine, 0 = a row per token.
  int64_t rotary_dim, table, interleaved;
  int64_t key_groups, value_groups;
  int32_t from, key_cache, value_cache, index;
  // Of the cache: 0 heads outside of rows, 1 rows outside of heads, 2 padded, 3 elements apart.
  int layout;
  int special;
  int64_t seed;
} append_case;

enum { CACHE_LAYOUTS = 4, MOST_CONTEXTS = MAX_TIERS * THREAD_COUNTS };

typedef struct append_tensors {
  test_tensor key, value, slots, key_cache, key_scale, value_cache, value_scale, query, cosine, sine, positions;
  // The query as it was, dense, and each slot's token or -1.
  float *query_before;
  int64_t *owner;
} append_tensors;

static rapt_context *contexts[MOST_CONTEXTS];
static int context_count;
static append_tensors t;

static void place(test_tensor *to, int32_t dtype, int64_t a, int64_t b, int64_t c, int64_t d, int layout, int side) {
  const int64_t size[4] = {a, b, c, d};
  const int64_t layouts[CACHE_LAYOUTS][4] = {
      {b * c * d, c * d, d, 1},
      {c * b * d, d, b * d, 1},
      {b * c * (d + 3) + 5, c * (d + 3), d + 3, 1},
      {b * c * d, c * d, 1, c},
  };
  test_tensor_place(to, dtype, 4, size, layouts[layout], side);
}

// Of (batch, length, pairs) or (rows, pairs): the rank is the struct's business.
static void place_dense(test_tensor *to, int32_t dtype, int rank, int64_t a, int64_t b, int64_t c, int side) {
  const int64_t size[3] = {a, b, c}, stride[3] = {rank == 3 ? b * c : rank == 2 ? b : 1, rank == 3 ? c : 1, 1};
  test_tensor_place(to, dtype, rank, size, stride, side);
}

static void fill(test_tensor *to, random_state *r, int special) {
  for (int64_t i = 0; tensor_present(&to->tensor) && i < to->size[0]; i++) {
    for (int64_t j = 0; j < to->size[1]; j++) {
      for (int64_t k = 0; k < (to->rank > 2 ? to->size[2] : 1); k++) {
        for (int64_t l = 0; l < (to->rank > 3 ? to->size[3] : 1); l++) {
          static const float odd[] = {INFINITY, NAN, 0, 1e-42f, 3e38f, -3e38f};
          float x = special && random_percent(r, 3) ? odd[random_between(r, 0, 5)] : 3 * random_unit(r);
          storage_set(to->tensor.data, to->tensor.dtype, tensor_index(&to->tensor, i, j, k, l), x);
        }
      }
    }
  }
}

static void set_index(test_tensor *to, int64_t b, int64_t s, int64_t value) {
  int64_t at = tensor_index(&to->tensor, b, s, 0, 0);
  if (to->tensor.dtype == RAPT_I32) {
    ((int32_t *)to->tensor.data)[at] = (int32_t)value;
  } else {
    ((int64_t *)to->tensor.data)[at] = value;
  }
}

static int64_t index_at(const test_tensor *from, int64_t b, int64_t s) {
  int64_t at = tensor_index(&from->tensor, b, s, 0, 0);
  return from->tensor.dtype == RAPT_I32 ? ((const int32_t *)from->tensor.data)[at]
                                        : ((const int64_t *)from->tensor.data)[at];
}

// Slots in any order, a tenth of the tokens left out, and where the cache is too small, more.
static void draw_slots(const append_case *k, random_state *r) {
  int64_t count = k->pages * k->page_size;
  t.owner = realloc(t.owner, (size_t)count * sizeof *t.owner);
  for (int64_t i = 0; i < count; i++) t.owner[i] = -1;
  int64_t free_slots = count;
  for (int64_t i = 0; i < k->batch * k->length; i++) {
    int64_t slot = -1;
    if (free_slots > 0 && !random_percent(r, 10)) {
      slot = random_between(r, 0, count - 1);
      while (t.owner[slot] >= 0) slot = (slot + 1) % count;
      t.owner[slot] = i;
      free_slots--;
    }
    set_index(&t.slots, i / k->length, i % k->length, slot);
  }
}

static rapt_append build(const append_case *k, random_state *r) {
  int64_t b = k->batch, s = k->length, g = k->kv_heads, pairs = k->rotary_dim / 2;
  place(&t.key, k->from, b, g, s, k->head_dim, k->layout, GUARD_END);
  place(&t.value, k->from, b, g, s, k->value_dim, (k->layout + 1) % CACHE_LAYOUTS, GUARD_BEGIN);
  place(&t.key_cache, k->key_cache, k->pages, g, k->page_size, k->head_dim, k->layout, GUARD_END);
  place(&t.value_cache, k->value_cache, k->pages, g, k->page_size, k->value_dim, k->layout, GUARD_BEGIN);
  test_tensor_clear(&t.key_scale), test_tensor_clear(&t.value_scale), test_tensor_clear(&t.query);
  test_tensor_clear(&t.cosine), test_tensor_clear(&t.sine), test_tensor_clear(&t.positions);
  if (k->key_cache == RAPT_I8) place(&t.key_scale, RAPT_F32, k->pages, g, k->page_size, k->key_groups, 1, GUARD_END);
  if (k->value_cache == RAPT_I8) {
    place(&t.value_scale, RAPT_F32, k->pages, g, k->page_size, k->value_groups, k->layout, GUARD_END);
  }
  place_dense(&t.slots, k->index, 2, b, s, 1, GUARD_END);
  if (pairs > 0) {
    int rank = k->table ? 2 : 3;
    place_dense(&t.cosine, RAPT_F32, rank, k->table ? k->table : b, k->table ? pairs : s, pairs, GUARD_END);
    place_dense(&t.sine, k->from, rank, k->table ? k->table : b, k->table ? pairs : s, pairs, GUARD_BEGIN);
    if (k->table) place_dense(&t.positions, k->index, 2, b, s, 1, GUARD_BEGIN);
    if (k->query_heads) place(&t.query, k->from, b, k->query_heads, s, k->head_dim, (k->layout + 2) % 4, GUARD_END);
  }
  fill(&t.key, r, k->special), fill(&t.value, r, k->special), fill(&t.query, r, k->special);
  fill(&t.cosine, r, 0), fill(&t.sine, r, 0);
  draw_slots(k, r);
  for (int64_t i = 0; k->table && i < b * s; i++) {
    set_index(&t.positions, i / s, i % s, random_between(r, 0, k->table - 1));
  }
  return (rapt_append){.head = {.struct_size = sizeof(rapt_append)},
                       .key = t.key.tensor,
                       .value = t.value.tensor,
                       .slots = t.slots.tensor,
                       .key_cache = t.key_cache.tensor,
                       .key_scale = t.key_scale.tensor,
                       .value_cache = t.value_cache.tensor,
                       .value_scale = t.value_scale.tensor,
                       .query = t.query.tensor,
                       .cosine = t.cosine.tensor,
                       .sine = t.sine.tensor,
                       .positions = t.positions.tensor,
                       .batch = b,
                       .kv_heads = g,
                       .length = s,
                       .head_dim = k->head_dim,
                       .value_dim = k->value_dim,
                       .pages = k->pages,
                       .page_size = k->page_size,
                       .query_heads = tensor_present(&t.query.tensor) ? k->query_heads : 0,
                       .key_scale_groups = k->key_cache == RAPT_I8 ? k->key_groups : 0,
                       .value_scale_groups = k->value_cache == RAPT_I8 ? k->value_groups : 0,
                       .rotary_dim = k->rotary_dim,
                       .table_length = tensor_present(&t.positions.tensor) ? k->table : 0,
                       .flags = k->interleaved && pairs > 0 ? RAPT_ROPE_INTERLEAVED : 0};
}

static float angle(const append_case *k, const test_tensor *of, int64_t b, int64_t s, int64_t i) {
  int64_t at = k->table ? tensor_index(&of->tensor, index_at(&t.positions, b, s), i, 0, 0)
                        : tensor_index(&of->tensor, b, s, i, 0);
  return storage_get(of->tensor.data, of->tensor.dtype, at);
}

// A row of token (b, s) turned, both products rounded before their sum.
static void turn(const append_case *k, int64_t b, int64_t s, float *row) {
  for (int64_t i = 0; i < k->rotary_dim / 2; i++) {
    float *x = row + (k->interleaved ? 2 * i : i), *y = row + (k->interleaved ? 2 * i + 1 : i + k->rotary_dim / 2);
    float cosine = angle(k, &t.cosine, b, s, i), sine = angle(k, &t.sine, b, s, i);
    volatile float cx = cosine * *x, sy = sine * *y, sx = sine * *x, cy = cosine * *y;
    *x = cx - sy;
    *y = sx + cy;
  }
}

static void read_row(const test_tensor *from, int64_t i, int64_t j, int64_t k, float *row) {
  for (int64_t d = 0; d < from->size[3]; d++) {
    row[d] = storage_get(from->tensor.data, from->tensor.dtype, tensor_index(&from->tensor, i, j, k, d));
  }
}

static int same(float a, float b) { return (isnan(a) && isnan(b)) || !memcmp(&a, &b, sizeof a); }

// The type's number nearest to x.
static float stored(int32_t dtype, float x) {
  float out = 0;
  unsigned char room[sizeof(float)];
  storage_set(room, dtype, 0, x);
  out = storage_get(room, dtype, 0);
  return out;
}

static void check_floats(const char *what, const test_tensor *to, const int64_t at[3], const float *expected) {
  for (int64_t d = 0; d < to->size[3]; d++) {
    float got = storage_get(to->tensor.data, to->tensor.dtype, tensor_index(&to->tensor, at[0], at[1], at[2], d));
    float wanted = stored(to->tensor.dtype, expected[d]);
    CHECK(same(got, wanted), "%s element %lld is %.9g; expected %.9g", what, (long long)d, (double)got, (double)wanted);
  }
}

static void check_integers(const char *what, const test_tensor *to, const test_tensor *scales, const int64_t at[3],
                           const float *expected) {
  int64_t groups = scales->size[3], width = to->size[3] / groups;
  for (int64_t g = 0; g < groups; g++) {
    float largest = 0, scale = *tensor_f32(&scales->tensor, at[0], at[1], at[2], g);
    int finite = 1;
    for (int64_t d = g * width; d < (g + 1) * width; d++) {
      finite &= isfinite(expected[d]);
      largest = fmaxf(largest, fabsf(expected[d]));
    }
    CHECK(finite ? fabs((double)scale * 127 - (double)largest) <= (double)largest * 0x1p-23 + 127 * 0x1p-149
                 : isnan(scale),
          "%s scale is %.9g; the largest magnitude is %.9g", what, (double)scale, (double)largest);
    for (int64_t d = g * width; d < (g + 1) * width; d++) {
      int8_t got = ((const int8_t *)to->tensor.data)[tensor_index(&to->tensor, at[0], at[1], at[2], d)];
      double off = finite ? fabs((double)got * (double)scale - (double)expected[d]) : fabs((double)got);
      double allowed = finite ? (0.5 + 0x1p-15) * (double)scale : 0;
      CHECK(off <= allowed && got >= -127, "%s integer %lld is %d by %.9g; expected %.9g", what, (long long)d, got,
            (double)scale, (double)expected[d]);
    }
  }
}

static void check_slot(const append_case *k, int64_t slot) {
  const int64_t at[3] = {slot / k->page_size, 0, slot % k->page_size};
  int64_t token = t.owner[slot];
  for (int64_t h = 0; h < k->kv_heads; h++) {
    const int64_t row_at[3] = {at[0], h, at[2]};
    float key[1024], value[1024];
    if (token < 0) continue;
    int64_t b = token / k->length, s = token % k->length;
    read_row(&t.key, b, h, s, key);
    read_row(&t.value, b, h, s, value);
    turn(k, b, s, key);
    if (k->key_cache == RAPT_I8) {
      check_integers("key", &t.key_cache, &t.key_scale, row_at, key);
    } else {
      check_floats("key", &t.key_cache, row_at, key);
    }
    if (k->value_cache == RAPT_I8) {
      check_integers("value", &t.value_cache, &t.value_scale, row_at, value);
    } else {
      check_floats("value", &t.value_cache, row_at, value);
    }
  }
}

// That all bytes of rows without a token, and all gaps, hold the canary.
static void check_untouched(const append_case *k, const char *what, const test_tensor *cache) {
  if (!tensor_present(&cache->tensor)) return;
  CHECK(test_tensor_damage(cache) == 0, "%s: gaps were written", what);
  size_t size = storage_size(cache->tensor.dtype);
  for (int64_t slot = 0; slot < k->pages * k->page_size; slot++) {
    if (t.owner[slot] >= 0) continue;
    int kept = 1;
    for (int64_t h = 0; h < k->kv_heads; h++) {
      for (int64_t d = 0; d < cache->size[3]; d++) {
        int64_t at = tensor_index(&cache->tensor, slot / k->page_size, h, slot % k->page_size, d);
        const unsigned char *bytes = (const unsigned char *)cache->tensor.data + (int64_t)size * at;
        for (size_t i = 0; i < size; i++) kept &= bytes[i] == CANARY;
      }
    }
    CHECK(kept, "%s: slot %lld was written", what, (long long)slot);
  }
}

static void check_queries(const append_case *k) {
  if (!tensor_present(&t.query.tensor)) return;
  for (int64_t i = 0; i < k->batch * k->length * k->query_heads; i++) {
    int64_t b = i / k->query_heads / k->length, s = i / k->query_heads % k->length, h = i % k->query_heads;
    float *row = t.query_before + i * k->head_dim;
    turn(k, b, s, row);
    const int64_t at[3] = {b, h, s};
    check_floats("query", &t.query, at, row);
  }
  CHECK(test_tensor_damage(&t.query) == 0, "query: gaps were written");
}

static void keep_queries(const append_case *k) {
  t.query_before = realloc(t.query_before, (size_t)(k->batch * k->length * k->query_heads * k->head_dim) * 4 + 1);
  for (int64_t i = 0; tensor_present(&t.query.tensor) && i < k->batch * k->length * k->query_heads; i++) {
    int64_t b = i / k->query_heads / k->length, s = i / k->query_heads % k->length, h = i % k->query_heads;
    read_row(&t.query, b, h, s, t.query_before + i * k->head_dim);
  }
}

static void run_case(const append_case *k) {
  for (int i = 0; i < context_count; i++) {
    check_set_case("append seed=%lld context=%d", (long long)k->seed, i);
    random_state r = {(uint64_t)k->seed};
    rapt_append c = build(k, &r);
    keep_queries(k);
    rapt_error error = {.struct_size = sizeof error};
    CHECK(rapt_append_run(contexts[i], &c, &error) == RAPT_OK, "%s", error.message);
    for (int64_t slot = 0; slot < k->pages * k->page_size; slot++) check_slot(k, slot);
    check_untouched(k, "key_cache", &t.key_cache), check_untouched(k, "key_scale", &t.key_scale);
    check_untouched(k, "value_cache", &t.value_cache), check_untouched(k, "value_scale", &t.value_scale);
    check_queries(k);
  }
  check_set_case("%s", "");
}

static int64_t divisor(random_state *r, int64_t of) {
  int64_t d = random_between(r, 1, of);
  while (of % d != 0) d--;
  return d;
}

static void run_cases(void) {
  static const int32_t floats[] = {RAPT_F32, RAPT_F16, RAPT_BF16}, caches[] = {RAPT_F32, RAPT_F16, RAPT_BF16, RAPT_I8};
  static const int64_t dims[] = {1, 2, 7, 16, 33, 64, 80, 96, 128, 256, 1024};
  random_state r = {11};
  for (int i = 0; i < test_sweep(500, 250, 80); i++) {
    append_case k = {.batch = random_between(&r, 0, 3),
                     .kv_heads = random_between(&r, 1, 4),
                     .length = random_between(&r, 0, 20),
                     .head_dim = dims[random_between(&r, 0, 10)],
                     .value_dim = dims[random_between(&r, 0, 10)],
                     .pages = random_between(&r, 1, 6),
                     .page_size = random_between(&r, 1, 17),
                     .query_heads = random_between(&r, 0, 5),
                     .table = random_percent(&r, 50) ? random_between(&r, 1, 30) : 0,
                     .interleaved = random_percent(&r, 40),
                     .from = floats[random_between(&r, 0, 2)],
                     .key_cache = caches[random_between(&r, 0, 3)],
                     .value_cache = caches[random_between(&r, 0, 3)],
                     .index = random_percent(&r, 50) ? RAPT_I32 : RAPT_I64,
                     .layout = (int)random_between(&r, 0, CACHE_LAYOUTS - 1),
                     .special = random_percent(&r, 20),
                     .seed = 1000 + i};
    k.rotary_dim = random_percent(&r, 70) ? random_between(&r, 0, k.head_dim / 2) * 2 : 0;
    if (k.rotary_dim == 0) k.table = 0;
    k.key_groups = divisor(&r, k.head_dim);
    k.value_groups = divisor(&r, k.value_dim);
    run_case(&k);
  }
}

static const append_case small = {.batch = 2,
                                  .kv_heads = 2,
                                  .length = 3,
                                  .head_dim = 8,
                                  .value_dim = 4,
                                  .pages = 3,
                                  .page_size = 4,
                                  .query_heads = 4,
                                  .rotary_dim = 8,
                                  .table = 9,
                                  .key_groups = 2,
                                  .value_groups = 1,
                                  .from = RAPT_F32,
                                  .key_cache = RAPT_I8,
                                  .value_cache = RAPT_F32,
                                  .index = RAPT_I64,
                                  .seed = 3};

// More than caches of the second level hold, whose rows are stored past them: whole lines and others, every type.
static void run_large(void) {
  static const int32_t caches[] = {RAPT_F32, RAPT_F16, RAPT_BF16, RAPT_I8};
  for (int i = 0; i < 4; i += test_sweep(1, 1, 3)) {
    append_case k = small;
    k.batch = 1, k.length = 2100, k.pages = 66, k.page_size = 32, k.query_heads = 0, k.seed = 20 + i;
    k.head_dim = 128, k.value_dim = i % 2 ? 128 : 120, k.rotary_dim = i < 2 ? 128 : 0, k.table = i < 2 ? 50 : 0;
    k.key_cache = k.value_cache = caches[i], k.layout = i % 3;
    run_case(&k);
  }
  // Enough for several tasks on several threads, with queries.
  append_case k = {2, 8, 200, 128,       128,     40,        16,       16, 128, 300,
                   0, 4, 1,   RAPT_BF16, RAPT_I8, RAPT_BF16, RAPT_I32, 1,  0,   7};
  run_case(&k);
}

static void refused(const rapt_append *c, const char *part) {
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_append_run(contexts[0], c, &error) == RAPT_INVALID_ARGUMENT && strstr(error.message, part) != NULL,
        "expected \"%s\", got \"%s\"", part, error.message);
  for (int64_t slot = 0; slot < small.pages * small.page_size; slot++) t.owner[slot] = -1;
  check_untouched(&small, "value_cache", &t.value_cache);
}

static void run_refusals(void) {
  random_state r = {3};
  rapt_append good = build(&small, &r), c = good;
  set_index(&t.slots, 1, 2, 12);
  refused(&c, "slots(1, 2) is 12; allowed: -1 to 11");
  set_index(&t.slots, 1, 2, -2);
  refused(&c, "slots(1, 2) is -2; allowed: -1 to 11");
  for (int64_t i = 0; i < 6; i++) set_index(&t.slots, i / 3, i % 3, i == 4 ? 1 : i);
  refused(&c, "slots(0, 1) and slots(1, 1) are both 1; allowed: a slot once");
  set_index(&t.slots, 1, 1, 4);
  set_index(&t.positions, 0, 2, 9);
  refused(&c, "positions(0, 2) is 9; allowed: 0 to 8");
  c = good, c.cosine = c.sine = c.positions = (rapt_tensor){.dtype = 0};
  refused(&c, "rotary_dim is 8; allowed: 0, for there is no cosine");
  c.rotary_dim = 0;
  refused(&c, "table_length is 9; allowed: 0, for there is no cosine");
  c.positions = good.positions;
  refused(&c, "positions are given, but there is no cosine that they name");
  c = good, c.sine = (rapt_tensor){.dtype = 0};
  refused(&c, "sine is absent");
  c = good, c.key_scale = (rapt_tensor){.dtype = 0};
  refused(&c, "key_scale is absent");
  c = good, c.value_scale = good.key_scale;
  refused(&c, "value_scale or its groups are given, but value_cache is not i8");
  c = good, c.query_heads = 0;
  refused(&c, "query_heads is 0; allowed: 1 to");
  c = good, c.key_scale_groups = 3;
  refused(&c, "key_scale_groups is 3; allowed: 0 and the divisors of 8");
  c = good, c.value_cache.data = c.value.data;
  refused(&c, "value_cache overlaps value in memory");
  c = good, c.query.stride[1] = 0;
  refused(&c, "query has strides by which its elements overlap each other");
  c = good, c.reserved = 1;
  refused(&c, "reserved is 1; allowed: 0");
  c = good, c.pages = 0;
  refused(&c, "pages is 0; allowed: 1 to");
}

// A slot that two tokens far apart have, among many slots, in any order.
static void run_repeated(void) {
  append_case k = {.batch = 1,
                   .kv_heads = 1,
                   .length = 3000,
                   .head_dim = 1,
                   .value_dim = 1,
                   .pages = 1,
                   .page_size = 400000,
                   .key_groups = 1,
                   .value_groups = 1,
                   .from = RAPT_F32,
                   .key_cache = RAPT_F32,
                   .value_cache = RAPT_F32,
                   .index = RAPT_I32,
                   .seed = 5};
  random_state r = {5};
  rapt_append c = build(&k, &r);
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_append_run(contexts[0], &c, &error) == RAPT_OK, "%s", error.message);
  for (int64_t s = 0; s < 40; s++) {
    int64_t kept = index_at(&t.slots, 0, s), other = index_at(&t.slots, 0, 2999 - s);
    if (other < 0) continue;
    set_index(&t.slots, 0, s, other);
    CHECK(rapt_append_run(contexts[0], &c, &error) == RAPT_INVALID_ARGUMENT && strstr(error.message, "are both"),
          "a repeated slot is not seen: %s", error.message);
    set_index(&t.slots, 0, s, kept);
  }
}

static int run_cuda(void) {
  rapt_context_options options = {.struct_size = sizeof options, .device = RAPT_DEVICE_CUDA};
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_context *context;
  if (rapt_context_create(&options, &context, &error) != RAPT_OK) check_abort("no CUDA context: %s", error.message);
  const rapt_tensor absent = {.stride = {4, 4, 4, 1}, .dtype = RAPT_F32};
  rapt_append c = {.head = {.struct_size = sizeof c},
                   .key = absent,
                   .value = absent,
                   .slots = {.stride = {1, 1}, .dtype = RAPT_I32},
                   .key_cache = absent,
                   .value_cache = absent,
                   .batch = 1,
                   .kv_heads = 1,
                   .length = 1,
                   .head_dim = 4,
                   .value_dim = 4,
                   .pages = 1,
                   .page_size = 1};
  CHECK(rapt_append_plan(context, &c, &plan, &error) == RAPT_OK && !plan.supported &&
            strstr(plan.reason, "no kernel for append") != NULL,
        "plan '%s': %s%s", plan.name, error.message, plan.reason);
  rapt_context_destroy(context);
  return check_finish("append_test");
}

static void free_tensors(void) {
  test_tensor *all[] = {&t.key,         &t.value, &t.slots,  &t.key_cache, &t.key_scale, &t.value_cache,
                        &t.value_scale, &t.query, &t.cosine, &t.sine,      &t.positions};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) guard_free(&all[i]->buffer);
  free(t.query_before);
  free(t.owner);
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
  run_large();
  run_repeated();
  run_refusals();
  free_tensors();
  return check_finish("append_test");
}
