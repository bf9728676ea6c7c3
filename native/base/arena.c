// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

void *rapt_arena_take(rapt_arena *arena, int64_t count, int64_t size) {
  int64_t bytes, end;
  if (__builtin_mul_overflow(count, size, &bytes) ||
      __builtin_add_overflow(bytes, RAPT_SCRATCH_ALIGNMENT - 1, &bytes) ||
      __builtin_add_overflow(arena->used, bytes & -(int64_t)RAPT_SCRATCH_ALIGNMENT, &end)) {
    arena->overflow = 1;
    return NULL;
  }
  void *taken = arena->base == NULL ? NULL : arena->base + arena->used;
  arena->used = end;
  return taken;
}
