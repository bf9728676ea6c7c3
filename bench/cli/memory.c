// SPDX-License-Identifier: Apache-2.0
#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

// What the system could give without swapping; SIZE_MAX where it does not say.
static size_t available_bytes(void) {
  FILE *file = fopen("/proc/meminfo", "r");
  unsigned long long kib = 0;
  char line[128];
  while (file != NULL && !kib && fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "MemAvailable: %llu", &kib) != 1) kib = 0;
  }
  if (file != NULL) fclose(file);
  return kib ? (size_t)kib << 10 : SIZE_MAX;
}

void *memory_take(size_t bytes) {
  // The kernel promises more memory than there is and kills later: better refuse now.
  if (bytes > available_bytes()) return NULL;
  void *data = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return NULL;
  // Only a hint: without huge pages the numbers are a little lower, no less true.
  madvise(data, bytes, MADV_HUGEPAGE);
  return data;
}

void memory_give_back(void *data, size_t bytes) {
  if (data != NULL) munmap(data, bytes ? bytes : 1);
}

void memory_touch(void *data, size_t bytes) { memset(data, 1, bytes); }
