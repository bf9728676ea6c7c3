// SPDX-License-Identifier: Apache-2.0
// Threads that read memory and do nothing else, whenever asked: what a kernel bound by memory is compared with.
#ifndef RAPT_BENCH_READER_H
#define RAPT_BENCH_READER_H

#include <stddef.h>
#include <stdint.h>

typedef struct reader reader;

// How many streams far apart a thread reads at once. Which number is fastest depends on the CPU's prefetchers.
enum { READ_WAYS = 3 };
extern const int read_streams[READ_WAYS];

// So many threads, the caller among them, but no more than there are CPUs, with this tier's loads and a buffer of their
// own: four times the last cache, from 256 MiB to 1 GiB. NULL and a line on stderr on failure.
reader *reader_open(int32_t isa, int32_t threads);

// Reads the buffer once in each way, each thread one slice of whole pages; the threads sleep before and after. Bytes
// per second.
void reader_pass(reader *r, double rates[READ_WAYS]);

size_t reader_bytes(const reader *r);

void reader_close(reader *r);

#endif
