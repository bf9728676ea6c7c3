// SPDX-License-Identifier: Apache-2.0
// Contexts, capabilities and RAPT_ISA: good and bad options, life cycles.
#include <rapt/rapt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/contexts.h"
#include "support/guard.h"

static rapt_context_options plain_options(void) {
  return (rapt_context_options){.struct_size = sizeof(rapt_context_options), .threads = 2};
}

static void check_create(const char *what, const rapt_context_options *options, rapt_status expected,
                         const char *text) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = NULL;
  check_set_case("create: %s", what);
  rapt_status status = rapt_context_create(options, &context, &error);
  CHECK(status == expected, "%s: expected status %d, got %d '%s'", what, expected, status, error.message);
  if (status == RAPT_OK) {
    CHECK(context != NULL, "%s: no context", what);
  } else {
    CHECK(context == NULL, "%s: a context in spite of status %d", what, status);
    CHECK(strstr(error.message, text) != NULL, "%s: '%s' does not name '%s'", what, error.message, text);
    CHECK(error.status == status, "%s: the error says %d", what, error.status);
  }
  rapt_context_destroy(context);
  check_set_case("%s", "");
}

static void test_options(void) {
  rapt_context_options o = plain_options();
  check_create("defaults", NULL, RAPT_OK, "");
  check_create("two threads", &o, RAPT_OK, "");
  static const struct {
    const char *what;
    int32_t device, ordinal, threads, isa;
    const char *text;
  } bad[] = {
      {"device 2", 2, 0, 1, 0, "2"},
      {"device -1", -1, 0, 1, 0, "-1"},
      {"ordinal 1", 0, 1, 1, 0, "1"},
      {"ordinal -1", 0, -1, 1, 0, "-1"},
      {"threads -1", 0, 0, -1, 0, "-1"},
      {"threads 1025", 0, 0, 1025, 0, "1025"},
      {"isa 5", 0, 0, 1, 5, "5"},
      {"isa -1", 0, 0, 1, -1, "-1"},
      {"threads max", 0, 0, INT32_MAX, 0, "2147483647"},
      {"isa min", 0, 0, 1, INT32_MIN, "-2147483648"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    o = (rapt_context_options){.struct_size = sizeof o,
                               .device = bad[i].device,
                               .ordinal = bad[i].ordinal,
                               .threads = bad[i].threads,
                               .isa = bad[i].isa};
    rapt_error error = {.struct_size = sizeof error};
    rapt_context *context = NULL;
    rapt_status status = rapt_context_create(&o, &context, &error);
    // Another kind of device may also be called unavailable or unsupported.
    int refused = status == RAPT_INVALID_ARGUMENT || status == RAPT_UNSUPPORTED || status == RAPT_DEVICE_UNAVAILABLE;
    CHECK(refused && context == NULL, "%s: status %d", bad[i].what, status);
    CHECK(strstr(error.message, bad[i].text) != NULL, "%s: '%s'", bad[i].what, error.message);
  }
  o = plain_options();
  o.affinity = RAPT_AFFINITY_WORKERS;
  check_create("bound workers", &o, RAPT_OK, "");
  o.affinity = 2;
  check_create("affinity 2", &o, RAPT_INVALID_ARGUMENT, "affinity is 2");
  o.affinity = 0;
  o.cuda_context = 3;
  check_create("cuda_context 3", &o, RAPT_INVALID_ARGUMENT, "cuda_context is 3");
  o.cuda_context = RAPT_CUDA_CONTEXT_CURRENT;
  check_create("a CUDA context on the CPU", &o, RAPT_INVALID_ARGUMENT, "cuda_context is 1; allowed for the CPU: 0");
  static const int64_t sizes[] = {0, -1, INT64_MIN, INT64_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    o = plain_options();
    o.struct_size = sizes[i];
    check_create("struct_size", &o, RAPT_INVALID_ARGUMENT, "struct_size");
  }
  rapt_error error = {.struct_size = sizeof error};
  o = plain_options();
  CHECK(rapt_context_create(&o, NULL, &error) == RAPT_INVALID_ARGUMENT, "create without a place for the result");
}

// An older caller's options end at a guard page; a newer caller's unknown tail must be zero.
static void test_option_sizes(void) {
  static guard_buffer memory;
  rapt_context_options o = plain_options();
  const size_t shorter = offsetof(rapt_context_options, threads);
  rapt_context_options *old = guard_place(&memory, shorter, GUARD_END);
  memcpy(old, &o, shorter);
  old->struct_size = (int64_t)shorter;
  check_create("options without threads and isa", old, RAPT_OK, "");
  unsigned char *longer = guard_place(&memory, sizeof o + 16, GUARD_END);
  memset(longer, 0, sizeof o + 16);
  o.struct_size = (int64_t)sizeof o + 16;
  memcpy(longer, &o, sizeof o);
  check_create("longer options, zero tail", (rapt_context_options *)(void *)longer, RAPT_OK, "");
  longer[sizeof o + 15] = 1;
  check_create("longer options, non-zero tail", (rapt_context_options *)(void *)longer, RAPT_UNSUPPORTED, "");
  guard_free(&memory);
}

static void test_info(void) {
  int32_t tiers[MAX_TIERS];
  int count = usable_tiers(tiers);
  for (int t = 0; t < count; t++) {
    for (int32_t threads = 1; threads <= 3; threads++) {
      rapt_context *context = context_of(tiers[t], threads);
      rapt_context_info info = {.struct_size = sizeof info};
      rapt_error error = {.struct_size = sizeof error};
      CHECK(rapt_context_get_info(context, &info, &error) == RAPT_OK, "info: %s", error.message);
      CHECK(info.isa == tiers[t] && info.threads == threads && info.device == RAPT_DEVICE_CPU && info.ordinal == 0,
            "asked for %s, %d threads; got %d, %d, device %d, ordinal %d", rapt_isa_name(tiers[t]), threads, info.isa,
            info.threads, info.device, info.ordinal);
      CHECK(rapt_context_get_info(context, NULL, &error) == RAPT_INVALID_ARGUMENT, "info without a place");
      info.struct_size = 0;
      CHECK(rapt_context_get_info(context, &info, &error) == RAPT_INVALID_ARGUMENT, "info of size 0");
      int32_t keys = -1, values = -1;
      CHECK(rapt_context_get_reading(context, &keys, &values, &error) == RAPT_OK, "reading: %s", error.message);
      CHECK((keys == RAPT_READ_PREFETCH || keys == RAPT_READ_STREAMS) &&
                (values == RAPT_READ_PREFETCH || values == RAPT_READ_STREAMS),
            "reads keys by %d, values by %d", keys, values);
      int32_t again[2] = {-1, -1};
      CHECK(rapt_context_get_reading(context, &again[0], &again[1], &error) == RAPT_OK && again[0] == keys &&
                again[1] == values,
            "another answer: %d, %d", again[0], again[1]);
      CHECK(rapt_context_get_reading(context, NULL, &values, &error) == RAPT_INVALID_ARGUMENT, "no place for keys");
      CHECK(rapt_context_get_reading(context, &keys, NULL, &error) == RAPT_INVALID_ARGUMENT, "no place for values");
      rapt_context_destroy(context);
    }
  }
  CHECK(rapt_context_get_reading(NULL, NULL, NULL, NULL) == RAPT_INVALID_ARGUMENT, "reading without context");
  rapt_context_info info = {.struct_size = sizeof info};
  CHECK(rapt_context_get_info(NULL, &info, NULL) == RAPT_INVALID_ARGUMENT, "info without context");
  rapt_context_destroy(NULL);
}

static void test_capabilities(void) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_capabilities c = {.struct_size = sizeof c};
  CHECK(rapt_get_capabilities(&c, &error) == RAPT_OK, "capabilities: %s", error.message);
  CHECK(c.abi_version == RAPT_ABI_VERSION, "ABI %d", c.abi_version);
  CHECK(c.logical_cpus >= 1, "%d logical CPUs", c.logical_cpus);
  CHECK(!strcmp(c.version, rapt_version()), "version '%s' and '%s'", c.version, rapt_version());
  CHECK(memchr(c.cuda_reason, 0, sizeof c.cuda_reason) != NULL, "the reason against CUDA has no end");
  int32_t best = RAPT_ISA_PORTABLE;
  for (int32_t isa = RAPT_ISA_PORTABLE; rapt_isa_name(isa) != NULL; isa++) {
    const char *reason = rapt_isa_unusable(isa);
    CHECK(reason == NULL || strlen(reason) > 10, "tier %d is unusable for '%s', which is no sentence", isa, reason);
    best = reason != NULL ? best : isa;
  }
  static const int32_t unknown[] = {-1, RAPT_ISA_AVX512BF16 + 1, INT32_MIN, INT32_MAX};
  for (int i = 0; i < 4; i++) {
    CHECK(rapt_isa_unusable(unknown[i]) != NULL, "tier %d, which does not exist, is usable", unknown[i]);
  }
  CHECK(rapt_isa_unusable(RAPT_ISA_PORTABLE) == NULL, "plain C is unusable: %s", rapt_isa_unusable(RAPT_ISA_PORTABLE));
  CHECK(c.best_isa == best, "best tier %d, by the reasons %d", c.best_isa, best);
  CHECK(c.default_isa == best, "default tier %d without RAPT_ISA", c.default_isa);
  CHECK(c.l1_bytes >= 16384 && c.l2_bytes >= c.l1_bytes && c.l3_bytes >= c.l2_bytes, "caches of %lld, %lld, %lld bytes",
        (long long)c.l1_bytes, (long long)c.l2_bytes, (long long)c.l3_bytes);
  CHECK(rapt_get_capabilities(NULL, &error) == RAPT_INVALID_ARGUMENT, "capabilities without a place");
  static const int64_t sizes[] = {0, -1, INT64_MIN};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    c.struct_size = sizes[i];
    CHECK(rapt_get_capabilities(&c, &error) == RAPT_INVALID_ARGUMENT, "capabilities of size %lld", (long long)sizes[i]);
  }
  // An older caller's struct: nothing past its end is written.
  static guard_buffer memory;
  const size_t shorter = offsetof(rapt_capabilities, cpu_name);
  rapt_capabilities *old = guard_place(&memory, shorter, GUARD_END);
  old->struct_size = (int64_t)shorter;
  CHECK(rapt_get_capabilities(old, &error) == RAPT_OK && !strcmp(old->version, rapt_version()),
        "older capabilities: %s", error.message);
  guard_free(&memory);
  CHECK(rapt_isa_name(0) == NULL || strcmp(rapt_isa_name(0), "portable"), "tier 0 is called portable");
  CHECK(!strcmp(rapt_isa_name(RAPT_ISA_AVX512), "avx512"), "avx512 is called %s", rapt_isa_name(RAPT_ISA_AVX512));
  CHECK(!strcmp(rapt_isa_name(RAPT_ISA_AVX512BF16), "avx512bf16"), "avx512bf16 is called %s",
        rapt_isa_name(RAPT_ISA_AVX512BF16));
  CHECK(rapt_isa_name(-1) == NULL && rapt_isa_name(5) == NULL && rapt_isa_name(INT32_MAX) == NULL,
        "an unknown tier has a name");
}

// A name in capitals, and with every second letter one.
static void check_other_case(const char *name, int32_t isa) {
  for (size_t step = 1; step <= 2; step++) {
    char other[16];
    snprintf(other, sizeof other, "%s", name);
    for (size_t i = 0; other[i] != 0; i += step) {
      if (other[i] >= 'a' && other[i] <= 'z') other[i] = (char)(other[i] - 'a' + 'A');
    }
    setenv("RAPT_ISA", other, 1);
    rapt_capabilities c = {.struct_size = sizeof c};
    CHECK(rapt_get_capabilities(&c, NULL) == RAPT_OK && c.default_isa == isa, "RAPT_ISA=%s: default tier %d", other,
          c.default_isa);
  }
}

static void test_environment(void) {
  rapt_context_options automatic = plain_options();
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = NULL;
  static const char *const unknown[] = {"avx9000", "AVX2x", "512", "-1", "avx2 ", "AVX", "\304VX2"};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    setenv("RAPT_ISA", unknown[i], 1);
    error = (rapt_error){.struct_size = sizeof error};
    rapt_status status = rapt_context_create(&automatic, &context, &error);
    CHECK(status == RAPT_INVALID_ARGUMENT || status == RAPT_UNSUPPORTED, "RAPT_ISA=%s: status %d", unknown[i], status);
    CHECK(strstr(error.message, unknown[i]) != NULL && strstr(error.message, "RAPT_ISA") != NULL, "RAPT_ISA=%s: '%s'",
          unknown[i], error.message);
    rapt_capabilities c = {.struct_size = sizeof c};
    CHECK(rapt_get_capabilities(&c, NULL) == RAPT_OK && c.default_isa == 0, "RAPT_ISA=%s: default tier %d", unknown[i],
          c.default_isa);
    CHECK(c.best_isa >= RAPT_ISA_PORTABLE, "RAPT_ISA=%s: best tier %d", unknown[i], c.best_isa);
    // Asking for a tier by name does not look at the environment.
    rapt_context_destroy(context_of(RAPT_ISA_PORTABLE, 1));
  }
  int32_t tiers[MAX_TIERS];
  int count = usable_tiers(tiers);
  for (int t = 0; t < count; t++) {
    setenv("RAPT_ISA", rapt_isa_name(tiers[t]), 1);
    rapt_context *forced = context_of(RAPT_ISA_AUTO, 1);
    rapt_context_info info = {.struct_size = sizeof info};
    CHECK(rapt_context_get_info(forced, &info, NULL) == RAPT_OK && info.isa == tiers[t], "RAPT_ISA=%s: tier %d",
          rapt_isa_name(tiers[t]), info.isa);
    rapt_capabilities c = {.struct_size = sizeof c};
    CHECK(rapt_get_capabilities(&c, NULL) == RAPT_OK && c.default_isa == tiers[t], "RAPT_ISA=%s: default tier %d",
          rapt_isa_name(tiers[t]), c.default_isa);
    rapt_context_destroy(forced);
    check_other_case(rapt_isa_name(tiers[t]), tiers[t]);
  }
  check_other_case("auto", tiers[count - 1]);
  unsetenv("RAPT_ISA");
}

// Under LeakSanitizer a context that keeps anything fails the test.
static void test_life_cycles(void) {
  for (int i = 0; i < 200; i++) {
    rapt_context *context = context_of(i % 2 ? RAPT_ISA_AUTO : RAPT_ISA_PORTABLE, 1 + i % 5);
    rapt_context_destroy(context);
  }
  rapt_context *many[16];
  for (int i = 0; i < 16; i++) many[i] = context_of(RAPT_ISA_AUTO, 2);
  for (int i = 0; i < 16; i++) rapt_context_destroy(many[(i * 7) % 16]);
  check_create("1024 threads", &(rapt_context_options){.struct_size = sizeof(rapt_context_options), .threads = 1024},
               RAPT_OK, "");
}

int main(void) {
  check_start();
  unsetenv("RAPT_ISA");
  test_capabilities();
  test_options();
  test_option_sizes();
  test_info();
  test_environment();
  test_life_cycles();
  return check_finish("abi_context_test");
}
