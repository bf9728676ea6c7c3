// SPDX-License-Identifier: Apache-2.0
// Scratch memory: a bump allocator over one block, and a context's free list of such blocks.
#ifndef RAPT_CORE_SCRATCH_H
#define RAPT_CORE_SCRATCH_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define RAPT_SCRATCH_ALIGNMENT 64

// Lays a block out. With base NULL it only counts, so that the plan's size and the run's pointers come from one
// function and cannot disagree.
typedef struct rapt_arena {
  unsigned char *base;
  int64_t used;
  // Set when a size does not fit an int64.
  int overflow;
} rapt_arena;

// `count` elements of `size` bytes, aligned to RAPT_SCRATCH_ALIGNMENT; NULL while counting.
void *rapt_arena_take(rapt_arena *arena, int64_t count, int64_t size);

typedef struct rapt_slab rapt_slab;

// Blocks that calls borrow. Grows when more calls run at once, or larger ones; never shrinks before destroy.
typedef struct rapt_scratch {
  pthread_mutex_t mutex;
  rapt_slab *free_slabs;
} rapt_scratch;

void rapt_scratch_init(rapt_scratch *scratch);
void rapt_scratch_destroy(rapt_scratch *scratch);
// NULL where memory ran out. The slab's memory is rapt_slab_memory.
rapt_slab *rapt_scratch_borrow(rapt_scratch *scratch, int64_t size);
void rapt_scratch_return(rapt_scratch *scratch, rapt_slab *slab);
void *rapt_slab_memory(rapt_slab *slab);

#endif
