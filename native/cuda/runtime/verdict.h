// SPDX-License-Identifier: Apache-2.0
// What the self-check (cuda/selfcheck) found on a GPU: which kernels are right there.
#ifndef RAPT_CUDA_RUNTIME_VERDICT_H
#define RAPT_CUDA_RUNTIME_VERDICT_H

#include <stdint.h>

#include <string>
#include <vector>

// Whose kernels are numbered together: at most 64 of a family.
enum rapt_cuda_family : int {
  RAPT_CUDA_FAMILY_SDPA,
  RAPT_CUDA_FAMILY_LINEAR,
  RAPT_CUDA_FAMILY_ROPE,
  RAPT_CUDA_FAMILY_MERGE,
  // The small kernels of runtime/rows.h.
  RAPT_CUDA_FAMILY_ROWS,
  RAPT_CUDA_FAMILIES,
  // Words of the kernels' vocabulary.
  RAPT_CUDA_FAMILY_WORDS = RAPT_CUDA_FAMILIES
};

// The kernels of RAPT_CUDA_FAMILY_ROWS.
enum { RAPT_CUDA_ROWS_COPY, RAPT_CUDA_ROWS_MEAN, RAPT_CUDA_ROWS_KERNELS };

struct rapt_cuda_failure {
  int family;
  int kernel;
  std::string name;
  std::string reason;
};

struct rapt_cuda_verdict {
  // How many words and kernels were looked at.
  int checks = 0;
  std::vector<rapt_cuda_failure> failures;
  // A bit for each kernel that failed.
  uint64_t failed[RAPT_CUDA_FAMILIES] = {};
  // False where a failure ended the check early: the kernels after it are not known.
  bool complete = true;
  // Why it is not, where no kernel is to blame.
  std::string why;
  // Whether it was ended by what may have passed soon after: such a verdict is remembered nowhere, and the next context
  // checks anew.
  bool temporary = false;
  // Whether the check ran in another process, which left its result.
  bool remembered = false;
  double milliseconds = 0;

  void fail(int family, int kernel, const std::string &name, const std::string &reason) {
    if (family < RAPT_CUDA_FAMILIES) failed[family] |= uint64_t{1} << kernel;
    failures.push_back({family, kernel, name, reason});
  }
  bool has_failed(int family, int kernel) const { return (failed[family] >> kernel & 1) != 0; }
  // Why a kernel failed; empty where it did not.
  const char *reason(int family, int kernel) const {
    for (const rapt_cuda_failure &f : failures) {
      if (f.family == family && f.kernel == kernel) return f.reason.c_str();
    }
    return "";
  }
};

#endif
