// SPDX-License-Identifier: Apache-2.0
// Contexts for the benchmark, with the library's own sentence where one cannot be had.
#ifndef RAPT_BENCH_DEVICE_H
#define RAPT_BENCH_DEVICE_H

#include <rapt/rapt.h>
#include <stdint.h>

// A context and what it resolved to.
typedef struct device {
  rapt_context *context;
  // CPU; 0 on a GPU.
  int32_t isa;
  int32_t threads;
  int cuda;
} device;

// Names for cli_option.choices, and what they are.
extern const char *const device_choices[];
enum { DEVICE_CHOICE_CPU = 0, DEVICE_CHOICE_CUDA = 1 };
#define DEVICE_OPTION(target) \
  {"device", "NAME", "cpu or cuda, the first GPU (default cpu)", CLI_CHOICE, (target), -1, 0, device_choices},

// 0 and a line on stderr where the library refuses.
int device_open(int32_t isa, int64_t threads, device *out);

// The first CUDA device; the same.
int device_open_cuda(device *out);

// The tier's name, or "cuda".
const char *device_name(const device *d);

void device_close(device *d);

#endif
