// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <rapt/rapt.h>
#include <sched.h>
#include <stdio.h>

#include "json.h"

// Cannot fail: the struct is there, and its size is right.
static rapt_capabilities capabilities(void) {
  rapt_capabilities c = {.struct_size = sizeof c};
  rapt_get_capabilities(&c, NULL);
  return c;
}

// 40 MB on an A100, 50 on an H100, 60 on an H200.
#define GPU_CACHE_BYTES ((size_t)64 << 20)

size_t last_cache_bytes(const device *on) { return on->cuda ? GPU_CACHE_BYTES : (size_t)capabilities().l3_bytes; }

size_t memory_beyond_caches(void) {
  const device cpu = {.cuda = 0};
  size_t bytes = 4 * last_cache_bytes(&cpu);
  bytes = bytes < (size_t)256 << 20 ? (size_t)256 << 20 : bytes;
  return bytes > (size_t)1 << 30 ? (size_t)1 << 30 : bytes;
}

int32_t usable_cpus(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) ? 1024 : CPU_COUNT(&set);
}

void machine_print(void) {
  rapt_capabilities c = capabilities();
  printf("%-10s %s; L1 %lld KiB, L2 %lld KiB, L3 %lld KiB\n", "cpu", c.cpu_name, (long long)c.l1_bytes >> 10,
         (long long)c.l2_bytes >> 10, (long long)c.l3_bytes >> 10);
}

void machine_json(void) {
  rapt_capabilities c = capabilities();
  json_text("cpu", c.cpu_name);
  json_integer("l1_bytes", c.l1_bytes);
  json_integer("l2_bytes", c.l2_bytes);
  json_integer("l3_bytes", c.l3_bytes);
}
