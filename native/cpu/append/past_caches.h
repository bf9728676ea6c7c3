// SPDX-License-Identifier: Apache-2.0
// Stores past the caches. An ordinary store first reads the line that it writes to, which costs half as much memory
// traffic again, and leaves it in place of others; where more is written than the caches keep, both are in vain.
#ifndef RAPT_CPU_APPEND_PAST_CACHES_H
#define RAPT_CPU_APPEND_PAST_CACHES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#define RAPT_LINE 64

// Copies a row: whole lines past the caches, anything else by ordinary stores, because half a line costs a whole one.
// Other threads see it after rapt_past_caches_end.
static inline void rapt_store_past_caches(void *to, const void *from, size_t bytes) {
#if defined(__x86_64__)
  if ((uintptr_t)to % RAPT_LINE == 0 && bytes % RAPT_LINE == 0) {
    __m128i *line = to;
    const __m128i *source = from;
    for (const __m128i *end = source + bytes / sizeof *source; source < end; source += 4, line += 4) {
      for (int i = 0; i < 4; i++) _mm_stream_si128(line + i, _mm_loadu_si128(source + i));
    }
    return;
  }
#endif
  memcpy(to, from, bytes);
}

// Orders this thread's stores before those that say that it is done.
static inline void rapt_past_caches_end(void) {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

#endif
