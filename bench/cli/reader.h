// SPDX-License-Identifier: Apache-2.0
// Threads that read memory and do nothing else, whenever asked: what a kernel bound by memory is compared with.
#ifndef RAPT_BENCH_READER_H
#define RAPT_BENCH_READER_H

#include <stddef.h>
#include <stdint.h>

typedef struct reader reader;

// So many threads, the caller among them, with this tier's loads. NULL and a line on stderr on failure.
reader *reader_open(int32_t isa, int32_t threads);

// Reads `bytes` from data, page-aligned, each thread one slice of whole pages; the threads sleep before and after.
// Returns bytes per second.
double reader_pass(reader *r, const void *data, size_t bytes);

void reader_close(reader *r);

#endif
