// SPDX-License-Identifier: Apache-2.0
// What the benchmark does on a GPU: memory there, and the bandwidth that its own copies reach.
#ifndef RAPT_BENCH_CUDA_H
#define RAPT_BENCH_CUDA_H

#include <stddef.h>

#include "ceilings.h"
#include "check.h"
#include "device.h"
#include "stats.h"

// A copy of host memory on the device, or NULL and a line on stderr.
void *cuda_copy_of(const device *on, const void *data, size_t bytes);

// Copies back; 0 and a line on stderr on failure.
int cuda_fetch(const device *on, void *to, const void *from, size_t bytes);

// NULL is allowed.
void cuda_give_back(const device *on, void *data);

// The best of several copies from device memory to device memory, read and written bytes counted; keeps the higher of
// what *out already holds. gflops stays 0: not measured. 0 and a line on stderr on failure.
int cuda_ceilings(const device *on, ceilings *out);

// The bandwidth of a copy in the memory that a device, CPU or GPU, works on. 0 and a line on stderr on failure.
int measure_copy_on(const device *on, ceilings *out);

// A call that can be enqueued: run(state) does so on *stream, the call's own field, or waits where that is NULL.
typedef struct cuda_call {
  const device *on;
  rapt_stream **stream;
  int (*run)(void *state);
  void *state;
} cuda_call;

// How long the device takes for a call: between two events with as many calls between them as take 2 ms.
int cuda_time(const cuda_call *call, int64_t iters, stats *out);

// How long the caller is busy with enqueueing a call: several in a row, few enough that the queue never fills, and the
// device waited for outside the measurement.
int cuda_time_enqueueing(const cuda_call *call, int64_t iters, stats *out);

// Between the steps of multi-head attention 16-bit types are stored as such: projections, weights and attention, four
// roundings, each as large as the largest result's at most. Nothing more for f32.
void cuda_allow_rounded_steps(check *c, int32_t dtype);

// Tensor cores take the softmax weights in the type of the values: that much more than f32 arithmetic an output may be
// off where values are in [-1, 1).
void cuda_allow_rounded_weights(check *c, int32_t dtype);

#endif
