// SPDX-License-Identifier: Apache-2.0
// What the tables of two tiers have in common. avx512bf16 has kernels of its own for bf16 and for everything else the
// very functions of avx512: f32 results are the same bits, and tests of f32 need not run on both.
#include <rapt/rapt.h>
#include <stdio.h>
#include <string.h>

#include "cpu/engine/features.h"
#include "cpu/kernels/kernels.h"
#include "support/check.h"

// Which tiers the run stands for: every test runs on those that this CPU has.
static void list_tiers(void) {
  printf("tiers tested:");
  for (int32_t isa = RAPT_ISA_PORTABLE; rapt_isa_name(isa) != NULL; isa++) {
    if (rapt_isa_unusable(isa) == NULL) printf(" %s", rapt_isa_name(isa));
  }
  printf("\n");
  for (int32_t isa = RAPT_ISA_PORTABLE; rapt_isa_name(isa) != NULL; isa++) {
    if (rapt_isa_unusable(isa) != NULL) {
      printf("tier %s is not tested: %s\n", rapt_isa_name(isa), rapt_isa_unusable(isa));
    }
  }
}

int main(void) {
  check_start();
  list_tiers();
  rapt_kernels below, best;
  if (rapt_kernels_fill(RAPT_ISA_AVX512, &below) && rapt_kernels_fill(RAPT_ISA_AVX512BF16, &best)) {
    CHECK(below.multiply_pairs == NULL && below.multiply_pairs_and_weigh == NULL && below.decode[0].dots_pairs == NULL,
          "avx512 multiplies pairs of bf16");
    CHECK(best.multiply_pairs != NULL && best.multiply_pairs_and_weigh != NULL && best.decode[0].dots_pairs != NULL,
          "avx512bf16 does not multiply pairs of bf16");
    // All that it has for itself.
    below.isa = best.isa;
    below.multiply_pairs = best.multiply_pairs;
    below.multiply_pairs_and_weigh = best.multiply_pairs_and_weigh;
    for (int r = 0; r < RAPT_READINGS; r++) below.decode[r].dots_pairs = best.decode[r].dots_pairs;
    CHECK(!memcmp(&below, &best, sizeof best), "avx512bf16 has replaced more of avx512 than it may");
  }
  CHECK(rapt_kernels_fill(RAPT_ISA_PORTABLE, &best) && best.multiply_pairs == NULL,
        "portable multiplies pairs of bf16");
  return check_finish("tiers_test");
}
