/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* What the system could give without swapping; SIZE_MAX where it does not say. */
static size_t available_bytes(void) {
  FILE *file = fopen("/proc/meminfo", "r");
  unsigned long long kib = 0;
  char line[128];
  while (file && !kib && fgets(line, sizeof line, file)) {
    if (sscanf(line, "MemAvailable: %llu", &kib) != 1) {
      kib = 0;
    }
  }
  if (file) {
    fclose(file);
  }
  return kib ? (size_t)kib << 10 : SIZE_MAX;
}

void *memory_take(size_t bytes) {
  /* The kernel promises more memory than there is and kills later: better refuse now. */
  if (bytes > available_bytes()) {
    return NULL;
  }
  void *data = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    return NULL;
  }
  /* Only a hint: without huge pages the numbers are a little lower, no less true. */
  madvise(data, bytes, MADV_HUGEPAGE);
  return data;
}

void memory_give_back(void *data, size_t bytes) {
  if (data) {
    munmap(data, bytes ? bytes : 1);
  }
}

void memory_touch(void *data, size_t bytes) { memset(data, 1, bytes); }

void memory_fill_random(float *data, size_t count, uint64_t seed) {
  /* xorshift64* (Vigna 2016): one multiplication per value, so that gigabytes fill in seconds. */
  uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
  for (size_t i = 0; i < count; i++) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    uint64_t bits = (state * UINT64_C(0x2545f4914f6cdd1d)) >> 40;
    data[i] = (float)((int64_t)bits - (INT64_C(1) << 23)) * 0x1p-23f;
  }
}
