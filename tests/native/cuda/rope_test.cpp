// SPDX-License-Identifier: Apache-2.0
// The rotary embedding kernels on the host, to the bit: products and their sum rounded to f32, then to the output.
#include "cuda/rope/rope.h"

#include <math.h>

#include <vector>

#include "check.h"
#include "ops/rope/problem.h"
#include "plans.h"
#include "tensors.h"

namespace {

constexpr int32_t types[] = {RAPT_F32, RAPT_F16, RAPT_BF16};

struct rope_case {
  int64_t batch, heads, length, head_dim, rotary_dim;
  // Rows of the table, 0 = angles per token.
  int64_t table;
  bool interleaved, in_place;
  int32_t input, output, angle;
  // 0 BHSD, 1 BSHD, 2 odd gaps behind rows, 3 the length innermost, 4 heads outermost with gaps of 8, 5 gaps up to a
  // multiple of 16.
  int layout;
  // 0 dense, 1 odd gaps, 2 pairs outermost, 3 one row for all, 4 gaps of 8.
  int angle_layout;
  // Percent of positions that are outside the table.
  int wrong;
  // What the plan's name must hold.
  const char *kernel;
  uint64_t seed;
};

struct rope_tensors {
  tensor input, output, cosine, sine, positions;
};

void place_rows(tensor *t, int32_t dtype, const rope_case &c) {
  sizes size = {c.batch, c.heads, c.length, c.head_dim};
  if (c.layout == 1) {
    t->place(dtype, size, {0, 2, 1, 3});
  } else if (c.layout == 2) {
    t->place(dtype, size, {0, 1, 2, 3}, 3);
  } else if (c.layout == 3) {
    t->place(dtype, size, {0, 1, 3, 2});
  } else if (c.layout == 4) {
    t->place(dtype, size, {1, 0, 2, 3}, 8);
  } else if (c.layout == 5) {
    t->place(dtype, size, {0, 1, 2, 3}, 16 - c.head_dim % 16);
  } else {
    t->place(dtype, size);
  }
}

void place_angles(tensor *t, const rope_case &c) {
  int64_t pairs = c.rotary_dim / 2;
  sizes size = {c.batch, c.length, pairs, 1};
  if (c.table != 0) size = {c.table, pairs, 1, 1};
  // Sizes of 1 at the end, so that a gap follows the pairs.
  std::array<int, 4> order = {3, 0, 1, 2};
  if (c.table != 0) order = {3, 2, 0, 1};
  if (c.angle_layout == 2) order = c.table != 0 ? std::array<int, 4>{3, 2, 1, 0} : std::array<int, 4>{3, 2, 0, 1};
  int64_t gap = c.angle_layout == 1 ? 3 : c.angle_layout == 4 ? 8 : 0;
  t->place(c.angle, size, order, gap, c.angle_layout == 3 ? (c.table != 0 ? 1 : 3) : 0);
}

float sum(float x, float y) { return static_cast<float>(static_cast<double>(x) + static_cast<double>(y)); }
float product(float x, float y) { return static_cast<float>(static_cast<double>(x) * static_cast<double>(y)); }

// The output at (b, h, s), from tensors as they are before the run.
std::vector<float> expected_row(const rope_case &c, const rope_tensors &t, int64_t b, int64_t h, int64_t s) {
  std::vector<float> row;
  int64_t pairs = c.rotary_dim / 2, at = c.table != 0 ? t.positions.get_index(t.positions.index(b, s)) : 0;
  bool there = c.table == 0 || (at >= 0 && at < c.table);
  for (int64_t d = 0; d < c.head_dim; d++) row.push_back(there ? t.input.get(t.input.index(b, h, s, d)) : NAN);
  for (int64_t i = 0; i < pairs && there; i++) {
    int64_t angle = c.table != 0 ? t.cosine.index(at, i) : t.cosine.index(b, s, i);
    float cosine = t.cosine.get(angle), sine = t.sine.get(angle);
    float &x = row[static_cast<size_t>(c.interleaved ? 2 * i : i)];
    float &y = row[static_cast<size_t>(c.interleaved ? 2 * i + 1 : i + pairs)];
    float turned = sum(product(cosine, x), -product(sine, y));
    y = sum(product(sine, x), product(cosine, y));
    x = turned;
  }
  for (float &x : row) x = rounded_to(c.output, x);
  return row;
}

rapt_rope build(const rope_case &c, rope_tensors *t) {
  generator random = {c.seed};
  place_rows(&t->input, c.input, c);
  if (!c.in_place) place_rows(&t->output, c.output, c);
  place_angles(&t->cosine, c);
  place_angles(&t->sine, c);
  for (tensor *x : {&t->input, &t->cosine, &t->sine}) x->each([&](int64_t i) { x->set(i, 2 * random.unit()); });
  if (c.table != 0) {
    bool is_wide = c.seed / 2 % 2 == 0;
    t->positions.place(is_wide ? RAPT_I64 : RAPT_I32, {c.batch, c.length, 1, 1}, {1, 0, 2, 3});
    const int64_t wrong[] = {-1, c.table, is_wide ? INT64_MIN : INT32_MIN, is_wide ? INT64_MAX : INT32_MAX};
    for (int64_t b = 0; b < c.batch; b++) {
      for (int64_t s = 0; s < c.length; s++) {
        t->positions.set_index(t->positions.index(b, s),
                               random.percent(c.wrong) ? wrong[random.between(0, 3)] : random.between(0, c.table - 1));
      }
    }
  }
  rapt_rope call = {};
  call.head.struct_size = sizeof call;
  call.input = t->input.view();
  call.output = c.in_place ? t->input.view() : t->output.view();
  call.cosine = t->cosine.view();
  call.sine = t->sine.view();
  call.positions = t->positions.view();
  call.batch = c.batch;
  call.heads = c.heads;
  call.length = c.length;
  call.head_dim = c.head_dim;
  call.rotary_dim = c.rotary_dim;
  call.table_length = c.table;
  call.flags = c.interleaved ? RAPT_ROPE_INTERLEAVED : 0;
  return call;
}

bool same(float x, float y) { return x != x ? y != y : memcmp(&x, &y, sizeof x) == 0; }

void run(const rope_case &c) {
  char text[320];
  snprintf(
      text, sizeof text,
      "b%lld h%lld s%lld d%lld r%lld table %lld interleaved %d in place %d types %d %d %d layout %d angles %d wrong "
      "%d seed %llu",
      static_cast<long long>(c.batch), static_cast<long long>(c.heads), static_cast<long long>(c.length),
      static_cast<long long>(c.head_dim), static_cast<long long>(c.rotary_dim), static_cast<long long>(c.table),
      c.interleaved, c.in_place, c.input, c.output, c.angle, c.layout, c.angle_layout, c.wrong,
      static_cast<unsigned long long>(c.seed));
  check_case(text);
  rope_tensors t;
  rapt_rope call = build(c, &t);
  rapt_error failure = {};
  failure.struct_size = sizeof failure;
  rapt_sizes sizes;
  uint32_t cases;
  rapt_status valid = rapt_operation_rope.rules(&call, &sizes, &cases, &failure);
  CHECK(valid == RAPT_OK, "%s", failure.message);
  if (valid != RAPT_OK) return;
  std::vector<float> expected;
  for (int64_t b = 0; b < c.batch; b++) {
    for (int64_t h = 0; h < c.heads; h++) {
      for (int64_t s = 0; s < c.length; s++) {
        for (float x : expected_row(c, t, b, h, s)) expected.push_back(x);
      }
    }
  }
  rapt_cuda_rope_candidates candidates(call);
  std::string name = name_of(candidates, 0);
  CHECK(c.kernel == nullptr || name.find(c.kernel) != std::string::npos, "the plan is %s", name.c_str());
  check_case(std::string(text) + " " + name);
  // Few multiprocessors, so that small problems give threads several heads too.
  rapt_cuda_properties device = hopper;
  device.multiprocessors = c.seed % 2 == 0 ? 0 : 4;
  int error = rapt_cuda_launch_rope(rapt_cuda_plan_rope(device, call, candidates.kernels[0]), call, nullptr);
  CHECK(error == 0, "launch failed with %d", error);
  const tensor &output = c.in_place ? t.input : t.output;
  long bad = 0;
  size_t at = 0;
  float got = 0, wanted = 0;
  for (int64_t b = 0; b < c.batch; b++) {
    for (int64_t h = 0; h < c.heads; h++) {
      for (int64_t s = 0; s < c.length; s++) {
        for (int64_t d = 0; d < c.head_dim; d++, at++) {
          float x = output.get(output.index(b, h, s, d));
          if (same(expected[at], x) || bad++ > 0) continue;
          got = x;
          wanted = expected[at];
        }
      }
    }
  }
  CHECK(bad == 0, "%ld results are wrong; the first is %a, expected %a", bad, static_cast<double>(got),
        static_cast<double>(wanted));
}

// Whether the vector kernel is to take the case, by the layouts' numbers.
const char *kernel_of(const rope_case &c) {
  int64_t numbers = c.input == RAPT_F32 ? 4 : 8;
  bool vector = c.input == c.output && (c.angle == c.input || c.angle == RAPT_F32) &&
                c.rotary_dim % (2 * numbers) == 0 && c.head_dim % numbers == 0 && c.layout != 2 && c.layout != 3 &&
                c.angle_layout != 1 && c.angle_layout != 2;
  // A dimension of one element has no neighbour to tell layouts apart by.
  return c.length < 2 || c.rotary_dim < 4 ? nullptr : vector ? "vector" : "scalar";
}

}  // namespace

int main() {
  rapt_cuda_prepare_rope(hopper);
  uint64_t seed = 1;
  for (int32_t type : types) {
    for (int layout = 0; layout < 5; layout++) {
      for (int angles = 0; angles < 5; angles++) {
        for (int variant = 0; variant < 8; variant++) {
          rope_case c = {2,
                         5,
                         3,
                         48,
                         32,
                         (variant & 1) != 0 ? 9 : 0,
                         (variant & 2) != 0,
                         (variant & 4) != 0,
                         type,
                         type,
                         angles % 2 == 0 ? type : static_cast<int32_t>(RAPT_F32),
                         layout,
                         angles,
                         0,
                         nullptr,
                         seed++};
          c.kernel = kernel_of(c);
          run(c);
        }
      }
    }
  }
  // Several blocks; every head dim of 8 to 256 that comes up; positions outside the table.
  run({1, 9, 30, 128, 128, 40, false, false, RAPT_F16, RAPT_F16, RAPT_F32, 1, 0, 0, "rope_f16_cuda_vector_d128", 2});
  run({2, 9, 30, 128, 64, 40, true, true, RAPT_BF16, RAPT_BF16, RAPT_BF16, 1, 0, 30,
       "rope_interleaved_bf16_cuda_vector_d128_r64", 4});
  run({1, 3, 7, 1024, 1024, 8, false, true, RAPT_F32, RAPT_F32, RAPT_F32, 0, 0, 20, "vector", 6});
  run({1, 3, 7, 1023, 1022, 8, true, false, RAPT_BF16, RAPT_F32, RAPT_F16, 0, 0, 20,
       "rope_interleaved_mixed_cuda_scalar", 8});
  // Rows that are aligned, of halves or of a rest that are not whole pieces.
  for (bool interleaved : {false, true}) {
    run({1, 3, 4, 24, 12, 0, interleaved, false, RAPT_F32, RAPT_F32, RAPT_F32, 5, 0, 0, "scalar", 10});
    run({1, 3, 4, 24, 8, 0, interleaved, false, RAPT_F16, RAPT_F16, RAPT_F32, 5, 0, 0, "scalar", 12});
    run({1, 3, 4, 18, 16, 0, interleaved, false, RAPT_F32, RAPT_F32, RAPT_F32, 5, 0, 0, "scalar", 14});
    run({1, 3, 4, 20, 16, 0, interleaved, false, RAPT_BF16, RAPT_BF16, RAPT_BF16, 5, 0, 0, "scalar", 16});
    run({1, 3, 4, 24, 16, 0, interleaved, false, RAPT_BF16, RAPT_BF16, RAPT_BF16, 5, 0, 0, "vector", 18});
  }
  generator random = {77};
  for (int i = 0; i < test_sweep(300, 120, 60); i++) {
    rope_case c = {};
    c.batch = random.between(1, 3);
    c.heads = random.between(1, 9);
    c.length = random.between(1, 12);
    bool even = random.percent(60);
    c.head_dim = even ? 8 * random.between(1, 32) : random.between(2, 160);
    c.rotary_dim =
        even && c.head_dim >= 16 ? 16 * random.between(1, c.head_dim / 16) : 2 * random.between(1, c.head_dim / 2);
    c.table = random.percent(50) ? random.between(1, 20) : 0;
    c.interleaved = random.percent(50);
    c.in_place = random.percent(30);
    c.input = types[random.between(0, 2)];
    c.output = c.in_place || random.percent(60) ? c.input : types[random.between(0, 2)];
    c.angle = types[random.between(0, 2)];
    c.layout = static_cast<int>(random.between(0, 4));
    c.angle_layout = static_cast<int>(random.between(0, 4));
    c.wrong = random.percent(40) ? 25 : 0;
    c.seed = random.next();
    run(c);
  }
  return check_finish("rope");
}
