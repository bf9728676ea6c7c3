// SPDX-License-Identifier: Apache-2.0
#include "contexts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
  int count = 0;
  for (int32_t isa = RAPT_ISA_PORTABLE; rapt_isa_name(isa) != NULL; isa++) {
    const char *reason = rapt_isa_unusable(isa);
    if (reason == NULL) {
      tiers[count++] = isa;
    } else if (!told) {
      printf("tier %s is not tested: %s\n", rapt_isa_name(isa), reason);
    }
  }
  told = 1;
  return count;
}

const int32_t thread_counts[THREAD_COUNTS] = {1, 3};

static tier tiers_under_test[MAX_TIERS];
static int tier_count;
static int32_t only_isa;

int test_only_tier(const char *name) {
  for (int32_t isa = RAPT_ISA_PORTABLE; rapt_isa_name(isa) != NULL; isa++) {
    if (!strcmp(name, rapt_isa_name(isa))) {
      only_isa = isa;
      return 1;
    }
  }
  return 0;
}

static void destroy_tiers(void) {
  for (int t = 0; t < tier_count; t++) {
    for (int n = 0; n < THREAD_COUNTS; n++) rapt_context_destroy(tiers_under_test[t].context[n]);
  }
}

const tier *test_tiers(int own, int *count) {
  static int asked;
  if (!tier_count) {
    int32_t usable[MAX_TIERS];
    int found = usable_tiers(usable);
    for (int i = 0; i < found; i++) {
      if (only_isa == RAPT_ISA_AUTO || only_isa == usable[i]) {
        tier *t = &tiers_under_test[tier_count++];
        t->isa = usable[i];
        for (int n = 0; n < THREAD_COUNTS; n++) t->context[n] = context_of(usable[i], thread_counts[n]);
      }
    }
    atexit(destroy_tiers);
  }
  int joins = own || only_isa != RAPT_ISA_AUTO || asked++ % 16 == 0;
  int last = tier_count - 1;
  *count = !joins && tiers_under_test[last].isa == RAPT_ISA_AVX512BF16 ? last : tier_count;
  return tiers_under_test;
}
