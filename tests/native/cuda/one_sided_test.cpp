// SPDX-License-Identifier: Apache-2.0
// Attention on tensor cores whose inputs have one sign. Tensor cores that cut off what they add up make such sums too
// small, and more so the longer they are: the kernels must join short ones elsewhere.
#include "cuda/sdpa/sdpa.h"
#include "plans.h"
#include "sdpa_case.h"

namespace {

// What chooses the kernel: prefill without options and with them, and decode.
enum class path { prefill, special, decode };

void run(int32_t type, int64_t dim, int64_t keys, path of, bool scores, bool values) {
  sdpa_case c;
  c.query = c.key = c.value = type;
  c.head_dim = c.value_dim = dim;
  c.kv_len = keys;
  c.query_len = of == path::decode ? 2 : 17;
  // For each query and key, whatever the head.
  if (of == path::special) c.mask = 3;
  c.one_sided_scores = scores;
  c.one_sided_values = values;
  c.family = "mma";
  // Odd for the narrow kernel of head dim 128, see run_case.
  for (c.seed = 1; c.seed <= (dim == 128 && of == path::prefill ? 2 : 1); c.seed++) run_case(c);
}

}  // namespace

int main() {
  rapt_cuda_prepare_sdpa(hopper);
  for (int32_t type : {RAPT_F16, RAPT_BF16}) {
    for (int64_t dim : {64, 96, 128, 256}) {
      for (path of : {path::prefill, path::special, path::decode}) {
        run(type, dim, 90, of, true, false);
        // A bf16 output is rounded too coarsely to show more.
        if (type == RAPT_BF16 && of != path::prefill) continue;
        run(type, dim, 3000, of, true, true);
        // Scores that cancel give other weights, and with them other sums over keys.
        if (dim == 64 && type == RAPT_F16) run(type, dim, 9000, of, false, true);
      }
    }
  }
  return check_finish("one sign");
}
