/* SPDX-License-Identifier: Apache-2.0 */
#include "contexts.h"

#include <stdio.h>

#include "check.h"

rapt_context *context_of(int32_t isa, int32_t threads) {
  rapt_context_options options = {.struct_size = sizeof options, .threads = threads, .isa = isa};
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = NULL;
  if (rapt_context_create(&options, &context, &error) != RAPT_OK) {
    check_abort("no context of tier %s with %d threads: %s", rapt_isa_name(isa), threads, error.message);
  }
  return context;
}

int usable_tiers(int32_t tiers[MAX_TIERS]) {
  static int told;
  rapt_capabilities capabilities = {.struct_size = sizeof capabilities};
  rapt_error error = {.struct_size = sizeof error};
  if (rapt_get_capabilities(&capabilities, &error) != RAPT_OK) {
    check_abort("no capabilities: %s", error.message);
  }
  int count = 0;
  tiers[count++] = RAPT_ISA_PORTABLE;
  const char *reasons[2] = {capabilities.avx2_reason, capabilities.avx512_reason};
  for (int i = 0; i < 2; i++) {
    int32_t isa = i == 0 ? RAPT_ISA_AVX2 : RAPT_ISA_AVX512;
    if (!reasons[i][0]) {
      tiers[count++] = isa;
    } else if (!told) {
      printf("tier %s is not tested: %s\n", rapt_isa_name(isa), reasons[i]);
    }
  }
  told = 1;
  return count;
}
