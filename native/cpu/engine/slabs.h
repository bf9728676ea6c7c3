// SPDX-License-Identifier: Apache-2.0
// The blocks of scratch memory that a context keeps for its calls.
#ifndef RAPT_CPU_ENGINE_SLABS_H
#define RAPT_CPU_ENGINE_SLABS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/arena.h"

typedef struct rapt_slab rapt_slab;

#define RAPT_SHELVES 64

typedef struct rapt_shelf {
  _Atomic(rapt_slab *) slab;
  // Padding, so that each shelf has a cache line of its own.
  char apart[RAPT_SCRATCH_ALIGNMENT - sizeof(void *)];
} rapt_shelf;

// Blocks that calls borrow. A thread takes its block from a shelf and puts it back there: it finds it again while it is
// in its cache, and callers do not contend. Calls that find no block on a shelf share the list. A block that is too
// small is replaced, so that a context comes to one block per concurrent call; all are freed by destroy.
typedef struct rapt_slabs {
  rapt_shelf shelves[RAPT_SHELVES];
  pthread_mutex_t mutex;
  rapt_slab *free_slabs;
} rapt_slabs;

// *slabs is zero.
void rapt_slabs_init(rapt_slabs *slabs);
void rapt_slabs_destroy(rapt_slabs *slabs);
// NULL where memory ran out. The slab's memory is rapt_slab_memory.
rapt_slab *rapt_slabs_borrow(rapt_slabs *slabs, int64_t size);
void rapt_slabs_return(rapt_slabs *slabs, rapt_slab *slab);
void *rapt_slab_memory(rapt_slab *slab);

#endif
