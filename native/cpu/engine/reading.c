// SPDX-License-Identifier: Apache-2.0
#include "cpu/engine/reading.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/error.h"
#include "cpu/engine/machine.h"

// What is tried: four query rows, the commonest group, at rows of 128 floats, a tile at a time, which is long enough
// for streams far apart. Each tile is read once, and each way reads so many of keys and of values.
#define ROWS 4
#define DEPTH 128
#define TILE_KEYS 1024
#define TURNS 12
#define TILES (TURNS * RAPT_READINGS)
#define TILE_BYTES (TILE_KEYS * DEPTH * sizeof(float))
#define PAGE 4096
// Streams are taken where they take less than this share of the other way's time: a smaller gain here is none with
// other rows, types or pages.
#define CLEARLY_LESS 0.85

static const char *const names[] = {[RAPT_READING_PREFETCH] = "prefetch", [RAPT_READING_STREAMS] = "streams"};

const char *rapt_reading_name(rapt_reading reading) { return names[reading]; }

rapt_status rapt_reading_from_environment(rapt_reading *out, rapt_error *error) {
  *out = RAPT_READINGS;
  const char *text = getenv("RAPT_READING");
  if (text == NULL || *text == 0 || !strcmp(text, "auto")) return RAPT_OK;
  for (rapt_reading reading = 0; reading < RAPT_READINGS; reading++) {
    if (!strcmp(text, names[reading])) {
      *out = reading;
      return RAPT_OK;
    }
  }
  return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                   "the environment variable RAPT_READING is \"%.64s\"; allowed: auto, prefetch and streams", text);
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// What the kernels read and write beside the rows.
typedef struct buffers {
  float queries[ROWS * DEPTH];
  float scores[ROWS * (TILE_KEYS + RAPT_SCORE_MULTIPLE)];
  float output[ROWS * DEPTH];
} buffers;

static double time_tile(const rapt_decode_kernels *kernels, int values, const void *tile, buffers *b) {
  static const float ones[ROWS] = {1, 1, 1, 1};
  const int64_t stride = TILE_KEYS + RAPT_SCORE_MULTIPLE;
  double start = seconds();
  if (values) {
    kernels->gather_f32(ROWS, b->scores, stride, TILE_KEYS, tile, DEPTH, DEPTH, ones, b->output, DEPTH, 0);
  } else {
    kernels->dots_f32(ROWS, b->queries, DEPTH, TILE_KEYS, tile, DEPTH, DEPTH, b->scores, stride);
  }
  return seconds() - start;
}

// Both ways take tiles in turns, so that what else the machine does meets both; medians, so that one interruption does
// not decide.
static rapt_reading faster(const rapt_kernels *kernels, int values, const char *memory, buffers *b) {
  double times[RAPT_READINGS][TURNS];
  for (int tile = 0; tile < TILES; tile++) {
    // Each way follows the other as often as itself, whose requests run on into the next tile.
    int reading = (tile + tile / RAPT_READINGS) % RAPT_READINGS;
    times[reading][tile / RAPT_READINGS] = time_tile(&kernels->decode[reading], values, memory + tile * TILE_BYTES, b);
  }
  double median[RAPT_READINGS];
  for (int reading = 0; reading < RAPT_READINGS; reading++) {
    qsort(times[reading], TURNS, sizeof(double), compare);
    median[reading] = times[reading][TURNS / 2];
  }
  int streams = median[RAPT_READING_STREAMS] < CLEARLY_LESS * median[RAPT_READING_PREFETCH];
  return streams ? RAPT_READING_STREAMS : RAPT_READING_PREFETCH;
}

// Memory of its own, which goes back to the system at once: the allocator of the program would keep it. On huge pages
// it takes 2 ms, on others ten times as long and more. The bytes behind the tiles are there to push the tiles out of
// the caches that filling them has left them in.
static rapt_readings probe(const rapt_kernels *kernels) {
  rapt_readings found = {RAPT_READING_PREFETCH, RAPT_READING_PREFETCH};
  const rapt_machine machine = rapt_machine_here();
  const size_t tiles = 2 * TILES * TILE_BYTES, bytes = tiles + (size_t)rapt_machine_evicting_bytes(&machine);
  char *memory = mmap(NULL, bytes + sizeof(buffers), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return found;
  madvise(memory, bytes, MADV_HUGEPAGE);
  for (size_t at = 0; at < bytes; at += PAGE) ((volatile char *)memory)[at] = 0;
  buffers *b = (buffers *)(memory + bytes);
  memset(b, 0, sizeof *b);
  found.keys = faster(kernels, 0, memory, b);
  // Quarters are streams, and the tier knows no other way.
  found.values =
      kernels->quarters.gather_f32 != NULL ? RAPT_READING_STREAMS : faster(kernels, 1, memory + TILES * TILE_BYTES, b);
  munmap(memory, bytes + sizeof(buffers));
  return found;
}

rapt_readings rapt_readings_here(const rapt_kernels *kernels) {
  // Per tier 0 until it is known, then 1 + keys + RAPT_READINGS * values.
  static atomic_int known[RAPT_ISA_AVX512BF16 + 1];
  static pthread_mutex_t probing = PTHREAD_MUTEX_INITIALIZER;
  atomic_int *of = &known[kernels->isa];
  int code = atomic_load_explicit(of, memory_order_acquire);
  if (code == 0) {
    pthread_mutex_lock(&probing);
    code = atomic_load_explicit(of, memory_order_relaxed);
    if (code == 0) {
      rapt_readings found = probe(kernels);
      code = 1 + (int)found.keys + RAPT_READINGS * (int)found.values;
      atomic_store_explicit(of, code, memory_order_release);
    }
    pthread_mutex_unlock(&probing);
  }
  return (rapt_readings){.keys = (rapt_reading)((code - 1) % RAPT_READINGS),
                         .values = (rapt_reading)((code - 1) / RAPT_READINGS)};
}
