// SPDX-License-Identifier: Apache-2.0
#include "cuda/gpu/gpu.h"
#include "cuda/selfcheck/words.h"

namespace words {

using parameters = rapt_cuda_words_parameters;

constexpr int shared_bytes = 1024;

GPU_FUNCTION uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
GPU_FUNCTION float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

GPU_KERNEL(64, 1) shuffle(GPU_PARAMETER parameters a) {
  int t = gpu::thread();
  a.out[t] = gpu::shuffle(a.in[t], 31 - gpu::lane());
  a.out[64 + t] = gpu::shuffle_xor(a.in[t], 5);
}

// Votes, and what the other warp wrote before the barrier.
GPU_KERNEL(64, 1) barrier(GPU_PARAMETER parameters a) {
  uint32_t *written = reinterpret_cast<uint32_t *>(gpu::shared());
  int t = gpu::thread();
  written[t] = a.in[t];
  gpu::barrier();
  a.out[t] = written[63 - t];
  bool any = gpu::barrier_any(t == 63), none = gpu::barrier_any(false);
  a.out[64 + t] = static_cast<uint32_t>(any) + 2 * static_cast<uint32_t>(none);
  written[t] = a.in[t] + 1;
  gpu::warp_barrier();
  a.out[128 + t] = written[t ^ 1];
}

// Shared memory holds 32 lines of 8 numbers of 16 bits.
template <bool TRANSPOSED>
GPU_KERNEL(32, 1)
load(GPU_PARAMETER parameters a) {
  uint32_t *lines = reinterpret_cast<uint32_t *>(gpu::shared());
  for (int i = gpu::lane(); i < 128; i += 32) lines[i] = a.in[i];
  gpu::barrier();
  uint32_t r[4];
  if (TRANSPOSED) {
    gpu::load_matrices_transposed(r, lines + 4 * gpu::lane());
  } else {
    gpu::load_matrices(r, lines + 4 * gpu::lane());
  }
  for (int i = 0; i < 4; i++) a.out[gpu::lane() * 4 + i] = r[i];
}

// a[m][k] and b[n][k] as plain matrices of packed pairs along k; groupID = lane / 4, threadID_in_group = lane % 4.
template <typename T>
GPU_KERNEL(32, 1)
multiply(GPU_PARAMETER parameters p) {
  int group = gpu::lane() / 4, in_group = gpu::lane() % 4;
  const uint32_t *a = p.in, *b = p.in + 16 * 8;
  uint32_t left[4] = {a[group * 8 + in_group], a[(group + 8) * 8 + in_group], a[group * 8 + in_group + 4],
                      a[(group + 8) * 8 + in_group + 4]};
  float d[4] = {0.5f, 0.5f, 0.5f, 0.5f};
  gpu::multiply<T>(d, left, b[group * 8 + in_group], b[group * 8 + in_group + 4]);
  p.out[group * 8 + 2 * in_group] = bits_of(d[0]);
  p.out[group * 8 + 2 * in_group + 1] = bits_of(d[1]);
  p.out[(group + 8) * 8 + 2 * in_group] = bits_of(d[2]);
  p.out[(group + 8) * 8 + 2 * in_group + 1] = bits_of(d[3]);
}

// Two groups of copies, one of which is waited for first; every fourth of the first group is not valid.
GPU_KERNEL(32, 1) copy(GPU_PARAMETER parameters a) {
  uint32_t *memory = reinterpret_cast<uint32_t *>(gpu::shared());
  int at = 4 * gpu::lane();
  gpu::copy16(memory + at, a.in + at, gpu::lane() % 4 != 0);
  gpu::commit();
  gpu::copy16(memory + 128 + at, a.in + at, true);
  gpu::commit();
  gpu::wait<1>();
  for (int i = 0; i < 4; i++) a.out[at + i] = memory[at + i];
  gpu::wait<0>();
  gpu::barrier();
  // What another thread copied.
  for (int i = 0; i < 4; i++) a.out[128 + at + i] = memory[128 + (at + 4 + i) % 128];
}

GPU_KERNEL(256, 1) exponential(GPU_PARAMETER parameters a) {
  for (int64_t i = gpu::thread(); i < a.count; i += 256) a.out[i] = bits_of(gpu::fast_exp2(float_of(a.in[i])));
}

// Every number of the type to f32, and back with the number halfway to the next; one alone, and packed.
template <typename T>
GPU_KERNEL(256, 1)
convert(GPU_PARAMETER parameters a) {
  for (int64_t i = gpu::thread(); i < a.count; i += 256) {
    float x = gpu::to_float(T{static_cast<uint16_t>(i)}), halfway = float_of(a.in[i]);
    T back, rounded;
    gpu::from_float(x, &back);
    gpu::from_float(halfway, &rounded);
    a.out[3 * i] = bits_of(x);
    a.out[3 * i + 1] = static_cast<uint32_t>(rounded.bits) << 16 | back.bits;
    a.out[3 * i + 2] = gpu::pack<T>(x, halfway);
  }
}

// A product that is rounded before it is added.
GPU_KERNEL(32, 1) product(GPU_PARAMETER parameters a) {
  int t = gpu::thread();
  float x = float_of(a.in[t]);
  a.out[t] = bits_of(gpu::product(x, x) - float_of(a.in[32 + t]));
}

struct entry {
  void (*kernel)(parameters);
  int threads;
};

const entry &entry_of(int word) {
  static const entry entries[RAPT_CUDA_WORDS] = {{shuffle, 64},
                                                 {barrier, 64},
                                                 {load<false>, 32},
                                                 {load<true>, 32},
                                                 {multiply<gpu::f16>, 32},
                                                 {multiply<gpu::bf16>, 32},
                                                 {copy, 32},
                                                 {exponential, 256},
                                                 {convert<gpu::f16>, 256},
                                                 {convert<gpu::bf16>, 256},
                                                 {product, 32}};
  return entries[word];
}

}  // namespace words

int rapt_cuda_prepare_words() {
  int error = 0;
  for (int word = 0; word < RAPT_CUDA_WORDS && error == 0; word++) {
    error = gpu::prepare(words::entry_of(word).kernel, words::shared_bytes);
  }
  return error;
}

int rapt_cuda_launch_word(int word, const rapt_cuda_words_parameters &a, gpu_stream stream) {
  const words::entry &entry = words::entry_of(word);
  return gpu::launch(entry.kernel, 1, entry.threads, words::shared_bytes, stream, a);
}
