// SPDX-License-Identifier: Apache-2.0
#include "cpu/engine/slabs.h"

#include <stdlib.h>

#include "cpu/engine/threads.h"

struct rapt_slab {
  void *memory;
  int64_t size;
  rapt_slab *next;
};

void rapt_slabs_init(rapt_slabs *slabs) { pthread_mutex_init(&slabs->mutex, NULL); }

static void free_slab(rapt_slab *slab) {
  if (slab == NULL) return;
  free(slab->memory);
  free(slab);
}

void rapt_slabs_destroy(rapt_slabs *slabs) {
  for (int i = 0; i < RAPT_SHELVES; i++) free_slab(atomic_load(&slabs->shelves[i].slab));
  while (slabs->free_slabs != NULL) {
    rapt_slab *slab = slabs->free_slabs;
    slabs->free_slabs = slab->next;
    free_slab(slab);
  }
  pthread_mutex_destroy(&slabs->mutex);
}

// The shelf where a thread looks first: always the same one, and mostly another one than other threads'.
static unsigned first_shelf(void) { return rapt_thread_number() % RAPT_SHELVES; }

static rapt_slab *take_slab(rapt_slabs *slabs) {
  for (unsigned i = 0, first = first_shelf(); i < RAPT_SHELVES; i++) {
    rapt_shelf *shelf = &slabs->shelves[(first + i) % RAPT_SHELVES];
    if (atomic_load_explicit(&shelf->slab, memory_order_relaxed) == NULL) continue;
    rapt_slab *slab = atomic_exchange_explicit(&shelf->slab, NULL, memory_order_acquire);
    if (slab != NULL) return slab;
  }
  pthread_mutex_lock(&slabs->mutex);
  rapt_slab *slab = slabs->free_slabs;
  if (slab != NULL) slabs->free_slabs = slab->next;
  pthread_mutex_unlock(&slabs->mutex);
  return slab;
}

rapt_slab *rapt_slabs_borrow(rapt_slabs *slabs, int64_t size) {
  rapt_slab *slab = take_slab(slabs);
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

void rapt_slabs_return(rapt_slabs *slabs, rapt_slab *slab) {
  for (unsigned i = 0, first = first_shelf(); i < RAPT_SHELVES; i++) {
    rapt_slab *none = NULL;
    if (atomic_compare_exchange_strong_explicit(&slabs->shelves[(first + i) % RAPT_SHELVES].slab, &none, slab,
                                                memory_order_release, memory_order_relaxed)) {
      return;
    }
  }
  pthread_mutex_lock(&slabs->mutex);
  slab->next = slabs->free_slabs;
  slabs->free_slabs = slab;
  pthread_mutex_unlock(&slabs->mutex);
}

void *rapt_slab_memory(rapt_slab *slab) { return slab->memory; }
