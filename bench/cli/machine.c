// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <rapt/rapt.h>
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
