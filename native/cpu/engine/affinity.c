// SPDX-License-Identifier: Apache-2.0
#include "cpu/engine/affinity.h"

// Linux refuses a mask that is smaller than its own, whose size it does not tell: try larger ones.
#define LEAST_CPUS 1024
#define MOST_CPUS (1 << 20)

rapt_affinity rapt_affinity_read(void) {
  for (int most = LEAST_CPUS; most <= MOST_CPUS; most *= 2) {
    rapt_affinity a = {.set = CPU_ALLOC(most), .size = CPU_ALLOC_SIZE(most)};
    if (a.set == NULL) break;
    if (sched_getaffinity(0, a.size, a.set) == 0) {
      a.count = CPU_COUNT_S(a.size, a.set);
      return a;
    }
    CPU_FREE(a.set);
  }
  return (rapt_affinity){.set = NULL};
}

void rapt_affinity_free(rapt_affinity *affinity) {
  if (affinity->set != NULL) CPU_FREE(affinity->set);
  affinity->set = NULL;
}

void rapt_affinity_bind(const rapt_affinity *affinity, pthread_t thread, int index) {
  if (affinity->set == NULL || affinity->count == 0) return;
  int wanted = index % affinity->count;
  for (size_t cpu = 0; cpu < 8 * affinity->size; cpu++) {
    if (!CPU_ISSET_S(cpu, affinity->size, affinity->set) || wanted-- > 0) continue;
    cpu_set_t *one = CPU_ALLOC(8 * affinity->size);
    if (one == NULL) return;
    CPU_ZERO_S(affinity->size, one);
    CPU_SET_S(cpu, affinity->size, one);
    pthread_setaffinity_np(thread, affinity->size, one);
    CPU_FREE(one);
    return;
  }
}
