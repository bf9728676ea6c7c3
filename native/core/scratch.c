// SPDX-License-Identifier: Apache-2.0
#include "core/scratch.h"

#include <stdlib.h>

struct rapt_slab {
  void *memory;
  int64_t size;
  rapt_slab *next;
};

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

void rapt_scratch_init(rapt_scratch *scratch) {
  pthread_mutex_init(&scratch->mutex, NULL);
  scratch->free_slabs = NULL;
}

static void free_slab(rapt_slab *slab) {
  free(slab->memory);
  free(slab);
}

void rapt_scratch_destroy(rapt_scratch *scratch) {
  while (scratch->free_slabs != NULL) {
    rapt_slab *slab = scratch->free_slabs;
    scratch->free_slabs = slab->next;
    free_slab(slab);
  }
  pthread_mutex_destroy(&scratch->mutex);
}

rapt_slab *rapt_scratch_borrow(rapt_scratch *scratch, int64_t size) {
  pthread_mutex_lock(&scratch->mutex);
  rapt_slab *slab = scratch->free_slabs;
  if (slab != NULL) scratch->free_slabs = slab->next;
  pthread_mutex_unlock(&scratch->mutex);
  if (slab != NULL && slab->size >= size) return slab;

  // Too small a slab is replaced, so that a context settles at one slab per concurrent call.
  if (slab == NULL) slab = calloc(1, sizeof *slab);
  if (slab == NULL) return NULL;
  free(slab->memory);
  slab->memory = NULL;
  slab->size = 0;
  if (posix_memalign(&slab->memory, RAPT_SCRATCH_ALIGNMENT, (size_t)size) != 0) {
    slab->memory = NULL;
    free_slab(slab);
    return NULL;
  }
  slab->size = size;
  return slab;
}

void rapt_scratch_return(rapt_scratch *scratch, rapt_slab *slab) {
  pthread_mutex_lock(&scratch->mutex);
  slab->next = scratch->free_slabs;
  scratch->free_slabs = slab;
  pthread_mutex_unlock(&scratch->mutex);
}

void *rapt_slab_memory(rapt_slab *slab) { return slab->memory; }
