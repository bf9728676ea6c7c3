// SPDX-License-Identifier: Apache-2.0
// The number of usable CPUs on a machine with more than a cpu_set_t has room for.
#include "cpu/engine/affinity.h"

#include <errno.h>

#include "cpu/engine/features.h"
#include "support/check.h"

enum { KERNEL_CPUS = 4096, USABLE_CPUS = 1500 };

// In place of the C library's: a kernel built for 4,096 CPUs, a process that may use some.
int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set) {
  (void)pid;
  if (size < KERNEL_CPUS / 8) {
    errno = EINVAL;
    return -1;
  }
  CPU_ZERO_S(size, set);
  for (int cpu = 0; cpu < USABLE_CPUS; cpu++) CPU_SET_S(2 * cpu, size, set);
  return 0;
}

int main(void) {
  check_start();
  // Without control groups, whose quotas are this machine's own.
  int32_t cpus = rapt_logical_cpus("/nowhere");
  CHECK(cpus == USABLE_CPUS, "%d CPUs; expected %d", cpus, USABLE_CPUS);
  rapt_affinity usable = rapt_affinity_read();
  CHECK(usable.set != NULL && usable.size >= KERNEL_CPUS / 8 && usable.count == USABLE_CPUS, "%d CPUs", usable.count);
  rapt_affinity_free(&usable);
  return check_finish("affinity_test");
}
