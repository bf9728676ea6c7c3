// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/samples.h"

#include "base/arithmetic.h"
#include "cpu/sdpa/paths.h"
#include "cpu/sdpa/tiling.h"
#include "ops/sdpa/samples.h"

// A sample, planned.
typedef struct planned_sample {
  rapt_sdpa_sample sizes;
  rapt_cpu_sdpa plan;
  // Bytes before its partial results.
  int64_t partials;
} planned_sample;

// What the tasks of a batch share.
typedef struct batch_job {
  rapt_cpu_context *context;
  const rapt_sdpa_problem *problem;
  const rapt_cpu_sdpa *plan;
  planned_sample *samples;
  // The samples, longest tasks first, and the tasks before each of these.
  int64_t *order;
  int64_t *first_task;
  unsigned char *slots;
  unsigned char *partials;
  rapt_readings readings;
} batch_job;

static void lay_samples(rapt_arena *arena, int64_t batch, batch_job *job) {
  job->samples = rapt_arena_take(arena, batch, sizeof(planned_sample));
  job->order = rapt_arena_take(arena, batch, sizeof(int64_t));
  job->first_task = rapt_arena_take(arena, batch, sizeof(int64_t));
}

// A sample's partial results and, where prefill tasks leave them, for every block of panels of every unit the tasks
// that have not ended yet.
static atomic_int *lay_partials(rapt_arena *arena, const rapt_cpu_context *context, const rapt_sdpa_problem *problem,
                                const rapt_cpu_sdpa *plan, rapt_sdpa_partials *partials) {
  rapt_sdpa_partials_lay(arena, context, problem, plan, partials);
  if (plan->splits == 1 || plan->path == RAPT_SDPA_DECODE) return NULL;
  return rapt_arena_take(arena, plan->units * plan->panels, sizeof(atomic_int));
}

// The most panels of one task, as in any batch.
static int64_t most_panels(const rapt_cpu_context *context, const rapt_sdpa_problem *problem) {
  const rapt_sdpa *c = &problem->call;
  int64_t width = context->kernels.panel_width;
  int64_t bytes = (c->head_dim + c->value_dim) * width * (int64_t)sizeof(float);
  // A task keeps the scores of a panel for a weights output.
  if (rapt_is_present(&c->weights)) return 1;
  return rapt_min(rapt_ceil_div(rapt_max(problem->rows, 1), width),
                  rapt_max(1, rapt_machine_task_bytes(&context->machine) / bytes));
}

// The bytes of a worker's scratch and of a sample's partial results, at most, for samples of at most `rows` rows.
typedef struct needs {
  int64_t slot;
  int64_t partials;
  int overflow;
} needs;

static void add_needs(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, int64_t rows, needs *most) {
  rapt_sdpa_problem sample = *problem;
  rapt_cpu_sdpa plan = {.units = problem->call.kv_heads, .task_panels = most_panels(context, problem)};
  rapt_arena slot = {0}, partial = {0};
  rapt_sdpa_partials unused;
  sample.rows = rows;
  rapt_sdpa_choose_tiles(context, &sample, &plan);
  // Fewer keys may have more chunks, of fewer keys each.
  if (plan.splits > 1) {
    int64_t chunks = rapt_ceil_div(problem->call.kv_len, RAPT_SDPA_LEAST_CHUNK);
    plan.splits = rapt_min(chunks, RAPT_SDPA_MOST_SPLITS);
  }
  if (plan.path == RAPT_SDPA_DECODE) {
    plan.panels = 1;
    rapt_sdpa_decode_scratch(&slot, &sample, &plan);
  } else {
    plan.panels = rapt_ceil_div(rows, context->kernels.panel_width);
    rapt_sdpa_prefill_scratch(&slot, context, &sample, &plan);
  }
  lay_partials(&partial, context, &sample, &plan, &unused);
  most->slot = rapt_max(most->slot, slot.used);
  most->partials = rapt_max(most->partials, partial.used);
  most->overflow |= slot.overflow | partial.overflow;
}

// Bytes of all partial results: those of decode for every sample, and those of prefill for as many samples as have the
// rows for it.
static int count_partials(const rapt_sdpa_problem *problem, const needs *decode, const needs *prefill, int64_t *bytes) {
  const rapt_sdpa *c = &problem->call;
  int64_t many = c->batch, few_bytes, many_bytes;
  if (rapt_sdpa_may_decode(c) && rapt_is_present(&c->query_starts)) {
    many = rapt_min(many, problem->group * c->total_queries / (RAPT_DECODE_WIDTH + 1));
  }
  return !__builtin_mul_overflow(decode->partials, c->batch, &few_bytes) &&
         !__builtin_mul_overflow(prefill->partials, many, &many_bytes) &&
         !__builtin_add_overflow(few_bytes, many_bytes, bytes);
}

// Multiply-adds of one row and one key.
static double row_work(const rapt_sdpa *c) { return (double)(c->head_dim + c->value_dim); }

int rapt_sdpa_plan_samples(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, rapt_cpu_sdpa *plan) {
  const rapt_sdpa *c = &problem->call;
  needs decode = {0}, prefill = {0};
  rapt_arena samples = {0};
  batch_job unused;
  int64_t tasks, few = rapt_sdpa_may_decode(c) ? RAPT_DECODE_WIDTH : 0;
  plan->path = RAPT_SDPA_MIXED;
  plan->splits = 1;
  plan->task_panels = most_panels(context, problem);
  for (int64_t rows = problem->group; rows <= rapt_min(few, problem->rows); rows += problem->group) {
    add_needs(context, problem, rows, &decode);
  }
  if (problem->rows > few) {
    add_needs(context, problem, problem->rows, &prefill);
    add_needs(context, problem, rapt_min(problem->rows, RAPT_SDPA_SPLIT_ROWS), &prefill);
  }
  lay_samples(&samples, c->batch, &unused);
  // At least so many tasks as there may be samples with one each; that there are more shows when they are planned.
  if (__builtin_mul_overflow(c->batch, c->kv_heads, &tasks)) return 0;
  double rows = rapt_is_present(&c->query_starts) ? (double)c->total_queries * (double)problem->group
                                                  : (double)c->batch * (double)problem->rows;
  double work = (double)c->kv_heads * rows * (double)c->kv_len * row_work(c);
  plan->share = rapt_share_work(context->pool, INT64_MAX, work, context->kernels.lanes);
  plan->slot_scratch = rapt_max(decode.slot, prefill.slot);
  return !decode.overflow && !prefill.overflow && !samples.overflow &&
         count_partials(problem, &decode, &prefill, &plan->partial_scratch) &&
         !__builtin_mul_overflow(plan->slot_scratch, (int64_t)plan->share.slots, &plan->scratch) &&
         !__builtin_add_overflow(plan->scratch, plan->partial_scratch, &plan->scratch) &&
         !__builtin_add_overflow(plan->scratch, samples.used, &plan->scratch);
}

// The work of one kv head of a sample: what a task takes of it follows from the whole batch's.
static double sample_work(const rapt_sdpa_problem *problem, const rapt_sdpa_sample *sizes) {
  return (double)(problem->group * sizes->queries) * (double)sizes->keys;
}

// Divides a sample into tasks of about `wanted` work.
static void plan_tasks(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, double wanted,
                       int64_t most_task_panels, rapt_cpu_sdpa *plan) {
  double rows = (double)problem->rows, chunk = (double)rapt_max(1, rapt_min(plan->chunk, problem->call.kv_len));
  plan->panels = plan->task_panels = plan->blocks = 1;
  if (plan->path == RAPT_SDPA_DECODE) {
    int64_t most = rapt_max(1, plan->pass_keys / plan->chunk);
    double chunks = wanted / (rows * chunk);
    plan->task_chunks = rapt_clamp(chunks < (double)most ? (int64_t)chunks : most, 1, plan->splits);
    plan->tasks = plan->units * rapt_ceil_div(plan->splits, plan->task_chunks);
    return;
  }
  plan->panels = rapt_ceil_div(problem->rows, context->kernels.panel_width);
  int64_t least = rapt_ceil_div(plan->panels, most_task_panels);
  int64_t most = rapt_ceil_div(plan->panels, rapt_min(most_task_panels, RAPT_SDPA_LEAST_PANELS));
  double blocks = rows * chunk / wanted + 1;
  plan->blocks = rapt_max(least, blocks < (double)most ? (int64_t)blocks : most);
  plan->task_panels = rapt_ceil_div(plan->panels, plan->blocks);
  plan->blocks = rapt_ceil_div(plan->panels, plan->task_panels);
  plan->tasks = plan->units * plan->splits * plan->blocks;
}

// Plans sample b, and begins its partial results.
static void plan_sample(const batch_job *job, int64_t b, double wanted, int64_t *partials) {
  planned_sample *s = &job->samples[b];
  rapt_sdpa_problem problem;
  rapt_sdpa_partials states;
  rapt_sdpa_take_sample(job->problem, b, &s->sizes, &problem);
  s->plan = (rapt_cpu_sdpa){.units = problem.call.kv_heads,
                            .share = job->plan->share,
                            .slot_scratch = job->plan->slot_scratch,
                            .prefetch = job->plan->prefetch};
  s->partials = *partials;
  if (problem.rows == 0) return;
  rapt_sdpa_choose_tiles(job->context, &problem, &s->plan);
  plan_tasks(job->context, &problem, wanted, job->plan->task_panels, &s->plan);
  if (s->plan.splits == 1) return;
  rapt_arena arena = {.base = job->partials + *partials};
  atomic_int *left = lay_partials(&arena, job->context, &problem, &s->plan, &states);
  int64_t counters = left != NULL ? s->plan.units * s->plan.blocks : 0;
  for (int64_t n = 0; n < counters; n++) atomic_init(&left[n], (int)s->plan.splits);
  rapt_sdpa_job alone = {.plan = &s->plan, .partials = states};
  rapt_sdpa_decode_begin(&alone);
  *partials += arena.used;
}

// The power of two of a sample's work per task, 0 to WORKS - 1.
enum { WORKS = 64 };
static int work_of_task(const rapt_sdpa_problem *problem, const planned_sample *s) {
  if (s->plan.tasks == 0) return 0;
  double work = sample_work(problem, &s->sizes) * (double)s->plan.units / (double)s->plan.tasks;
  int power = 0;
  while (power < WORKS - 1 && work >= 2) work /= 2, power++;
  return power;
}

// Orders the samples by the work of their tasks, to a factor of two, and numbers the tasks. Returns how many there are.
static int64_t order_samples(const batch_job *job) {
  int64_t batch = job->problem->call.batch, at[WORKS + 1] = {0}, tasks = 0;
  for (int64_t b = 0; b < batch; b++) at[WORKS - work_of_task(job->problem, &job->samples[b])]++;
  for (int w = 1; w <= WORKS; w++) at[w] += at[w - 1];
  for (int64_t b = 0; b < batch; b++) {
    int work = work_of_task(job->problem, &job->samples[b]);
    job->order[at[WORKS - 1 - work]++] = b;
  }
  for (int64_t n = 0; n < batch; n++) {
    job->first_task[n] = tasks;
    tasks += job->samples[job->order[n]].plan.tasks;
  }
  return tasks;
}

static void run_task(void *argument, int64_t task, int32_t slot) {
  const batch_job *all = argument;
  // The last sample that begins at this task or before it. Those without tasks come before the one that has it.
  int64_t n = 0;
  for (int64_t end = all->problem->call.batch; end - n > 1;) {
    int64_t middle = n + (end - n) / 2;
    if (all->first_task[middle] <= task) {
      n = middle;
    } else {
      end = middle;
    }
  }
  planned_sample *s = &all->samples[all->order[n]];
  rapt_sdpa_problem problem;
  rapt_sdpa_take_sample(all->problem, all->order[n], &s->sizes, &problem);
  rapt_sdpa_job job = {
      .context = all->context, .problem = &problem, .plan = &s->plan, .slots = all->slots, .readings = all->readings};
  rapt_arena arena = {.base = all->partials + s->partials};
  atomic_int *left = lay_partials(&arena, all->context, &problem, &s->plan, &job.partials);
  task -= all->first_task[n];
  if (s->plan.path == RAPT_SDPA_DECODE) {
    rapt_sdpa_decode_task(&job, task, slot);
    return;
  }
  rapt_sdpa_prefill_task(&job, task, slot);
  // Tasks are numbered by block, then unit, then split.
  if (left != NULL && atomic_fetch_sub(&left[task / s->plan.splits], 1) == 1) {
    rapt_sdpa_prefill_merge_block(&job, task, slot);
  }
}

void rapt_sdpa_run_samples(rapt_cpu_context *context, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *plan,
                           void *memory) {
  const rapt_sdpa *c = &problem->call;
  // Tokens of no sample; there may be no scratch.
  if (c->batch == 0) return;
  rapt_cpu_sdpa whole = *plan;
  batch_job job = {.context = context, .problem = problem, .plan = &whole};
  rapt_arena arena = {.base = memory};
  lay_samples(&arena, c->batch, &job);
  job.slots = (unsigned char *)memory + arena.used;
  job.partials = job.slots + plan->share.slots * plan->slot_scratch;
  double work = 0, rows = 0, keys = 0;
  // Partial results have room for so many queries in all, whatever another thread has made of the starts.
  int64_t queries_left = rapt_is_present(&c->query_starts) ? c->total_queries : INT64_MAX;
  for (int64_t b = 0; b < c->batch; b++) {
    job.samples[b].sizes = rapt_sdpa_sample_at(c, b);
    job.samples[b].sizes.queries = rapt_min(job.samples[b].sizes.queries, queries_left);
    queries_left -= job.samples[b].sizes.queries;
    work += sample_work(problem, &job.samples[b].sizes);
    rows += (double)(problem->group * job.samples[b].sizes.queries);
    keys += (double)job.samples[b].sizes.keys;
  }
  double query_bytes = row_work(c) * (double)rapt_element_size(c->query.dtype) * (double)c->kv_heads;
  double key_bytes = (double)c->kv_heads * (double)(c->head_dim * rapt_element_size(c->key.dtype) +
                                                    c->value_dim * rapt_element_size(c->value.dtype));
  whole.prefetch = query_bytes * (rows + keys) >= (double)rapt_machine_prefetch_bytes(&context->machine);
  int from_memory = key_bytes * keys >= (double)rapt_machine_reading_bytes(&context->machine);
  double wanted = context->threads > 1 ? work * (double)c->kv_heads / (RAPT_SDPA_TASKS_PER_THREAD * context->threads)
                                       : work * (double)c->kv_heads;
  int64_t partials = 0;
  for (int64_t b = 0; b < c->batch; b++) plan_sample(&job, b, rapt_max(wanted, 1), &partials);
  int64_t tasks = order_samples(&job);
  if (tasks == 0) return;
  job.readings = rapt_sdpa_choose_readings(context, from_memory);
  rapt_share share =
      rapt_share_work(context->pool, tasks, work * (double)c->kv_heads * row_work(c), context->kernels.lanes);
  share.slots = share.slots < plan->share.slots ? share.slots : plan->share.slots;
  rapt_parallel(context->pool, tasks, share, run_task, &job);
}
