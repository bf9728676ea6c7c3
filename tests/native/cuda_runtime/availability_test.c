// SPDX-License-Identifier: Apache-2.0
// availability_test SENTENCE: that capabilities and a context both say, in words that contain SENTENCE, why there is no
// CUDA device; with an empty SENTENCE, that there is one. The CPU works either way. --here takes the sentence from the
// capabilities.
#include <rapt/rapt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"

static void check_cpu(void) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = NULL;
  CHECK(rapt_context_create(NULL, &context, &error) == RAPT_OK, "no CPU context: %s", error.message);
  rapt_context_destroy(context);
}

static void check_no_context(const char *sentence) {
  rapt_context_options options = {.struct_size = sizeof options, .device = RAPT_DEVICE_CUDA};
  for (int ordinal = 0; ordinal < 3; ordinal++) {
    rapt_error error = {.struct_size = sizeof error};
    rapt_context *context = NULL;
    options.ordinal = ordinal;
    CHECK(rapt_context_create(&options, &context, &error) == RAPT_DEVICE_UNAVAILABLE, "a context without a device");
    CHECK(context == NULL, "a failed call gave out a context");
    CHECK(strstr(error.message, sentence) != NULL, "the context's error is \"%s\", expected \"%s\"", error.message,
          sentence);
  }
}

static void check_context(void) {
  rapt_context_options options = {.struct_size = sizeof options, .device = RAPT_DEVICE_CUDA};
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = NULL;
  CHECK(rapt_context_create(&options, &context, &error) == RAPT_OK, "no CUDA context: %s", error.message);
  rapt_context_destroy(context);
  context = NULL;
  options.ordinal = 4096;
  CHECK(rapt_context_create(&options, &context, &error) == RAPT_DEVICE_UNAVAILABLE, "ordinal 4096");
  CHECK(strstr(error.message, "ordinal is 4096") != NULL && strstr(error.message, "CUDA device") != NULL, "error: %s",
        error.message);
}

int main(int argc, char **argv) {
  check_start();
  if (argc != 2) {
    fprintf(stderr, "usage: availability_test SENTENCE | --here\n");
    return 2;
  }
  rapt_capabilities c = {.struct_size = sizeof c};
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_get_capabilities(&c, &error) == RAPT_OK, "capabilities: %s", error.message);
  const char *sentence = strcmp(argv[1], "--here") ? argv[1] : c.cuda_reason;
  CHECK(!c.cuda_reason[0] == !sentence[0] && strstr(c.cuda_reason, sentence) != NULL,
        "cuda_reason is \"%s\", expected \"%s\"", c.cuda_reason, sentence);
  printf("cuda_reason: %s\n", c.cuda_reason);
  if (sentence[0]) {
    check_no_context(sentence);
  } else {
    check_context();
  }
  check_cpu();
  return check_finish("availability_test");
}
