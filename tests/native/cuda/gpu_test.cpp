// SPDX-License-Identifier: Apache-2.0
// The words of gpu.h on the host: layouts against the PTX manual's formulas, copies, collectives, conversions; and that
// a kernel which breaks the rules is stopped.
#include "cuda/gpu/gpu.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "check.h"

namespace {

struct results {
  float *floats;
  uint32_t *words;
  const unsigned char *bytes;
};

void start(void (*kernel)(results), int64_t blocks, int threads, int64_t shared_bytes, const results &r) {
  gpu::prepare(kernel, shared_bytes);
  gpu::launch(kernel, blocks, threads, shared_bytes, nullptr, r);
}

GPU_KERNEL(64, 1) shuffle_kernel(GPU_PARAMETER results r) {
  int t = gpu::thread();
  r.floats[t] = gpu::shuffle_xor(static_cast<float>(t), 5);
  r.words[t] = gpu::shuffle(static_cast<uint32_t>(100 + t), 31 - gpu::lane());
  float sum = gpu::warp_sum(static_cast<float>(gpu::lane())), most = gpu::warp_maximum(static_cast<float>(t));
  r.floats[64 + t] = sum;
  r.floats[128 + t] = most;
  bool any = gpu::barrier_any(t == 63);
  bool none = gpu::barrier_any(false);
  r.words[64 + t] = static_cast<uint32_t>(any) + 2 * static_cast<uint32_t>(none);
}

void shuffles() {
  check_case("shuffles and votes");
  float floats[192];
  uint32_t words[128];
  start(shuffle_kernel, 1, 64, 0, results{floats, words, nullptr});
  for (int t = 0; t < 64; t++) {
    CHECK(floats[t] == static_cast<float>(t ^ 5), "thread %d got %g", t, static_cast<double>(floats[t]));
    CHECK(words[t] == static_cast<uint32_t>(100 + (t & 32) + 31 - (t & 31)), "thread %d got %u", t, words[t]);
    CHECK(floats[64 + t] == 496, "sum %g", static_cast<double>(floats[64 + t]));
    CHECK(floats[128 + t] == static_cast<float>(t | 31), "maximum %g", static_cast<double>(floats[128 + t]));
    CHECK(words[64 + t] == 1, "votes %u", words[64 + t]);
  }
}

// Shared memory holds 32 lines of 8 numbers; line l, number c is 8 l + c.
GPU_KERNEL(32, 1) matrices_kernel(GPU_PARAMETER results r) {
  uint16_t *lines = reinterpret_cast<uint16_t *>(gpu::shared());
  for (int i = gpu::lane(); i < 256; i += 32) lines[i] = static_cast<uint16_t>(i);
  gpu::barrier();
  uint32_t plain[4], transposed[4];
  gpu::load_matrices(plain, lines + 8 * gpu::lane());
  gpu::load_matrices_transposed(transposed, lines + 8 * gpu::lane());
  for (int i = 0; i < 4; i++) {
    r.words[gpu::lane() * 8 + i] = plain[i];
    r.words[gpu::lane() * 8 + 4 + i] = transposed[i];
  }
}

void matrices() {
  check_case("ldmatrix");
  uint32_t words[256];
  start(matrices_kernel, 1, 32, 512, results{nullptr, words, nullptr});
  for (uint32_t lane = 0; lane < 32; lane++) {
    for (uint32_t i = 0; i < 4; i++) {
      // Row lane / 4, columns 2 (lane % 4) and the next of matrix i; transposed: rows and columns change places.
      uint32_t low = 64 * i + 8 * (lane / 4) + 2 * (lane % 4), up = 64 * i + 8 * (2 * (lane % 4)) + lane / 4;
      CHECK(words[lane * 8 + i] == (low | (low + 1) << 16), "lane %u register %u: %x", lane, i, words[lane * 8 + i]);
      CHECK(words[lane * 8 + 4 + i] == (up | (up + 8) << 16), "lane %u register %u transposed: %x", lane, i,
            words[lane * 8 + 4 + i]);
    }
  }
}

// a[m][k] and b[k][n] lie in words as plain matrices of packed pairs along k.
template <typename T>
GPU_KERNEL(32, 1)
multiply_kernel(GPU_PARAMETER results r) {
  // Written out from the manual: groupID = lane / 4, threadID_in_group = lane % 4.
  int group = gpu::lane() / 4, in_group = gpu::lane() % 4;
  const uint32_t *a = r.words, *b = r.words + 16 * 8;
  uint32_t left[4] = {a[group * 8 + in_group], a[(group + 8) * 8 + in_group], a[group * 8 + in_group + 4],
                      a[(group + 8) * 8 + in_group + 4]};
  float d[4] = {0.5f, 0.5f, 0.5f, 0.5f};
  gpu::multiply<T>(d, left, b[group * 8 + in_group], b[group * 8 + in_group + 4]);
  r.floats[group * 8 + 2 * in_group] = d[0];
  r.floats[group * 8 + 2 * in_group + 1] = d[1];
  r.floats[(group + 8) * 8 + 2 * in_group] = d[2];
  r.floats[(group + 8) * 8 + 2 * in_group + 1] = d[3];
}

template <typename T>
void multiplies(const char *name) {
  check_case(name);
  generator random = {3};
  float a[16][16], b[8][16];
  std::vector<uint32_t> words;
  auto pack_row = [&](float(&row)[16]) {
    // Small integers: every product and sum is exact.
    for (float &x : row) x = static_cast<float>(random.between(-7, 7));
    for (int k = 0; k < 16; k += 2) words.push_back(gpu::pack<T>(row[k], row[k + 1]));
  };
  for (auto &row : a) pack_row(row);
  for (auto &row : b) pack_row(row);
  float d[128];
  start(multiply_kernel<T>, 1, 32, 0, results{d, words.data(), nullptr});
  for (int m = 0; m < 16; m++) {
    for (int n = 0; n < 8; n++) {
      float sum = 0.5f;
      for (int k = 0; k < 16; k++) sum += a[m][k] * b[n][k];
      CHECK(d[m * 8 + n] == sum, "(%d, %d): %g instead of %g", m, n, static_cast<double>(d[m * 8 + n]),
            static_cast<double>(sum));
    }
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
  std::vector<uint32_t> words(16 * 8, gpu::pack<gpu::bf16>(1, 1));
  for (auto &column : units) {
    for (int k = 0; k < 16; k += 2) {
      words.push_back(gpu::pack<gpu::bf16>(column[k] * 0x1p-26f, column[k + 1] * 0x1p-26f));
    }
  }
  float d[128];
  start(multiply_kernel<gpu::bf16>, 1, 32, 0, results{d, words.data(), nullptr});
  const float *expected = cuts ? cut : rounded;
  for (int m = 0; m < 16; m++) {
    for (int n = 0; n < 8; n++) {
      float sum = 0.5f + expected[n] * 0x1p-26f;
      CHECK(d[m * 8 + n] == sum, "(%d, %d): %a instead of %a", m, n, static_cast<double>(d[m * 8 + n]),
            static_cast<double>(sum));
    }
  }
}

GPU_KERNEL(32, 1) copies_kernel(GPU_PARAMETER results r) {
  unsigned char *memory = gpu::shared();
  int at = 16 * gpu::lane();
  gpu::copy16(memory + at, r.bytes + at, gpu::lane() % 4 != 0);
  gpu::commit();
  gpu::copy16(memory + 512 + at, r.bytes + at, true);
  gpu::commit();
  gpu::wait<1>();
  // The second group has not landed: what is there is not what will be.
  r.words[gpu::lane()] = memory[512 + at];
  r.words[32 + gpu::lane()] = memory[at];
  gpu::wait<0>();
  r.words[64 + gpu::lane()] = memory[512 + at];
}

void copies() {
  check_case("cp.async");
  alignas(16) unsigned char bytes[512];
  for (int i = 0; i < 512; i++) bytes[i] = static_cast<unsigned char>(1 + i / 16);
  uint32_t words[96];
  start(copies_kernel, 1, 32, 1024, results{nullptr, words, bytes});
  for (uint32_t lane = 0; lane < 32; lane++) {
    CHECK(words[lane] == 0xff, "landed before its wait: %u", words[lane]);
    CHECK(words[32 + lane] == (lane % 4 != 0 ? lane + 1 : 0), "lane %u got %u", lane, words[32 + lane]);
    CHECK(words[64 + lane] == lane + 1, "lane %u got %u", lane, words[64 + lane]);
  }
}

void conversions() {
  check_case("f16 and bf16");
  for (uint32_t bits = 0; bits < 0x10000; bits++) {
    gpu::f16 h = {static_cast<uint16_t>(bits)}, h_back;
    gpu::bf16 b = {static_cast<uint16_t>(bits)}, b_back;
    float x = gpu::to_float(h), y = gpu::to_float(b);
    gpu::from_float(x, &h_back);
    gpu::from_float(y, &b_back);
    CHECK(x != x ? isnan(gpu::to_float(h_back)) : h_back.bits == bits, "f16 %04x -> %g -> %04x", bits,
          static_cast<double>(x), h_back.bits);
    CHECK(y != y ? isnan(gpu::to_float(b_back)) : b_back.bits == bits, "bf16 %04x -> %g -> %04x", bits,
          static_cast<double>(y), b_back.bits);
    // Halfway to the next number up: to the even one.
    float next = gpu::to_float(gpu::f16{static_cast<uint16_t>(bits + 1)});
    if ((bits & 0x7fff) < 0x7bff) {
      gpu::from_float(x + (next - x) / 2, &h_back);
      CHECK(h_back.bits == (bits % 2 == 0 ? bits : bits + 1), "between f16 %04x and the next: %04x", bits, h_back.bits);
    }
    float beyond = gpu::to_float(gpu::bf16{static_cast<uint16_t>(bits + 1)});
    if ((bits & 0x7fff) < 0x7f7f) {
      gpu::from_float(y + (beyond - y) / 2, &b_back);
      CHECK(b_back.bits == (bits % 2 == 0 ? bits : bits + 1), "between bf16 %04x and the next: %04x", bits,
            b_back.bits);
    }
  }
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
  shuffles();
  matrices();
  multiplies<gpu::f16>("mma f16");
  multiplies<gpu::bf16>("mma bf16");
  small_terms();
  copies();
  conversions();
  stops("half a warp at a shuffle", half_warp_kernel, 32);
  stops("half a block at a barrier", half_block_kernel, 64);
  stops("a misaligned copy", misaligned_kernel, 32);
  stops("a launch that was not prepared", misaligned_kernel, 32, false);
  // ThreadSanitizer reports what this one is for.
  if (!check_reduced) order();
  return check_finish("gpu");
}
