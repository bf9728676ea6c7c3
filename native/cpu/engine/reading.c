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

// What is tried: four query rows, the commonest group, at rows of 128 floats, a tile of decode at a time. Enough tiles
// that most of them come from memory and not from a cache.
#define ROWS 4
#define DEPTH 128
#define TILE_KEYS 512
#define TILES 128
#define TILE_BYTES (TILE_KEYS * DEPTH * sizeof(float))
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
  double times[RAPT_READINGS][TILES / RAPT_READINGS];
  for (int tile = 0; tile < TILES; tile++) {
    // Each way follows the other as often as itself, whose requests run on into the next tile.
    int reading = (tile + tile / RAPT_READINGS) % RAPT_READINGS;
    times[reading][tile / RAPT_READINGS] = time_tile(&kernels->decode[reading], values, memory + tile * TILE_BYTES, b);
  }
  double median[RAPT_READINGS];
  for (int reading = 0; reading < RAPT_READINGS; reading++) {
    qsort(times[reading], TILES / RAPT_READINGS, sizeof(double), compare);
    median[reading] = times[reading][TILES / RAPT_READINGS / 2];
  }
  int streams = median[RAPT_READING_STREAMS] < CLEARLY_LESS * median[RAPT_READING_PREFETCH];
  return streams ? RAPT_READING_STREAMS : RAPT_READING_PREFETCH;
}

// Memory of its own, which goes back to the system at once: the allocator of the program would keep it.
static rapt_readings probe(const rapt_kernels *kernels) {
  rapt_readings found = {RAPT_READING_PREFETCH, RAPT_READING_PREFETCH};
  size_t bytes = TILES * TILE_BYTES + sizeof(buffers);
  char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) return found;
  buffers *b = (buffers *)(memory + TILES * TILE_BYTES);
  found.keys = faster(kernels, 0, memory, b);
  found.values = faster(kernels, 1, memory, b);
  munmap(memory, bytes);
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
