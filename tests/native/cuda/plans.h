// SPDX-License-Identifier: Apache-2.0
// The kernel that a name's prefix chooses, and the devices that plans are made for.
#ifndef RAPT_TESTS_CUDA_PLANS_H
#define RAPT_TESTS_CUDA_PLANS_H

#include <stdint.h>

#include <string>

#include "cuda/runtime/names.h"
#include "cuda/runtime/properties.h"

// Few multiprocessors with the shared memory of Hopper, and with Ampere's.
constexpr rapt_cuda_properties hopper = {4, 232448};
constexpr rapt_cuda_properties ampere = {4, 166912};

template <typename Candidates>
std::string name_of(const Candidates &candidates, int candidate) {
  char name[rapt_cuda_name_room];
  candidates.name(candidate, name, sizeof name);
  return name;
}

// The number of the first candidate whose name begins with the prefix, -1 where there is none.
template <typename Candidates>
int candidate_of(const Candidates &candidates, const std::string &prefix) {
  for (int n = 0; n < candidates.count; n++) {
    if (name_of(candidates, n).compare(0, prefix.size(), prefix) == 0) return n;
  }
  return -1;
}

#endif
