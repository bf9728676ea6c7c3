// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "json.h"
#include "machine.h"
#include "memory.h"
#include "problem.h"
#include "report.h"
#include "storage.h"

enum { MAX_COPIES = 64, TABLE = 4096, CACHE_I8 = 3 };

static const char *const cache_choices[] = {"f32", "f16", "bf16", "i8", NULL};
static const int32_t cache_values[] = {RAPT_F32, RAPT_F16, RAPT_BF16, RAPT_I8};

// What is timed, as options give it.
typedef struct append_problem {
  int64_t tokens, kv_heads, head_dim, page_size;
  int dtype, cache_dtype, rotate;
} append_problem;

// New rows and a cache that has just room for them, in copies that calls go through in turn.
typedef struct appending {
  rapt_append call;
  void *key, *value, *key_cache, *value_cache;
  float *key_scale, *value_scale, *cosine, *sine;
  int64_t *slots, *positions;
  // Bytes of one copy.
  size_t row_bytes, cache_bytes, scale_bytes;
  int64_t copies, turn;
  const device *on;
} appending;

static append_problem problem;
static bench_settings settings;
// clang-format off
static const cli_option options[] = {
    {"tokens", "N", "new tokens (default 2048)", CLI_INTEGER, &problem.tokens, 1, PROBLEM_MAX_SIZE, NULL},
    {"kv-heads", "N", "key and value heads (default 8)", CLI_INTEGER, &problem.kv_heads, 1, PROBLEM_MAX_SIZE, NULL},
    {"head-dim", "N", "width of a head (default 128)", CLI_INTEGER, &problem.head_dim, 2, 1024, NULL},
    {"page-size", "N", "rows of a page (default 32)", CLI_INTEGER, &problem.page_size, 1, PROBLEM_MAX_SIZE, NULL},
    {"dtype", "TYPE", "of new rows: f32, f16 or bf16 (default f32)", CLI_CHOICE, &problem.dtype, -1, 0, dtype_choices},
    {"cache-dtype", "TYPE", "of the cache: f32, f16, bf16 or i8 with a scale per row (default f32)", CLI_CHOICE,
     &problem.cache_dtype, -1, 0, cache_choices},
    {"rotate", NULL, "keys are turned by rotary embedding", CLI_FLAG, &problem.rotate, 0, 0, NULL},
    {"threads", "N", "threads, 0 = all (default 0)", CLI_INTEGER, &settings.threads, 0, 1024, NULL},
    {"isa", "TIER", "auto, portable, avx2, avx512 or avx512bf16 (default auto)", CLI_CHOICE, &settings.isa, -1, 0, isa_choices},
    {"iters", "N", "timed runs (default: about a second's worth)", CLI_INTEGER, &settings.iters, 1, 10000000, NULL},
    {"json", NULL, "one JSON object per line on stdout", CLI_FLAG, &settings.json, 0, 0, NULL},
    {.name = NULL}};
// clang-format on
static const cli_command command = {
    "append", "Times appending to a paged cache against the bandwidth of a copy; defaults to a prompt of Llama-3-8B.",
    options};

static int64_t pages_of(const append_problem *p) { return (p->tokens + p->page_size - 1) / p->page_size; }

static double bytes_of(const append_problem *p) {
  double elements = 2 * (double)p->tokens * (double)p->kv_heads * (double)p->head_dim;
  double scales = p->cache_dtype == CACHE_I8 ? 2 * (double)p->tokens * (double)p->kv_heads * sizeof(float) : 0;
  double angles = p->rotate ? (double)p->tokens * ((double)p->head_dim * sizeof(float) + sizeof(int64_t)) : 0;
  double cache_bytes = p->cache_dtype == CACHE_I8 ? 1 : (double)storage_bytes(cache_values[p->cache_dtype]);
  return elements * ((double)storage_bytes(dtype_values[p->dtype]) + cache_bytes) + scales + angles +
         (double)p->tokens * sizeof(int64_t);
}

static void appending_close(appending *a) {
  memory_give_back(a->key, a->row_bytes * (size_t)a->copies);
  memory_give_back(a->value, a->row_bytes * (size_t)a->copies);
  memory_give_back(a->key_cache, a->cache_bytes * (size_t)a->copies);
  memory_give_back(a->value_cache, a->cache_bytes * (size_t)a->copies);
  free(a->key_scale), free(a->value_scale), free(a->cosine), free(a->sine), free(a->slots), free(a->positions);
}

// Pages in an order that is not that of memory, as a pool that has been in use has them.
static void fill_slots(appending *a, const append_problem *p) {
  int64_t pages = pages_of(p);
  for (int64_t i = 0; i < p->tokens; i++) {
    int64_t page = i / p->page_size, other = pages - 1 - page;
    // The last page may be short, so that it keeps its place.
    if (page < pages - 1) other = pages - 2 - page;
    a->slots[i] = (page == pages - 1 ? page : other) * p->page_size + i % p->page_size;
    a->positions[i] = i % TABLE;
  }
}

static void fill_table(appending *a, int64_t pairs) {
  for (int64_t i = 0; i < TABLE * pairs; i++) {
    double angle = (double)(i / pairs) * pow(10000, -(double)(i % pairs) / (double)pairs);
    a->cosine[i] = (float)cos(angle);
    a->sine[i] = (float)sin(angle);
  }
}

static int appending_open(appending *a, const append_problem *p, const device *on) {
  int32_t from = dtype_values[p->dtype], to = cache_values[p->cache_dtype];
  int64_t row = p->kv_heads * p->head_dim, pages = pages_of(p), page = p->page_size * row;
  size_t cache_width = to == RAPT_I8 ? 1 : storage_bytes(to), rows = (size_t)(p->tokens * row);
  *a = (appending){.on = on,
                   .row_bytes = rows * storage_bytes(from),
                   .cache_bytes = (size_t)(pages * page) * cache_width,
                   .scale_bytes = (size_t)(pages * p->page_size * p->kv_heads) * sizeof(float),
                   .copies = 1};
  double one = 2 * (double)(a->row_bytes + a->cache_bytes), wanted = 4 * (double)last_cache_bytes(on);
  while (a->copies < MAX_COPIES && (double)a->copies * one < wanted && (double)(a->copies + 1) * one <= 0x1p31) {
    a->copies++;
  }
  size_t copies = (size_t)a->copies;
  a->key = memory_take(a->row_bytes * copies), a->value = memory_take(a->row_bytes * copies);
  a->key_cache = memory_take(a->cache_bytes * copies), a->value_cache = memory_take(a->cache_bytes * copies);
  a->key_scale = calloc(copies, a->scale_bytes), a->value_scale = calloc(copies, a->scale_bytes);
  a->cosine = malloc((size_t)(TABLE * p->head_dim / 2) * sizeof(float));
  a->sine = malloc((size_t)(TABLE * p->head_dim / 2) * sizeof(float));
  a->slots = malloc((size_t)p->tokens * sizeof *a->slots);
  a->positions = malloc((size_t)p->tokens * sizeof *a->positions);
  if (a->key == NULL || a->value == NULL || a->key_cache == NULL || a->value_cache == NULL || a->key_scale == NULL ||
      a->value_scale == NULL || a->cosine == NULL || a->sine == NULL || a->slots == NULL || a->positions == NULL) {
    cli_fail("no memory for %lld tokens", (long long)p->tokens);
    return 0;
  }
  storage_fill_random(a->key, rows * copies, 1, 1, from);
  storage_fill_random(a->value, rows * copies, 2, 1, from);
  memset(a->key_cache, 0, a->cache_bytes * copies), memset(a->value_cache, 0, a->cache_bytes * copies);
  fill_slots(a, p);
  fill_table(a, p->head_dim / 2);
  const rapt_tensor rows_as = {.stride = {p->tokens * row, p->head_dim, row, 1}, .dtype = from};
  const rapt_tensor cache_as = {.stride = {page, p->page_size * p->head_dim, p->head_dim, 1}, .dtype = to};
  const rapt_tensor scale_as = {.stride = {p->page_size * p->kv_heads, p->page_size, 1, 1}, .dtype = RAPT_F32};
  a->call = (rapt_append){.head = {.struct_size = sizeof a->call},
                          .key = rows_as,
                          .value = rows_as,
                          .slots = {a->slots, {p->tokens, 1}, .dtype = RAPT_I64},
                          .key_cache = cache_as,
                          .value_cache = cache_as,
                          .batch = 1,
                          .kv_heads = p->kv_heads,
                          .length = p->tokens,
                          .head_dim = p->head_dim,
                          .value_dim = p->head_dim,
                          .pages = pages,
                          .page_size = p->page_size};
  if (to == RAPT_I8) a->call.key_scale = a->call.value_scale = scale_as;
  if (p->rotate) {
    a->call.cosine = (rapt_tensor){a->cosine, {p->head_dim / 2, 1}, .dtype = RAPT_F32};
    a->call.sine = (rapt_tensor){a->sine, {p->head_dim / 2, 1}, .dtype = RAPT_F32};
    a->call.positions = (rapt_tensor){a->positions, {p->tokens, 1}, .dtype = RAPT_I64};
    a->call.table_length = TABLE;
  }
  return 1;
}

static rapt_append copy_of(const appending *a, int64_t copy) {
  rapt_append call = a->call;
  size_t at = (size_t)copy;
  call.key.data = (char *)a->key + at * a->row_bytes;
  call.value.data = (char *)a->value + at * a->row_bytes;
  call.key_cache.data = (char *)a->key_cache + at * a->cache_bytes;
  call.value_cache.data = (char *)a->value_cache + at * a->cache_bytes;
  if (call.key_scale.dtype) call.key_scale.data = (char *)a->key_scale + at * a->scale_bytes;
  if (call.value_scale.dtype) call.value_scale.data = (char *)a->value_scale + at * a->scale_bytes;
  return call;
}

static int appending_run(void *state) {
  appending *a = state;
  const rapt_append call = copy_of(a, a->turn++ % a->copies);
  rapt_error error = {.struct_size = sizeof error};
  if (rapt_append_run(a->on->context, &call, &error) == RAPT_OK) return 1;
  cli_fail("%s", error.message);
  return 0;
}

static double cached(const appending *a, const rapt_tensor *cache, const float *scale, int64_t token, int64_t d) {
  const append_problem *p = &problem;
  int64_t slot = a->slots[token], page = slot / p->page_size, row = slot % p->page_size;
  int64_t at = page * cache->stride[0] + row * cache->stride[2] + d;
  if (cache->dtype != RAPT_I8) return (double)storage_load(cache->data, at, cache->dtype);
  return (double)((const int8_t *)cache->data)[at] * (double)scale[page * p->page_size * p->kv_heads + row];
}

// Head 0 of every token of the first copy, in double. A quantised element is held to half a scale by being compared
// with the nearest step.
static void appending_check(const appending *a, check *out) {
  const append_problem *p = &problem;
  const rapt_append c = copy_of(a, 0);
  int64_t pairs = p->head_dim / 2;
  *out = (check){.allowed = CHECK_ALLOWED, .rows_total = p->tokens * p->kv_heads, .against = "plain double"};
  for (int64_t t = 0; t < p->tokens; t++, out->rows++) {
    for (int64_t d = 0; d < p->head_dim; d++) {
      int64_t row = t * c.key.stride[2], other = d < pairs ? d + pairs : d - pairs;
      double x = (double)storage_load(c.key.data, row + d, c.key.dtype);
      if (p->rotate) {
        int64_t angle = a->positions[t] * pairs + d % pairs;
        double y = (double)storage_load(c.key.data, row + other, c.key.dtype), sine = (double)a->sine[angle];
        x = x * (double)a->cosine[angle] + (d < pairs ? -sine : sine) * y;
      }
      double got = cached(a, &c.key_cache, a->key_scale, t, d), step = 0;
      if (c.key_cache.dtype == RAPT_I8) {
        step =
            (double)a->key_scale[a->slots[t] / p->page_size * p->page_size * p->kv_heads + a->slots[t] % p->page_size];
        x = fabs(got - x) <= 0.5001 * step ? got : x;
      }
      check_note(out, got, x, c.key_cache.dtype == RAPT_I8 ? RAPT_F32 : c.key_cache.dtype);
    }
  }
  out->passed = out->difference <= out->allowed;
}

static int plan_of(const appending *a, rapt_plan *plan) {
  rapt_error error = {.struct_size = sizeof error};
  *plan = (rapt_plan){.struct_size = sizeof *plan};
  if (rapt_append_plan(a->on->context, &a->call, plan, &error) == RAPT_OK && plan->supported) return 1;
  cli_fail("%s%s", error.message, plan->reason);
  return 0;
}

static void print(const report *r) {
  if (settings.json) {
    json_begin("append");
    json_integer("tokens", problem.tokens);
    json_integer("kv_heads", problem.kv_heads);
    json_integer("head_dim", problem.head_dim);
    json_integer("page_size", problem.page_size);
    json_text("dtype", dtype_choices[problem.dtype]);
    json_text("cache_dtype", cache_choices[problem.cache_dtype]);
    json_boolean("rotate", problem.rotate);
    report_json(r);
    json_end();
    return;
  }
  printf("%-10s S%lld H%lld D%lld, pages of %lld\n", "shape", (long long)problem.tokens, (long long)problem.kv_heads,
         (long long)problem.head_dim, (long long)problem.page_size);
  report_print(r);
}

static int time_on(const device *on) {
  rapt_plan plan;
  appending a;
  report r = {.on = on, .plan = &plan, .bytes = bytes_of(&problem)};
  int good = report_measure_copy(&r) && appending_open(&a, &problem, on);
  if (!good) return 0;
  r.copies = a.copies;
  good = plan_of(&a, &plan) && appending_run(&a);
  if (good) appending_check(&a, &r.verified);
  if (good && !r.verified.passed) {
    cli_fail("wrong result, not timed: differs by %.3g from %s, %.3g allowed", r.verified.difference,
             r.verified.against, r.verified.allowed);
    good = 0;
  }
  good = good && stats_time(appending_run, &a, settings.iters, &r.time) && report_measure_copy(&r);
  appending_close(&a);
  if (good) print(&r);
  return good;
}

int command_append(int argc, char **argv) {
  problem = (append_problem){.tokens = 2048, .kv_heads = 8, .head_dim = 128, .page_size = 32};
  enum cli_outcome outcome = cli_parse(&command, argc, argv);
  if (outcome == CLI_RUN && problem.head_dim % 2 != 0 && problem.rotate) {
    outcome =
        cli_reject(&command, "--head-dim %lld is odd; with --rotate it must be even", (long long)problem.head_dim);
  }
  if (outcome == CLI_RUN && (double)problem.tokens * (double)problem.kv_heads * (double)problem.head_dim > 0x1p32) {
    outcome = cli_reject(&command, "%lld tokens of %lld heads of %lld are more than memory can hold",
                         (long long)problem.tokens, (long long)problem.kv_heads, (long long)problem.head_dim);
  }
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  device on;
  int open = device_open(settings.isa, settings.threads, &on);
  int good = open && time_on(&on);
  if (open) device_close(&on);
  return good ? EXIT_GOOD : EXIT_FAILED;
}
