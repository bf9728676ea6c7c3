/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file device.h
 * @brief Contexts for the benchmark, with the library's own sentence where one cannot be had.
 */
#ifndef RAPT_BENCH_DEVICE_H
#define RAPT_BENCH_DEVICE_H

#include <rapt/rapt.h>
#include <stdint.h>

/** A context and what it resolved to. */
typedef struct device {
  rapt_context *context;
  int32_t isa;
  int32_t threads;
} device;

/** 0 and a line on stderr where the library refuses. */
int device_open(int32_t isa, int64_t threads, device *out);

void device_close(device *d);

#endif
