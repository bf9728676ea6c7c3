// SPDX-License-Identifier: Apache-2.0
// Names of an operation's plans: a stem, of which there are a few, and after it a tail of numbers.
#ifndef RAPT_CUDA_RUNTIME_NAMES_H
#define RAPT_CUDA_RUNTIME_NAMES_H

#include <stddef.h>

#include "base/dtype.h"

// Room for any name.
constexpr size_t rapt_cuda_name_room = sizeof(rapt_plan::name);

// At most 64 stems, so that a set of them is a word.
struct rapt_cuda_names {
  // What every stem begins with.
  const char *word;
  int stems;
  void (*stem)(int number, char *out, size_t size);
};

// Kinds of storage as stems number them: one floating-point dtype throughout, or a mixture.
constexpr int32_t rapt_cuda_storage_types[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
constexpr int rapt_cuda_mixed = 3;
constexpr int rapt_cuda_storages = 4;

inline int rapt_cuda_storage(int32_t dtype, bool same) {
  for (int n = 0; same && n < rapt_cuda_mixed; n++) {
    if (rapt_cuda_storage_types[n] == dtype) return n;
  }
  return rapt_cuda_mixed;
}

inline const char *rapt_cuda_storage_name(int storage) {
  return storage == rapt_cuda_mixed ? "mixed" : rapt_dtype_name(rapt_cuda_storage_types[storage]);
}

#endif
