// SPDX-License-Identifier: Apache-2.0
// The projection kernels on the host against the product in double.
#include "cuda/linear/linear.h"

#include <math.h>

#include <algorithm>
#include <vector>

#include "check.h"
#include "cuda/selfcheck/bound.h"
#include "plans.h"
#include "tensors.h"

namespace {

constexpr int32_t types[] = {RAPT_F32, RAPT_F16, RAPT_BF16};

struct linear_case {
  int64_t batch, rows, in, out;
  int32_t input, weight, output;
  int bias;
  // 0 contiguous, 1 rows outermost, 2 odd gaps, 3 features outermost.
  int layout;
  uint64_t seed;
  const char *kernel;
  // Input and weight from [0.5, 1): sums of one sign, which tensor cores that cut off make too small.
  bool one_sided = false;
};

void place(tensor *t, int32_t dtype, int64_t batch, int64_t rows, int64_t features, int layout) {
  sizes size = {batch, rows, features, 1};
  if (layout == 1) {
    t->place(dtype, size, {1, 0, 2, 3});
  } else if (layout == 2) {
    t->place(dtype, size, {0, 1, 3, 2}, 3);
  } else if (layout == 3) {
    t->place(dtype, size, {2, 0, 1, 3});
  } else {
    t->place(dtype, size);
  }
}

void fill(tensor *t, generator *random, bool one_sided = false) {
  t->each([&](int64_t i) { t->set(i, one_sided ? 0.75f + 0.25f * random->unit() : random->unit()); });
}

// Compares with the product in double, as close as the bound says.
void compare(const linear_case &c, const tensor &input, const tensor &weight, const tensor &bias,
             const tensor &output) {
  std::vector<double> terms(static_cast<size_t>(c.in) + 1);
  std::vector<double> alike(static_cast<size_t>(c.out));
  for (int64_t o = 0; o < c.out; o++) {
    for (int64_t i = 0; i < c.in; i++) {
      terms[static_cast<size_t>(i)] = static_cast<double>(weight.get(weight.index(o, i)));
    }
    alike[static_cast<size_t>(o)] = bound_repeats(terms.data(), c.in);
  }
  long bad = 0;
  double worst = 0;
  for (int64_t b = 0; b < c.batch; b++) {
    for (int64_t r = 0; r < c.rows; r++) {
      for (int64_t i = 0; i < c.in; i++) {
        terms[static_cast<size_t>(i)] = static_cast<double>(input.get(input.index(b, r, i)));
      }
      double repeats = bound_repeats(terms.data(), c.in);
      for (int64_t o = 0; o < c.out; o++) {
        double sum = c.bias != 0 ? static_cast<double>(bias.get(bias.index(o))) : 0;
        terms[static_cast<size_t>(c.in)] = sum;
        for (int64_t i = 0; i < c.in; i++) {
          double term = static_cast<double>(input.get(input.index(b, r, i))) *
                        static_cast<double>(weight.get(weight.index(o, i)));
          terms[static_cast<size_t>(i)] = term;
          sum += term;
        }
        double bound = bound_sum(terms.data(), c.in + 1, std::min(repeats, alike[static_cast<size_t>(o)]), 0);
        double got = static_cast<double>(output.get(output.index(b, r, o))), distance = fabs(got - sum) / bound;
        bool agrees = distance <= 1 || rounds_to(c.output, got, sum, bound);
        bad += !agrees;
        if (!agrees && !(distance <= worst)) worst = distance;
      }
    }
  }
  CHECK(bad == 0, "%ld results are wrong, by up to %g times the bound", bad, worst);
}

void run(const linear_case &c) {
  char text[256];
  snprintf(text, sizeof text, "batch %lld rows %lld in %lld out %lld types %d %d %d bias %d layout %d seed %llu%s",
           static_cast<long long>(c.batch), static_cast<long long>(c.rows), static_cast<long long>(c.in),
           static_cast<long long>(c.out), c.input, c.weight, c.output, c.bias, c.layout,
           static_cast<unsigned long long>(c.seed), c.one_sided ? " one-sided" : "");
  check_case(text);
  generator random = {c.seed};
  tensor input, weight, bias, output;
  place(&input, c.input, c.batch, c.rows, c.in, c.layout);
  place(&output, c.output, c.batch, c.rows, c.out, c.layout);
  weight.place(c.weight, {c.out, c.in, 1, 1});
  bias.place(RAPT_F32, {c.out, 1, 1, 1});
  fill(&input, &random, c.one_sided);
  fill(&weight, &random, c.one_sided);
  fill(&bias, &random);
  rapt_cuda_linear_weights weights = {};
  weights.head.in_features = c.in;
  weights.head.out_features = c.out;
  weights.dtype = c.weight;
  weights.weight = weight.view().data;
  weights.bias = c.bias != 0 ? static_cast<float *>(bias.view().data) : nullptr;
  rapt_product product = {};
  product.weights = &weights.head;
  product.input = input.view();
  product.output = output.view();
  product.batch = c.batch;
  product.rows = c.rows;
  rapt_cuda_linear_candidates candidates(hopper, product);
  int chosen = candidate_of(candidates, c.kernel == nullptr ? "" : c.kernel);
  CHECK(chosen >= 0, "no kernel");
  if (chosen < 0) return;
  check_case(std::string(text) + " " + name_of(candidates, chosen));
  rapt_cuda_linear plan;
  CHECK(rapt_cuda_plan_linear(product, candidates.kernels[chosen], &plan), "the plan overflows");
  int error = rapt_cuda_launch_linear(plan, product, nullptr);
  CHECK(error == 0, "launch failed with %d", error);
  compare(c, input, weight, bias, output);
}

}  // namespace

int main() {
  rapt_cuda_prepare_linear(hopper);
  const int64_t lengths[][4] = {{1, 1, 1, 1},      {2, 3, 31, 65},    {1, 64, 32, 64}, {1, 65, 33, 63},
                                {3, 50, 100, 130}, {1, 130, 40, 136}, {1, 5, 264, 24}};
  uint64_t seed = 1;
  for (auto length : lengths) {
    for (int32_t type : types) {
      for (int layout = 0; layout < 4; layout++) {
        run({length[0], length[1], length[2], length[3], type, type, type, layout % 2, layout, seed++, nullptr});
      }
    }
  }
  generator random = {5};
  for (int i = 0; i < 60; i++) {
    run({random.between(1, 3), random.between(1, 80), random.between(1, 90), random.between(1, 150),
         types[random.between(0, 2)], types[random.between(0, 2)], types[random.between(0, 2)],
         static_cast<int>(random.between(0, 1)), static_cast<int>(random.between(0, 3)), random.next(), nullptr});
  }
  // Tensor cores: around 128 x 128 tiles and steps of 64.
  const int64_t tiles[][4] = {{1, 1, 8, 1},     {1, 128, 64, 128}, {1, 129, 72, 127},
                              {3, 45, 200, 50}, {1, 20, 448, 30},  {2, 70, 128, 260}};
  for (auto length : tiles) {
    for (int32_t type : {RAPT_F16, RAPT_BF16}) {
      for (int layout = 0; layout < 2; layout++) {
        for (int32_t output : types) {
          run({length[0], length[1], length[2], length[3], type, type, output, layout, layout, seed++,
               type == RAPT_F16 ? "linear_f16_cuda_mma" : "linear_bf16_cuda_mma"});
        }
      }
    }
    // The same sizes on plain cores.
    run({length[0], length[1], length[2], length[3], RAPT_BF16, RAPT_BF16, RAPT_BF16, 1, 0, seed++,
         "linear_bf16_cuda_simt"});
  }
  for (int64_t in : {8, 16, 64, 256, 512, 1024, 4096, 20000}) {
    for (int32_t type : {RAPT_F16, RAPT_BF16}) {
      run({1, 40, in, 24, type, type, RAPT_F32, 0, 0, seed++,
           type == RAPT_F16 ? "linear_f16_cuda_mma" : "linear_bf16_cuda_mma", true});
    }
  }
  return check_finish("linear");
}
