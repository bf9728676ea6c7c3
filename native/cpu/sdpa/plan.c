// SPDX-License-Identifier: Apache-2.0
// The one pure function that decides how attention runs: path, tiles, splits, tasks and scratch.
#include <inttypes.h>
#include <stdio.h>

#include "base/arithmetic.h"
#include "cpu/sdpa/paths.h"
#include "cpu/sdpa/samples.h"
#include "cpu/sdpa/sdpa.h"
#include "cpu/sdpa/tiling.h"
#include "cpu/sdpa/visibility.h"
#include "cpu/sdpa/weights.h"

// Whether more than a sixteenth of the threads' time is idle with so many equal tasks: nine tasks take two threads as
// long as ten.
static int is_uneven(int64_t tasks, int64_t threads) {
  return rapt_ceil_div(tasks, threads) * threads - tasks > tasks / 16;
}

static int64_t visible_keys(const rapt_sdpa_problem *problem, int64_t row) {
  rapt_sdpa_visibility visibility;
  rapt_sdpa_visibility_fill(problem, 0, 0, row, 1, 1, &visibility);
  return visibility.high - visibility.low;
}

// Chooses as many chunks per task as one pass covers, but leaves enough tasks for all threads.
static void choose_task_chunks(int64_t threads, rapt_cpu_sdpa *plan) {
  int64_t most = plan->units * plan->splits / (RAPT_SDPA_TASKS_PER_THREAD * threads);
  plan->task_chunks = rapt_clamp(rapt_min(plan->pass_keys / plan->chunk, most), 1, plan->splits);
  plan->tasks = plan->units * rapt_ceil_div(plan->splits, plan->task_chunks);
}

// In double, because the product may overflow an int64.
static double kv_bytes(const rapt_cpu_sdpa *plan, const rapt_sdpa *c) {
  int64_t key = c->head_dim * rapt_element_size(c->key.dtype), value = c->value_dim * rapt_element_size(c->value.dtype);
  return (double)plan->units * (double)c->kv_len * (double)(key + value);
}

static void choose_tasks(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, rapt_cpu_sdpa *plan) {
  const rapt_sdpa *c = &problem->call;
  int64_t width = context->kernels.panel_width;
  plan->panels = plan->path == RAPT_SDPA_DECODE ? 1 : rapt_ceil_div(problem->rows, width);
  int64_t panel_bytes = (c->head_dim + c->value_dim) * width * (int64_t)sizeof(float);
  plan->task_panels = rapt_min(plan->panels, rapt_max(1, rapt_machine_task_bytes(&context->machine) / panel_bytes));
  // A task then keeps the scores of one panel for all keys; more panels would take more scratch.
  if (rapt_sdpa_keeps_weights(problem)) plan->task_panels = 1;
  plan->blocks = rapt_ceil_div(plan->panels, plan->task_panels);
  if (context->threads > 1) {
    int64_t most = rapt_ceil_div(plan->panels, rapt_min(plan->task_panels, RAPT_SDPA_LEAST_PANELS));
    int64_t wanted = rapt_ceil_div(RAPT_SDPA_TASKS_PER_THREAD * (int64_t)context->threads, plan->units * plan->splits);
    plan->blocks = rapt_max(plan->blocks, rapt_min(wanted, most));
    while (plan->blocks < most && is_uneven(plan->units * plan->splits * plan->blocks, context->threads)) {
      plan->blocks++;
    }
  }
  plan->task_panels = rapt_ceil_div(plan->panels, plan->blocks);
  plan->blocks = rapt_ceil_div(plan->panels, plan->task_panels);
  // A plan does not read positions. Where they are given, the last blocks go first, as is best under causality.
  plan->first_blocks_first = plan->blocks > 1 && !rapt_is_present(&c->positions) &&
                             visible_keys(problem, 0) > visible_keys(problem, problem->rows - 1);
  plan->tasks = plan->units * plan->splits * plan->blocks;
  if (plan->path == RAPT_SDPA_DECODE) choose_task_chunks(context->threads, plan);
  // In double, because the product of sizes may overflow an int64.
  double work = (double)plan->units * (double)problem->rows * (double)c->kv_len * (double)(c->head_dim + c->value_dim);
  double size = (double)rapt_element_size(c->query.dtype);
  double bytes =
      (double)plan->units * size * (double)(c->head_dim + c->value_dim) * (double)(problem->rows + c->kv_len);
  plan->prefetch = bytes >= (double)rapt_machine_prefetch_bytes(&context->machine);
  plan->from_memory = kv_bytes(plan, c) >= (double)rapt_machine_reading_bytes(&context->machine);
  plan->share = rapt_share_work(context->pool, plan->tasks, work, context->kernels.lanes);
}

void rapt_sdpa_partials_lay(rapt_arena *arena, const rapt_cpu_context *context, const rapt_sdpa_problem *problem,
                            const rapt_cpu_sdpa *plan, rapt_sdpa_partials *partials) {
  *partials = (rapt_sdpa_partials){0};
  if (plan->splits == 1) return;
  int64_t count;
  if (__builtin_mul_overflow(plan->units, plan->panels * plan->splits, &count)) {
    arena->overflow = 1;
    return;
  }
  if (plan->path == RAPT_SDPA_DECODE) {
    partials->states = rapt_sdpa_decode_shape(problem);
    partials->tasks_left = rapt_arena_take(arena, plan->units, sizeof(atomic_int));
  } else {
    partials->states = rapt_sdpa_prefill_shape(context, problem);
  }
  rapt_softmax_lay(arena, count, &partials->states);
}

int rapt_cpu_plan_sdpa(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, rapt_cpu_sdpa *plan) {
  const rapt_sdpa *c = &problem->call;
  *plan = (rapt_cpu_sdpa){0};
  if (rapt_sdpa_varies(c)) return rapt_sdpa_plan_samples(context, problem, plan);
  if (__builtin_mul_overflow(c->batch, c->kv_heads, &plan->units)) return 0;
  rapt_sdpa_choose_tiles(context, problem, plan);
  // An upper bound of the number of tasks.
  int64_t most;
  if (__builtin_mul_overflow(plan->units, plan->splits, &most) || __builtin_mul_overflow(most, problem->rows, &most)) {
    return 0;
  }
  choose_tasks(context, problem, plan);

  rapt_arena slot = {0}, partial = {0};
  if (plan->path == RAPT_SDPA_DECODE) {
    rapt_sdpa_decode_scratch(&slot, problem, plan);
  } else {
    rapt_sdpa_prefill_scratch(&slot, context, problem, plan);
  }
  rapt_sdpa_partials unused;
  rapt_sdpa_partials_lay(&partial, context, problem, plan, &unused);
  plan->slot_scratch = slot.used;
  plan->partial_scratch = partial.used;
  return !slot.overflow && !partial.overflow &&
         !__builtin_mul_overflow(plan->slot_scratch, (int64_t)plan->share.slots, &plan->scratch) &&
         !__builtin_add_overflow(plan->scratch, plan->partial_scratch, &plan->scratch);
}

// The dtype in the plan's name: that of query and output, and of keys and values unless both are i8; else "mixed".
static const char *storage(const rapt_sdpa *c, int quantised) {
  int32_t dtype = c->query.dtype;
  int same = quantised == 2 || (c->key.dtype == dtype && c->value.dtype == dtype);
  if (!same || c->output.dtype != dtype) return "mixed";
  return dtype == RAPT_F16 ? "f16" : dtype == RAPT_BF16 ? "bf16" : "f32";
}

void rapt_cpu_name_sdpa(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *plan,
                        char *out, size_t size) {
  const rapt_sdpa *c = &problem->call;
  static const char *const paths[] = {"prefill", "decode", "mixed"};
  char value[32] = "", split[32] = "";
  const char *paged = rapt_is_present(&c->page_table) ? "_paged" : "";
  int quantised = (c->key.dtype == RAPT_I8) + (c->value.dtype == RAPT_I8);
  if (c->value_dim != c->head_dim) snprintf(value, sizeof value, "_v%" PRId64, c->value_dim);
  if (plan->splits > 1) snprintf(split, sizeof split, "_split%" PRId64, plan->splits);
  snprintf(out, size, "sdpa_%s_%s%s_%s_d%" PRId64 "%s%s%s", paths[plan->path], storage(c, quantised),
           quantised > 0 ? "_i8" : "", rapt_isa_name(context->kernels.isa), c->head_dim, value, split, paged);
}
