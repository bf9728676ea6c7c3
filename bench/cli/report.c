// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <stdio.h>
#include <string.h>

#include "cuda.h"
#include "json.h"
#include "machine.h"
#include "turns.h"

int report_is_memory_bound(double flops, double bytes, const ceilings *c) {
  return c->gflops == 0 || bytes / c->gbps > flops / c->gflops;
}

int report_measure_ceilings(report *r) {
  ceilings measured = r->ceiling;
  int good = r->on->cuda ? cuda_ceilings(r->on, &measured) : ceilings_measure(r->on->isa, r->on->threads, &measured);
  if (r->share_in_turns > 0) {
    measured.gbps = r->ceiling.gbps;
    measured.streams = r->ceiling.streams;
  }
  r->ceiling = measured;
  return good;
}

int report_time_in_turns(report *r, int (*run)(void *state), void *state, int64_t iters) {
  const turns_subject subject = {.on = r->on, .run = run, .state = state, .bytes = r->bytes};
  turns t;
  if (!turns_time(&subject, iters, &t)) return 0;
  r->time = t.time;
  r->ceiling.gbps = t.gbps;
  r->ceiling.streams = t.streams;
  r->share_in_turns = t.share;
  return 1;
}

int report_measure_copy(report *r) {
  return ceilings_measure_peak(r->on->isa, r->on->threads, &r->ceiling) &&
         ceilings_measure_copy(r->on->threads, &r->ceiling);
}

static int is_memory_bound(const report *r) {
  return !r->from_cache && report_is_memory_bound(r->flops, r->bytes, &r->ceiling);
}

static double gflops(const report *r) { return r->flops / r->time.median * 1e-9; }
static double gbps(const report *r) { return r->bytes / r->time.median * 1e-9; }

static double share(const report *r) {
  if (r->share_in_turns > 0 && is_memory_bound(r)) return r->share_in_turns;
  return is_memory_bound(r) ? gbps(r) / r->ceiling.gbps : gflops(r) / r->ceiling.gflops;
}

// The ways of reading, where the plan is a decode on the CPU: returns whether it is.
static int readings(const report *r, const char **keys, const char **values) {
  static const char *const names[] = {"prefetch", "streams"};
  int32_t of_keys, of_values;
  if (r->on->cuda || strstr(r->plan->name, "_decode_") == NULL) return 0;
  if (rapt_context_get_reading(r->on->context, &of_keys, &of_values, NULL) != RAPT_OK) return 0;
  *keys = names[of_keys];
  *values = names[of_values];
  return 1;
}

void report_print(const report *r) {
  const char *keys, *values;
  if (!r->on->cuda) machine_print();
  if (r->on->cuda) {
    printf("%-10s %s\n", "plan", r->plan->name);
  } else {
    printf("%-10s %s, %d %s\n", "plan", r->plan->name, r->on->threads, r->on->threads == 1 ? "thread" : "threads");
  }
  if (readings(r, &keys, &values)) printf("%-10s keys by %s, values by %s\n", "reading", keys, values);
  check_print(&r->verified);
  printf("%-10s %.4g ms median; p10 %.4g, p90 %.4g, min %.4g, max %.4g; %lld runs", "time", r->time.median * 1e3,
         r->time.p10 * 1e3, r->time.p90 * 1e3, r->time.min * 1e3, r->time.max * 1e3, (long long)r->time.count);
  if (r->copies > 1) printf(" over %lld copies of the data, so that it comes from memory", (long long)r->copies);
  printf("\n%-10s %.1f GFLOP/s, %.2f GB/s\n", "rate", gflops(r), gbps(r));
  if (is_memory_bound(r) && r->ceiling.copied) {
    printf("%-10s %.1f %% of the copy bandwidth, %.2f GB/s\n", "ceiling", 100 * share(r), r->ceiling.gbps);
  } else if (is_memory_bound(r)) {
    printf("%-10s %.1f %% of the read bandwidth, %.2f GB/s by %d %s a thread%s (memory-bound)\n", "ceiling",
           100 * share(r), r->ceiling.gbps, r->ceiling.streams, r->ceiling.streams == 1 ? "stream" : "streams",
           r->share_in_turns > 0 ? ", read in turns" : "");
  } else {
    printf("%-10s %.1f %% of the FMA peak, %.1f GFLOP/s (compute-bound)\n", "ceiling", 100 * share(r),
           r->ceiling.gflops);
  }
  issue_rate_print(&r->ceiling.issue);
}

void report_json_problem(const bench_problem *p) {
  rapt_sdpa call = problem_call(p);
  json_integer("batch", p->batch);
  json_integer("heads", p->heads);
  json_integer("kv_heads", p->kv_heads);
  json_integer("q_len", p->q_len);
  json_integer("kv_len", p->kv_len);
  json_integer("head_dim", p->head_dim);
  json_integer("value_dim", p->value_dim);
  json_text("dtype", dtype_choices[p->dtype]);
  json_text("kv_dtype", p->kv_dtype ? kv_dtype_choices[p->kv_dtype] : dtype_choices[p->dtype]);
  json_text("causal", causal_choices[p->causal]);
  json_integer("position", call.options.position);
  json_integer("window_left", p->window[0]);
  json_integer("window_right", p->window[1]);
}

void report_json(const report *r) {
  machine_json();
  json_text("plan", r->plan->name);
  const char *keys, *values;
  if (readings(r, &keys, &values)) {
    json_text("key_reading", keys);
    json_text("value_reading", values);
  }
  json_text("isa", device_name(r->on));
  json_integer("threads", r->on->threads);
  json_integer("scratch_bytes", r->plan->scratch_size);
  json_integer("iters", r->time.count);
  json_real("median_ms", r->time.median * 1e3);
  json_real("p10_ms", r->time.p10 * 1e3);
  json_real("p90_ms", r->time.p90 * 1e3);
  json_real("min_ms", r->time.min * 1e3);
  json_real("max_ms", r->time.max * 1e3);
  json_real("flops", r->flops);
  json_real("bytes", r->bytes);
  json_real("gflops", gflops(r));
  json_real("gbps", gbps(r));
  json_text("ceiling", !is_memory_bound(r) ? "fma_peak" : r->ceiling.copied ? "copy_bandwidth" : "read_bandwidth");
  json_real("ceiling_share", share(r));
  json_real("peak_gflops", r->ceiling.gflops);
  json_real("peak_gbps", r->ceiling.gbps);
  json_integer("read_streams", r->ceiling.streams);
  json_boolean("read_in_turns", r->share_in_turns > 0);
  json_real("issue_rate", r->ceiling.issue.median);
  json_text("core", issue_rate_word(&r->ceiling.issue));
  json_integer("copies", r->copies);
  json_boolean("verified", r->verified.passed);
  json_text("verified_against", r->verified.against);
  json_integer("verified_rows", r->verified.rows);
  json_real("max_difference", r->verified.difference);
}
