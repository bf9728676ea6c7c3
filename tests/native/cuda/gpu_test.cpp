// SPDX-License-Identifier: Apache-2.0
// The words of gpu.h on the host, as the self-check judges them on a device; what only the emulation can tell; and that
// a kernel which breaks the rules is stopped.
#include "cuda/gpu/gpu.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "check.h"
#include "cuda/selfcheck/words.h"

namespace {

void launch_word(int word, const std::vector<uint32_t> &in, std::vector<uint32_t> *out) {
  rapt_cuda_launch_word(word, {in.data(), out->data(), static_cast<int64_t>(in.size())}, nullptr);
}

struct results {
  float *floats;
  uint32_t *words;
  const unsigned char *bytes;
};

void start(void (*kernel)(results), int64_t blocks, int threads, int64_t shared_bytes, const results &r) {
  gpu::prepare(kernel, shared_bytes);
  gpu::launch(kernel, blocks, threads, shared_bytes, nullptr, r);
}

// The words as the self-check runs them on a device.
void words() {
  rapt_cuda_prepare_words();
  for (int word = 0; word < RAPT_CUDA_WORDS; word++) {
    check_case(rapt_cuda_word_name(word));
    std::vector<uint32_t> in = rapt_cuda_word_inputs(word), out(rapt_cuda_word_outputs(word));
    launch_word(word, in, &out);
    rapt_cuda_complaint complaint = rapt_cuda_judge_word(word, in, out);
    CHECK(complaint.empty(), "%s", complaint.c_str());
  }
}

GPU_KERNEL(64, 1) sums_kernel(GPU_PARAMETER results r) {
  int t = gpu::thread();
  float sum = gpu::warp_sum(static_cast<float>(gpu::lane())), most = gpu::warp_maximum(static_cast<float>(t));
  r.floats[t] = sum;
  r.floats[64 + t] = most;
}

void sums() {
  check_case("sums and maxima of a warp");
  float floats[128];
  start(sums_kernel, 1, 64, 0, results{floats, nullptr, nullptr});
  for (int t = 0; t < 64; t++) {
    CHECK(floats[t] == 496, "sum %g", static_cast<double>(floats[t]));
    CHECK(floats[64 + t] == static_cast<float>(t | 31), "maximum %g", static_cast<double>(floats[64 + t]));
  }
}

// What a tensor core makes of small terms beside 0.5, which the accumulator holds: rounds the whole sum once or, as
// real ones, cuts off what is below 25 bits of the largest term, in two passes of 8 terms, and the sums to f32.
void small_terms() {
  check_case("small terms of a tensor core");
  const char *mode = getenv("RAPT_EMULATED_TENSOR");
  bool cuts = mode != nullptr && strcmp(mode, "truncate") == 0;
  // Columns of b in units of 2^-26: all alike, all negative, one of a unit and a half in the last place, and small ones
  // in the first pass before larger ones in the second.
  float units[8][16] = {};
  for (int k = 0; k < 16; k++) {
    units[0][k] = 1;
    units[1][k] = -1;
    units[3][k] = k < 8 ? 1 : 4;
  }
  units[2][0] = 6;
  const float rounded[8] = {16, -16, 8, 40}, cut[8] = {0, 0, 4, 32};
  std::vector<uint32_t> in(16 * 8, gpu::pack<gpu::bf16>(1, 1)), out(128);
  for (auto &column : units) {
    for (int k = 0; k < 16; k += 2) in.push_back(gpu::pack<gpu::bf16>(column[k] * 0x1p-26f, column[k + 1] * 0x1p-26f));
  }
  launch_word(RAPT_CUDA_WORD_MULTIPLY_BF16, in, &out);
  float d[128];
  memcpy(d, out.data(), sizeof d);
  const float *expected = cuts ? cut : rounded;
  for (int m = 0; m < 16; m++) {
    for (int n = 0; n < 8; n++) {
      float sum = 0.5f + expected[n] * 0x1p-26f;
      CHECK(d[m * 8 + n] == sum, "(%d, %d): %a instead of %a", m, n, static_cast<double>(d[m * 8 + n]),
            static_cast<double>(sum));
    }
  }
}

GPU_KERNEL(32, 1) early_kernel(GPU_PARAMETER results r) {
  unsigned char *memory = gpu::shared();
  int at = 16 * gpu::lane();
  gpu::copy16(memory + at, r.bytes + at, true);
  gpu::commit();
  gpu::copy16(memory + 512 + at, r.bytes + at, true);
  gpu::commit();
  gpu::wait<1>();
  // The second group has not landed: what is there is not what will be.
  r.words[gpu::lane()] = memory[512 + at];
  gpu::wait<0>();
}

void early() {
  check_case("cp.async before its wait");
  alignas(16) unsigned char bytes[512];
  for (int i = 0; i < 512; i++) bytes[i] = static_cast<unsigned char>(1 + i / 16);
  uint32_t words[32];
  start(early_kernel, 1, 32, 1024, results{nullptr, words, bytes});
  for (uint32_t word : words) CHECK(word == 0xff, "landed before its wait: %u", word);
}

// Beyond the largest number that has a next one.
void overflow() {
  check_case("the end of f16");
  gpu::f16 h;
  gpu::from_float(65519.0f, &h);
  CHECK(h.bits == 0x7bff, "65519 is %04x", h.bits);
  gpu::from_float(65520.0f, &h);
  CHECK(h.bits == 0x7c00, "65520 is %04x", h.bits);
}

GPU_KERNEL(32, 1) half_warp_kernel(GPU_PARAMETER results r) {
  if (gpu::lane() < 16) r.floats[gpu::lane()] = gpu::shuffle_xor(1.0f, 1);
}
GPU_KERNEL(64, 1) half_block_kernel(GPU_PARAMETER results) {
  if (gpu::warp() == 0) gpu::barrier();
}
GPU_KERNEL(32, 1) misaligned_kernel(GPU_PARAMETER results r) {
  gpu::copy16(gpu::shared() + 16 * gpu::lane() + 2, r.bytes, true);
}

// Says how many threads of the second warp saw what the first one wrote without a barrier in between.
GPU_KERNEL(64, 1) unordered_kernel(GPU_PARAMETER results r) {
  float *written = reinterpret_cast<float *>(gpu::shared());
  if (gpu::warp() == 0) written[gpu::lane()] = 1;
  if (gpu::warp() == 1) r.floats[gpu::block() * 32 + gpu::lane()] = written[gpu::lane()];
}

void order() {
  check_case("a missing barrier");
  constexpr int blocks = 64;
  std::vector<float> seen(blocks * 32);
  start(unordered_kernel, blocks, 64, 128, results{seen.data(), nullptr, nullptr});
  int first = 0;
  for (int b = 0; b < blocks; b++) first += seen[static_cast<size_t>(b) * 32] == 1;
  CHECK(first > blocks / 4 && first < blocks * 3 / 4, "the writing warp was first in %d of %d blocks", first, blocks);
}

void unprepared(void (*kernel)(results), int threads) {
  gpu::launch(kernel, 1, threads, 1024, nullptr, results{nullptr, nullptr, nullptr});
}

// In a process of its own, whose end is what is looked at.
void stops(const char *name, void (*kernel)(results), int threads, bool prepared = true) {
  check_case(name);
  static float floats[64];
  static unsigned char bytes[16];
  fflush(nullptr);
  pid_t child = fork();
  if (child == 0) {
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(1);
    if (prepared) {
      start(kernel, 1, threads, 1024, results{floats, nullptr, bytes});
    } else {
      unprepared(kernel, threads);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "went on, status %d", status);
}

}  // namespace

int main() {
  words();
  sums();
  small_terms();
  early();
  overflow();
  stops("half a warp at a shuffle", half_warp_kernel, 32);
  stops("half a block at a barrier", half_block_kernel, 64);
  stops("a misaligned copy", misaligned_kernel, 32);
  stops("a launch that was not prepared", misaligned_kernel, 32, false);
  // ThreadSanitizer reports what this one is for.
  if (!check_reduced) order();
  return check_finish("gpu");
}
