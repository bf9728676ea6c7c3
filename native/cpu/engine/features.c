// SPDX-License-Identifier: Apache-2.0
#include "cpu/engine/features.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cpu/engine/affinity.h"
#include "cpu/engine/quota.h"
#include "cpu/kernels/kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>

static unsigned long long enabled_by_os(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0) return 0;
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((unsigned long long)high << 32) | low;
}

static const char *cpu_lacks(int32_t isa) {
  unsigned a, b, c, d, a7, b7, c7, d7, a71;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return "this CPU does not answer CPUID";
  if (!__get_cpuid_count(7, 0, &a7, &b7, &c7, &d7)) a7 = b7 = 0;
  // a7 is the highest subleaf of leaf 7.
  if (a7 < 1 || !__get_cpuid_count(7, 1, &a71, &b, &d7, &d)) a71 = 0;
  // XCR0: bits 1 and 2 are the XMM and YMM state, bits 5 to 7 the AVX-512 state.
  unsigned long long state = enabled_by_os();
  if (isa == RAPT_ISA_AVX2) {
    if ((c & bit_FMA) == 0 || (c & bit_F16C) == 0 || (b7 & bit_AVX2) == 0) return "this CPU has no AVX2, FMA and F16C";
    if ((state & 0x6) != 0x6) return "the operating system has disabled AVX state";
  }
  if (isa >= RAPT_ISA_AVX512) {
    const unsigned needed = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    if ((b7 & needed) != needed) return "this CPU has no AVX-512 F, BW, DQ and VL";
    if ((state & 0xe6) != 0xe6) return "the operating system has disabled AVX-512 state";
  }
  if (isa == RAPT_ISA_AVX512BF16 && (a71 & bit_AVX512BF16) == 0) return "this CPU has no AVX-512 BF16";
  return NULL;
}

int rapt_isa_has_vnni(int32_t isa) {
  unsigned a, b, c, d;
  if (isa >= RAPT_ISA_AVX512) return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bit_AVX512VNNI) != 0;
  // a is the highest subleaf of leaf 7.
  if (isa < RAPT_ISA_AVX2 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || a < 1) return 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & bit_AVXVNNI) != 0;
}

void rapt_cpu_name(char *out, size_t size) {
  unsigned words[13] = {0};
  for (unsigned i = 0; i < 3; i++) {
    if (!__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3])) break;
  }
  const char *name = (const char *)words;
  while (*name == ' ') name++;
  // Some are padded with blanks up to their 48 characters.
  int length = (int)strlen(name);
  while (length > 0 && name[length - 1] == ' ') length--;
  snprintf(out, size, "%.*s", length, name);
  if (length == 0) snprintf(out, size, "unknown");
}
#else
static const char *cpu_lacks(int32_t isa) { return isa == RAPT_ISA_PORTABLE ? NULL : "this CPU is not x86-64"; }

int rapt_isa_has_vnni(int32_t isa) { return (void)isa, 0; }

void rapt_cpu_name(char *out, size_t size) { snprintf(out, size, "unknown"); }
#endif

const char *rapt_isa_unusable(int32_t isa) {
  if (!rapt_kernels_compiled(isa)) return "this build of the library does not contain it";
  return cpu_lacks(isa);
}

int32_t rapt_best_isa(void) {
  for (int32_t isa = RAPT_ISA_AVX512BF16; isa > RAPT_ISA_PORTABLE; isa--) {
    if (rapt_isa_unusable(isa) == NULL) return isa;
  }
  return RAPT_ISA_PORTABLE;
}

static const char *const isa_names[] = {"auto", "portable", "avx2", "avx512", "avx512bf16"};

const char *rapt_isa_name(int32_t isa) {
  return isa >= RAPT_ISA_AUTO && isa <= RAPT_ISA_AVX512BF16 ? isa_names[isa] : NULL;
}

static int lower(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; }

// Whether two names are the same but for the case of ASCII letters, whatever the locale.
static int same_name(const char *a, const char *b) {
  for (;; a++, b++) {
    if (lower(*a) != lower(*b)) return 0;
    if (*a == 0) return 1;
  }
}

static rapt_status isa_from_environment(int32_t *isa, rapt_error *error) {
  *isa = RAPT_ISA_AUTO;
  const char *text = getenv("RAPT_ISA");
  if (text == NULL || *text == 0) return RAPT_OK;
  for (int32_t i = RAPT_ISA_AUTO; i <= RAPT_ISA_AVX512BF16; i++) {
    if (same_name(text, isa_names[i])) {
      *isa = i;
      return RAPT_OK;
    }
  }
  return rapt_fail(
      error, RAPT_INVALID_ARGUMENT,
      "the environment variable RAPT_ISA is \"%.64s\"; allowed: auto, portable, avx2, avx512 and avx512bf16", text);
}

rapt_status rapt_resolve_isa(int32_t requested, int32_t *isa, rapt_error *error) {
  if (rapt_isa_name(requested) == NULL) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "isa is %d; allowed: %d to %d", requested, RAPT_ISA_AUTO,
                     RAPT_ISA_AVX512BF16);
  }
  if (requested == RAPT_ISA_AUTO) {
    rapt_status status = isa_from_environment(&requested, error);
    if (status != RAPT_OK) return status;
  }
  if (requested == RAPT_ISA_AUTO) requested = rapt_best_isa();
  const char *reason = rapt_isa_unusable(requested);
  if (reason != NULL) {
    return rapt_fail(error, RAPT_UNSUPPORTED, "the tier %s cannot be used: %s", isa_names[requested], reason);
  }
  *isa = requested;
  return RAPT_OK;
}

static int32_t affinity_cpus(void) {
  rapt_affinity usable = rapt_affinity_read();
  int count = usable.count;
  rapt_affinity_free(&usable);
  if (count > 0) return count;
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int32_t)online : 1;
}

int32_t rapt_logical_cpus(const char *root) {
  int32_t cpus = affinity_cpus(), quota = rapt_quota_cpus(root);
  return quota != 0 && quota < cpus ? quota : cpus;
}
