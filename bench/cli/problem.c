// SPDX-License-Identifier: Apache-2.0
#include "problem.h"

#include <string.h>

#include "storage.h"

const char *const isa_choices[] = {"auto", "portable", "avx2", "avx512", "avx512bf16", NULL};
const char *const dtype_choices[] = {"f32", "f16", "bf16", NULL};
const int32_t dtype_values[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
const char *const kv_dtype_choices[] = {"as-dtype", "f32", "f16", "bf16", "i8", NULL};
static const int32_t kv_dtype_values[] = {0, RAPT_F32, RAPT_F16, RAPT_BF16, RAPT_I8};
const char *const causal_choices[] = {"none", "bottom-right", "top-left", NULL};

static const bench_preset *find_preset(const char *name) {
  for (const bench_preset *p = bench_presets; p->name != NULL; p++) {
    if (!strcmp(p->name, name)) return p;
  }
  return NULL;
}

enum cli_outcome problem_parse(const cli_command *command, int argc, char **argv, const bench_problem *initial,
                               bench_problem *p, bench_settings *s) {
  *p = *initial;
  *s = (bench_settings){0};
  enum cli_outcome outcome = cli_parse(command, argc, argv);
  if (outcome == CLI_RUN && s->preset != NULL) {
    const bench_preset *preset = find_preset(s->preset);
    if (preset == NULL) return cli_reject(command, "--preset: '%s' is not listed by 'rapt-bench presets'", s->preset);
    // Once more on top of the preset, so that the order of the options does not matter.
    *p = preset->problem;
    outcome = cli_parse(command, argc, argv);
  }
  if (outcome != CLI_RUN) return outcome;
  int64_t heads = p->heads, kv_heads = p->kv_heads ? p->kv_heads : p->heads;
  if (heads % kv_heads) {
    return cli_reject(command, "--kv-heads: %lld does not divide --heads %lld", (long long)kv_heads, (long long)heads);
  }
  if (!problem_resolve(p)) {
    char shape[160];
    problem_describe(p, shape, sizeof shape);
    return cli_reject(command, "%s: a tensor of this shape has more than 2^40 elements", shape);
  }
  return CLI_RUN;
}

// Whether a * b * c * d stays in what one machine's memory may hold.
static int holds(int64_t a, int64_t b, int64_t c, int64_t d) {
  const int64_t limit = INT64_C(1) << 40;
  int64_t product;
  return !__builtin_mul_overflow(a, b, &product) && !__builtin_mul_overflow(product, c, &product) &&
         !__builtin_mul_overflow(product, d, &product) && product <= limit;
}

int problem_resolve(bench_problem *p) {
  p->kv_heads = p->kv_heads ? p->kv_heads : p->heads;
  p->kv_len = p->kv_len ? p->kv_len : p->q_len;
  p->value_dim = p->value_dim ? p->value_dim : p->head_dim;
  return p->heads % p->kv_heads == 0 && holds(p->batch, p->heads, p->q_len, p->head_dim) &&
         holds(p->batch, p->heads, p->q_len, p->value_dim) && holds(p->batch, p->kv_heads, p->kv_len, p->head_dim) &&
         holds(p->batch, p->kv_heads, p->kv_len, p->value_dim);
}

int32_t problem_dtype(const bench_problem *p) { return dtype_values[p->dtype]; }

int32_t problem_kv_dtype(const bench_problem *p) {
  return p->kv_dtype ? kv_dtype_values[p->kv_dtype] : problem_dtype(p);
}

double problem_row_bytes(const bench_problem *p) {
  int32_t dtype = problem_kv_dtype(p);
  double scales = dtype == RAPT_I8 ? 2 * sizeof(float) : 0;
  return (double)(p->head_dim + p->value_dim) * (double)storage_bytes(dtype) + scales;
}

static int has_window(const bench_problem *p) { return p->window[0] >= 0 || p->window[1] >= 0; }

rapt_sdpa problem_call(const bench_problem *p) {
  rapt_sdpa call = {
      .head = {.struct_size = sizeof call},
      .batch = p->batch,
      .query_heads = p->heads,
      .kv_heads = p->kv_heads,
      .query_len = p->q_len,
      .kv_len = p->kv_len,
      .head_dim = p->head_dim,
      .value_dim = p->value_dim,
  };
  if (p->causal != CAUSAL_NONE) call.options.flags |= RAPT_CAUSAL;
  if (has_window(p)) {
    call.options.flags |= RAPT_WINDOW;
    call.options.window_left = p->window[0];
    call.options.window_right = p->window[1];
  }
  if (call.options.flags && p->causal != CAUSAL_TOP_LEFT) call.options.position = p->kv_len - p->q_len;
  return call;
}

// The keys query i sees: [*first, *end), possibly none.
static void visible_range(const rapt_sdpa *call, int64_t i, int64_t *first, int64_t *end) {
  int64_t position = i + call->options.position;
  *first = 0;
  *end = call->kv_len;
  if ((call->options.flags & RAPT_CAUSAL) && position + 1 < *end) *end = position + 1;
  if (call->options.flags & RAPT_WINDOW) {
    if (call->options.window_left >= 0 && position - call->options.window_left > *first) {
      *first = position - call->options.window_left;
    }
    if (call->options.window_right >= 0 && position + call->options.window_right + 1 < *end) {
      *end = position + call->options.window_right + 1;
    }
  }
}

double problem_pairs(const bench_problem *p) {
  rapt_sdpa call = problem_call(p);
  double pairs = 0;
  for (int64_t i = 0; i < p->q_len; i++) {
    int64_t first, end;
    visible_range(&call, i, &first, &end);
    pairs += end > first ? (double)(end - first) : 0;
  }
  return pairs * (double)p->batch * (double)p->heads;
}

double problem_flops(const bench_problem *p) { return 2 * problem_pairs(p) * (double)(p->head_dim + p->value_dim); }

double problem_bytes(const bench_problem *p) {
  rapt_sdpa call = problem_call(p);
  int64_t first, unused_end, unused_first, end;
  // Both ends of the visible range only ever move to the right.
  visible_range(&call, 0, &first, &unused_end);
  visible_range(&call, p->q_len - 1, &unused_first, &end);
  double keys = end > first ? (double)(end - first) : 0;
  double widths = (double)(p->head_dim + p->value_dim);
  double outside = (double)p->heads * (double)p->q_len * widths * (double)storage_bytes(problem_dtype(p));
  return (double)p->batch * (outside + (double)p->kv_heads * keys * problem_row_bytes(p));
}

void problem_describe(const bench_problem *p, char *text, size_t size) {
  char window[64] = "";
  if (has_window(p)) {
    snprintf(window, sizeof window, " window %lld,%lld", (long long)p->window[0], (long long)p->window[1]);
  }
  char value[32] = "";
  if (p->value_dim != p->head_dim) snprintf(value, sizeof value, " Dv%lld", (long long)p->value_dim);
  char kv[32] = "";
  if (p->kv_dtype) snprintf(kv, sizeof kv, ", keys and values %s", kv_dtype_choices[p->kv_dtype]);
  snprintf(text, size, "B%lld H%lld/%lld Sq%lld Skv%lld D%lld%s %s%s%s%s%s", (long long)p->batch, (long long)p->heads,
           (long long)p->kv_heads, (long long)p->q_len, (long long)p->kv_len, (long long)p->head_dim, value,
           dtype_choices[p->dtype], kv, p->causal ? " causal " : "", p->causal ? causal_choices[p->causal] : "",
           window);
}
