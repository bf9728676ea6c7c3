// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "core/cpu_features.h"
#include "core/params.h"
#include "rapt/rapt.h"

const char *rapt_version(void) { return RAPT_VERSION_STRING; }

int32_t rapt_abi_version(void) { return RAPT_ABI_VERSION; }

static void copy(char *to, size_t size, const char *text) { snprintf(to, size, "%s", text == NULL ? "" : text); }

rapt_status rapt_get_capabilities(rapt_capabilities *out, rapt_error *error) {
  rapt_status status = rapt_check_output(out, sizeof *out, "capabilities", error);
  if (status != RAPT_OK) return status;
  out->abi_version = rapt_abi_version();
  out->logical_cpus = rapt_logical_cpus();
  out->best_isa = rapt_best_isa();
  if (rapt_resolve_isa(RAPT_ISA_AUTO, &out->default_isa, NULL) != RAPT_OK) out->default_isa = 0;
  copy(out->version, sizeof out->version, rapt_version());
  rapt_cpu_name(out->cpu_name, sizeof out->cpu_name);
  copy(out->avx2_reason, sizeof out->avx2_reason, rapt_isa_unusable(RAPT_ISA_AVX2));
  copy(out->avx512_reason, sizeof out->avx512_reason, rapt_isa_unusable(RAPT_ISA_AVX512));
  copy(out->cuda_reason, sizeof out->cuda_reason, "this version of Rapt has no CUDA backend");
  return RAPT_OK;
}
