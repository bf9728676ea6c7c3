// SPDX-License-Identifier: Apache-2.0
#include "cpu/engine/machine.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/arithmetic.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)

// The smallest of what x86-64 CPUs with AVX2 have.
#define LEAST_L1 (32 * KIB)
#define LEAST_L2 (256 * KIB)

// Types of caches.
enum { CACHE_END = 0, CACHE_DATA = 1, CACHE_UNIFIED = 3 };
enum { MOST_CACHES = 16 };

// One cache: its size, and the logical CPUs that share it.
typedef struct cache {
  int64_t bytes;
  int64_t sharers;
} cache;

// Caches by level, from 1 on. A level of 0 bytes is not known.
static rapt_machine model(const cache level[4]) {
  rapt_machine machine = {.l1 = level[1].bytes, .l2 = level[2].bytes, .l3 = level[3].bytes};
  // The CPUs that share a first-level cache are threads of one core.
  int64_t threads = rapt_max(1, level[1].sharers), cores = rapt_ceil_div(rapt_max(1, level[2].sharers), threads);
  machine.l2 /= cores;
  return machine;
}

rapt_machine rapt_machine_of_leaves(const rapt_cache_leaf *leaves, int count) {
  cache level[4] = {{0}};
  for (int i = 0; i < count; i++) {
    uint32_t type = leaves[i].eax & 0x1f, at = leaves[i].eax >> 5 & 7;
    if (type == CACHE_END) break;
    if ((type != CACHE_DATA && type != CACHE_UNIFIED) || at < 1 || at > 3) continue;
    int64_t ways = (leaves[i].ebx >> 22) + INT64_C(1), partitions = (leaves[i].ebx >> 12 & 0x3ff) + INT64_C(1);
    int64_t line = (leaves[i].ebx & 0xfff) + INT64_C(1), sets = leaves[i].ecx + INT64_C(1);
    level[at] =
        (cache){.bytes = ways * partitions * line * sets, .sharers = (leaves[i].eax >> 14 & 0xfff) + INT64_C(1)};
  }
  return model(level);
}

rapt_machine rapt_machine_of_sizes(const rapt_cache_sizes *sizes) {
  return (rapt_machine){
      .l1 = (sizes->l1_ecx >> 24) * KIB, .l2 = (sizes->l2_ecx >> 16) * KIB, .l3 = (sizes->l3_edx >> 18) * 512 * KIB};
}

// The text of a file in the folder of one of CPU 0's caches; empty where it cannot be read.
static void read_text(const char *root, int index, const char *name, char *text, size_t size) {
  char path[512];
  text[0] = 0;
  int length = snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu0/cache/index%d/%s", root, index, name);
  FILE *file = length < (int)sizeof path ? fopen(path, "re") : NULL;
  if (file == NULL) return;
  if (fgets(text, (int)size, file) == NULL) text[0] = 0;
  fclose(file);
}

// How many CPUs a list such as "0-3,8" names.
static int64_t count_cpus(const char *list) {
  int64_t count = 0;
  long first, last;
  for (int length; sscanf(list, "%ld%n", &first, &length) == 1; list += *list == ',') {
    list += length;
    last = first;
    if (*list == '-' && sscanf(list, "-%ld%n", &last, &length) == 1) list += length;
    count += rapt_max(0, last - first) + 1;
  }
  return count;
}

rapt_machine rapt_machine_of_sysfs(const char *root) {
  cache level[4] = {{0}};
  for (int i = 0; i < MOST_CACHES; i++) {
    char text[256];
    int at;
    long kib;
    read_text(root, i, "level", text, sizeof text);
    if (sscanf(text, "%d", &at) != 1 || at < 1 || at > 3) continue;
    read_text(root, i, "type", text, sizeof text);
    if (!strncmp(text, "Instruction", 11)) continue;
    read_text(root, i, "size", text, sizeof text);
    if (sscanf(text, "%ldK", &kib) != 1 || kib < 0) continue;
    read_text(root, i, "shared_cpu_list", text, sizeof text);
    level[at] = (cache){.bytes = kib * KIB, .sharers = count_cpus(text)};
  }
  return model(level);
}

rapt_machine rapt_machine_complete(rapt_machine first, rapt_machine second) {
  return (rapt_machine){.l1 = first.l1 > 0 ? first.l1 : second.l1,
                        .l2 = first.l2 > 0 ? first.l2 : second.l2,
                        .l3 = first.l3 > 0 ? first.l3 : second.l3};
}

rapt_machine rapt_machine_at_least(rapt_machine machine) {
  machine.l1 = rapt_max(machine.l1, LEAST_L1);
  machine.l2 = rapt_max(machine.l2, LEAST_L2);
  machine.l3 = rapt_max(machine.l3, machine.l2);
  return machine;
}

#if defined(__x86_64__)
// Intel's leaf is empty on AMD and the other way round.
static rapt_machine of_leaves(void) {
  static const unsigned numbers[] = {4, 0x8000001d};
  rapt_machine machine = {0};
  for (int n = 0; n < 2 && machine.l1 == 0; n++) {
    rapt_cache_leaf leaves[MOST_CACHES];
    int count = 0;
    unsigned a, b, c, d;
    while (count < MOST_CACHES && __get_cpuid_count(numbers[n], (unsigned)count, &a, &b, &c, &d)) {
      leaves[count++] = (rapt_cache_leaf){.eax = a, .ebx = b, .ecx = c};
    }
    machine = rapt_machine_of_leaves(leaves, count);
  }
  return machine;
}

static rapt_machine of_sizes(void) {
  rapt_cache_sizes sizes = {0};
  unsigned a, b, c, d;
  if (__get_cpuid(0x80000005, &a, &b, &c, &d)) sizes.l1_ecx = c;
  if (__get_cpuid(0x80000006, &a, &b, &c, &d)) {
    sizes.l2_ecx = c;
    sizes.l3_edx = d;
  }
  return rapt_machine_of_sizes(&sizes);
}
#else
static rapt_machine of_leaves(void) { return (rapt_machine){0}; }
static rapt_machine of_sizes(void) { return (rapt_machine){0}; }
#endif

static rapt_machine here;

// Virtual machines often hide the leaves of single caches, and the kernel with them, but not the older sizes.
static void find(void) {
  here = rapt_machine_complete(of_leaves(), rapt_machine_of_sysfs(""));
  here = rapt_machine_at_least(rapt_machine_complete(here, of_sizes()));
}

rapt_machine rapt_machine_here(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find);
  return here;
}

// L1 of x86 is looked up by address within a page while the page is translated, so that a way has the bytes of a page,
// and a larger cache has more ways: 8 of 32 KB, 12 of 48 KB.
int64_t rapt_machine_l1_ways(const rapt_machine *machine) { return rapt_max(1, machine->l1 / RAPT_WAY_BYTES); }

// With more panels per task K and V are read less often. The same on every machine measured so far: with 512 KB of L2
// (Zen 3) half of it costs up to 5 %, because panels stream from L3 in order while K and V come again and again; with
// 2 MB (Granite Rapids) twice as much gains nothing, and leaves fewer tasks.
int64_t rapt_machine_task_bytes(const rapt_machine *machine) {
  (void)machine;
  return 512 * KIB;
}

// Beside it L2 keeps rows of input and output, and of a small L2 less is left for those.
int64_t rapt_machine_weight_bytes(const rapt_machine *machine) {
  return rapt_clamp(machine->l2 * 3 / 8, rapt_min(machine->l2 * 3 / 4, 384 * KIB), 768 * KIB);
}

// What is smaller than L2 may be in it, where both ways are as fast; it is also too little to try them for. L3 is no
// bound: a layer's K and V may fit there, but those of all layers of a model do not.
int64_t rapt_machine_reading_bytes(const rapt_machine *machine) { return 2 * machine->l2; }

int64_t rapt_machine_evicting_bytes(const rapt_machine *machine) {
  return rapt_clamp(machine->l3, rapt_min(2 * machine->l2, 8 * MIB), 8 * MIB);
}

// What is smaller than a quarter of the last cache is mostly in it, and prefetching it would only cost instructions: 3
// % at 3 MiB on a Zen 4, where it saves 14 % at 12 MiB. A cache of hundreds of mebibytes belongs to many cores, and is
// so far away that reading from it is worth prefetching too.
int64_t rapt_machine_prefetch_bytes(const rapt_machine *machine) {
  return rapt_clamp(machine->l3 / 4, machine->l2, 8 * MIB);
}
