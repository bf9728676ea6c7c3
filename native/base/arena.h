// SPDX-License-Identifier: Apache-2.0
// A bump allocator over one block: it lays scratch memory out.
#ifndef RAPT_BASE_ARENA_H
#define RAPT_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RAPT_SCRATCH_ALIGNMENT 64

// With base NULL the arena only counts, so that the plan's size and the run's pointers come from one function and
// cannot disagree.
typedef struct rapt_arena {
  unsigned char *base;
  int64_t used;
  // Set when a size does not fit an int64.
  int overflow;
} rapt_arena;

// `count` elements of `size` bytes, aligned to RAPT_SCRATCH_ALIGNMENT; NULL while counting.
static inline void *rapt_arena_take(rapt_arena *arena, int64_t count, int64_t size) {
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

#ifdef __cplusplus
}
#endif

#endif
