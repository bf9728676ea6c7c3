// SPDX-License-Identifier: Apache-2.0
// The vocabulary of gpu.h on the host; this header is included before it (-include). A thread of a block is a fiber. It
// runs until it reaches a collective; when all threads of the warp have reached it, it is carried out for all at once,
// with the layouts of the PTX manual. Mistakes that a GPU may let pass end the program here: threads that miss a
// collective, and misaligned vectors. Copies land at their wait and no sooner, shared memory starts as NaN, and between
// barriers warps and threads run in a random order, so that a missing wait or barrier shows in the results. The order
// is the same in every run; the environment variable RAPT_EMULATED_SCHEDULE (a number) gives another one.
// RAPT_EMULATED_TENSOR=truncate has tensor cores cut off what they add up, as real ones do (collective.cpp).
// RAPT_EMULATED_BREAK breaks a word, or has a kernel fault (break.h).
// ThreadSanitizer sees each thread of the block as a thread that only barriers order, and so reports a missing one
// whatever the order. A launch is complete when it returns.
#ifndef RAPT_EMULATED_HOST_H
#define RAPT_EMULATED_HOST_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "cuda/gpu/stream.h"
#include "emulated/break.h"
#include "emulated/number.h"

#define GPU_FUNCTION inline
#define GPU_KERNEL(threads, blocks) void
#define GPU_PARAMETER const
#define GPU_UNROLL
#define GPU_ROLL

namespace gpu {

enum class warp_operation { barrier, shuffle, load, load_transposed, multiply_f16, multiply_bf16 };

// One thread's inputs to a warp collective, and its results.
struct warp_request {
  warp_operation operation;
  // shuffle: the value, and the lane to take from.
  uint32_t value;
  int from;
  // load: what this thread's row holds, and the four registers it receives. multiply: its parts of a and b.
  uint16_t row[8];
  uint32_t *registers;
  const uint32_t *a;
  uint32_t b[2];
  // multiply: in and out.
  float *d;
};

struct host_position {
  int thread;
  int64_t block;
  int64_t blocks;
  unsigned char *shared;
};

// __thread: unlike thread_local, known to need no initialiser in other files.
extern __thread host_position host_at;

constexpr bool roomy = true;
[[noreturn]] void stop();

inline int thread() { return host_at.thread; }
inline int thread_anew() { return host_at.thread; }
inline int64_t block() { return host_at.block; }
inline int64_t blocks() { return host_at.blocks; }
inline int lane() { return host_at.thread & 31; }
inline int warp() { return host_at.thread >> 5; }
inline unsigned char *shared() { return host_at.shared; }

void barrier();
bool barrier_any(bool x);
void warp_collective(warp_request *request);

inline void warp_barrier() {
  warp_request request = {};
  request.operation = warp_operation::barrier;
  warp_collective(&request);
}

template <typename T>
inline T shuffle(T x, int from) {
  static_assert(sizeof(T) == 4, "shuffles move registers");
  warp_request request = {};
  request.operation = warp_operation::shuffle;
  memcpy(&request.value, &x, 4);
  request.from = is_broken(broken_word::shuffle) ? from ^ 1 : from;
  warp_collective(&request);
  memcpy(&x, &request.value, 4);
  return x;
}
template <typename T>
inline T shuffle_xor(T x, int mask) {
  return shuffle(x, lane() ^ mask);
}

inline float product(float x, float y) { return x * y; }

inline float fast_exp2(float x) { return exp2f(x) * (is_broken(broken_word::exponential) ? 1.001f : 1.0f); }

struct host_copy {
  void *to;
  const void *from;
  bool valid;
};

// Ends the program where addresses are not aligned.
void enqueue_copy(const host_copy &copy);
void commit();
// Takes the next copy, in order, of all groups but the latest `open_groups`; false where there is none.
bool next_landing(int open_groups, host_copy *copy);

// The memory of copies and matrices is accessed here, in the kernel's own code, which sanitizers check.
inline void copy16(void *to, const void *from, bool valid) {
  enqueue_copy({to, from, valid && !is_broken(broken_word::copy)});
  // Until the copy lands, its target holds NaN.
  memset(to, 0xff, 16);
}

template <int N>
inline void wait() {
  host_copy copy;
  while (next_landing(N, &copy)) {
    if (copy.valid) {
      memcpy(copy.to, copy.from, 16);
    } else {
      memset(copy.to, 0, 16);
    }
  }
}

// Ends the program where the row is not aligned.
void check_row(const void *row);

inline void load_matrices_as(warp_operation how, uint32_t (&r)[4], const void *row) {
  warp_request request = {};
  request.operation = how;
  check_row(row);
  memcpy(request.row, row, sizeof request.row);
  request.registers = r;
  warp_collective(&request);
}
inline void load_matrices(uint32_t (&r)[4], const void *row) {
  load_matrices_as(is_broken(broken_word::load) ? warp_operation::load_transposed : warp_operation::load, r, row);
}
inline void load_matrices_transposed(uint32_t (&r)[4], const void *row) {
  bool broken = is_broken(broken_word::load_transposed);
  load_matrices_as(broken ? warp_operation::load : warp_operation::load_transposed, r, row);
}

void multiply_as(warp_operation type, float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
template <typename T>
inline void multiply(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
template <>
inline void multiply<f16>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiply_as(warp_operation::multiply_f16, d, a, b0, b1);
}
template <>
inline void multiply<bf16>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiply_as(warp_operation::multiply_bf16, d, a, b0, b1);
}

// Few, so that blocks loop over items in tests too.
constexpr int64_t most_blocks = 3;

// The calling thread's current CUDA context, and what a stream's handle points to. Tests without a driver have neither.
extern __thread const void *host_context;
struct host_stream {
  const void *context;
};

// Remembers a kernel's shared memory in the current context; ends the program where a launch has not been prepared in
// it, or with less, or where its stream is another context's.
void remember_kernel(const void *kernel, int64_t shared_bytes);
void check_kernel(const void *kernel, int64_t shared_bytes, gpu_stream stream);
// Forgets a context that is no more.
void forget_kernels(const void *context);

template <typename Parameter>
int prepare(void (*kernel)(Parameter), int64_t shared_bytes) {
  remember_kernel(reinterpret_cast<const void *>(kernel), shared_bytes);
  return 0;
}

// Runs body(argument) once for every thread of every block, block by block.
void run_grid(int64_t blocks, int threads, int64_t shared_bytes, void (*body)(const void *), const void *argument);

template <typename Parameter>
int launch(void (*kernel)(Parameter), int64_t blocks, int threads, int64_t shared_bytes, gpu_stream stream,
           const Parameter &parameter) {
  check_kernel(reinterpret_cast<const void *>(kernel), shared_bytes, stream);
  int refused = begin_kernel(reinterpret_cast<const void *>(kernel));
  if (refused != 0) return refused;
  // The fault shows when somebody waits for it.
  if (is_broken(broken_word::fault)) return 0;
  struct call {
    void (*kernel)(Parameter);
    const Parameter *parameter;
  } c = {kernel, &parameter};
  run_grid(
      blocks, threads, shared_bytes,
      [](const void *argument) {
        const call *now = static_cast<const call *>(argument);
        now->kernel(*now->parameter);
      },
      &c);
  return 0;
}

}  // namespace gpu

#endif
