// SPDX-License-Identifier: Apache-2.0
// Which kernel a rotary embedding gets.
#include <inttypes.h>
#include <stdio.h>

#include "cuda/rope/rope.h"

namespace {

// Heads per thread where there is enough work: a thread then has so many loads in flight, and loads the angles once.
constexpr int32_t most_heads = 4;
// Threads that a multiprocessor holds.
constexpr double resident_threads = 2048;

// Whether rows of the tensor, `rank` strides of which count, begin at multiples of 16 bytes and are contiguous.
bool rows_are_aligned(const rapt_tensor &t, int32_t rank) {
  bool aligned = t.stride[rank - 1] == 1 && reinterpret_cast<uintptr_t>(t.data) % 16 == 0;
  for (int32_t d = 0; d < rank - 1; d++) aligned = aligned && t.stride[d] * rapt_element_size(t.dtype) % 16 == 0;
  return aligned;
}

bool fits_vector(const rapt_rope &c) {
  int64_t numbers = 16 / rapt_element_size(c.input.dtype);
  int32_t type = c.input.dtype, angle = c.cosine.dtype, rank = rapt_is_present(&c.positions) ? 2 : 3;
  return c.output.dtype == type && c.sine.dtype == angle && (angle == type || angle == RAPT_F32) &&
         c.rotary_dim % (2 * numbers) == 0 && c.head_dim % numbers == 0 && rows_are_aligned(c.input, 4) &&
         rows_are_aligned(c.output, 4) && rows_are_aligned(c.cosine, rank) && rows_are_aligned(c.sine, rank);
}

int32_t heads_per_thread(const rapt_cuda_properties &device, const rapt_rope &c) {
  double numbers = static_cast<double>(2 * 16 / rapt_element_size(c.input.dtype));
  double threads = static_cast<double>(c.batch) * static_cast<double>(c.length) * static_cast<double>(c.heads) *
                   static_cast<double>(c.head_dim) / numbers;
  double each = threads / (resident_threads * device.multiprocessors);
  return each < 2 ? 1 : each < most_heads ? 2 : most_heads;
}

// Stems are numbered by kernel, for each kernel by pairing, and for each of these by storage.
void name_stem(int stem, char *out, size_t size) {
  int storage = stem % rapt_cuda_storages, pairing = stem / rapt_cuda_storages;
  snprintf(out, size, "rope_%s%s_cuda_%s", pairing % 2 != 0 ? "interleaved_" : "", rapt_cuda_storage_name(storage),
           pairing / 2 == RAPT_CUDA_ROPE_VECTOR ? "vector" : "scalar");
}

}  // namespace

const rapt_cuda_names rapt_cuda_rope_names = {"rope", RAPT_CUDA_ROPE_KERNELS * 2 * rapt_cuda_storages, name_stem};

int rapt_cuda_rope_stem(const rapt_rope &c, int32_t kernel) {
  int pairing = kernel * 2 + ((c.flags & RAPT_ROPE_INTERLEAVED) != 0);
  return pairing * rapt_cuda_storages + rapt_cuda_storage(c.input.dtype, c.input.dtype == c.output.dtype);
}

void rapt_cuda_name_rope(const rapt_rope &c, int32_t kernel, char *out, size_t size) {
  char stem[rapt_cuda_name_room], rotary[32] = "";
  name_stem(rapt_cuda_rope_stem(c, kernel), stem, sizeof stem);
  if (c.rotary_dim != c.head_dim) snprintf(rotary, sizeof rotary, "_r%" PRId64, c.rotary_dim);
  snprintf(out, size, "%.60s_d%" PRId64 "%s", stem, c.head_dim, rotary);
}

rapt_cuda_rope_candidates::rapt_cuda_rope_candidates(const rapt_rope &c) : call(c), count(0), kernels() {
  if (fits_vector(c)) kernels[count++] = RAPT_CUDA_ROPE_VECTOR;
  kernels[count++] = RAPT_CUDA_ROPE_SCALAR;
}

rapt_cuda_rope rapt_cuda_plan_rope(const rapt_cuda_properties &device, const rapt_rope &call, int32_t kernel) {
  return {kernel, kernel == RAPT_CUDA_ROPE_VECTOR ? heads_per_thread(device, call) : 1};
}
