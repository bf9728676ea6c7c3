// SPDX-License-Identifier: Apache-2.0
// Which kernels a context may run: those proven on its kind of device, and those that RAPT_KERNEL names.
//
// RAPT_KERNEL is a list of prefixes of plan names, separated by commas: "sdpa_prefill,linear"; "all" stands for every
// kernel. A name that starts with "mha" stands for the whole of multi-head attention, its projections and its attention
// together. The list is read once, when a context is made. A call then compares bits, and renders a name only where an
// item of the list is longer than a stem.
#ifndef RAPT_CUDA_RUNTIME_CHOICE_H
#define RAPT_CUDA_RUNTIME_CHOICE_H

#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "cuda/runtime/driver.h"
#include "cuda/runtime/names.h"
#include "cuda/runtime/properties.h"

// What a kernel is chosen for: an operation on its own, by its number, or a step of multi-head attention.
enum rapt_cuda_use { RAPT_CUDA_MHA_SDPA = RAPT_OPERATIONS, RAPT_CUDA_MHA_LINEAR, RAPT_CUDA_USES };

struct rapt_cuda_use_names {
  const rapt_cuda_names *names;
  // The word that items of the list begin with for this use.
  const char *word;
};

// Indexed by rapt_cuda_use; defined in cuda/device.cpp, which sees every operation.
extern const rapt_cuda_use_names rapt_cuda_uses[RAPT_CUDA_USES];

struct rapt_cuda_prefix {
  char text[rapt_cuda_name_room];
  // Sets of stems: those that begin with the text, and those that the text begins with and is longer than.
  uint64_t within;
  uint64_t beyond;
};

constexpr int rapt_cuda_most_prefixes = 16;

struct rapt_cuda_prefixes {
  int count;
  rapt_cuda_prefix of[rapt_cuda_most_prefixes];
};

struct rapt_cuda_choice {
  rapt_cuda_prefixes named[RAPT_CUDA_USES];
  rapt_cuda_prefixes proven[RAPT_CUDA_USES];
};

// Makes the choice from the list (NULL = empty) and the kernels that driver_proofs lists. Refuses a name that is too
// long, or begins with no operation's word.
rapt_status rapt_cuda_choice_make(const char *list, const driver_description &device, rapt_cuda_choice *out,
                                  rapt_error *error);

// A device as plans see it.
rapt_cuda_properties rapt_cuda_properties_of(const driver_description &device);

// Writes the reason why the best kernel, of this name, may not run.
void rapt_cuda_say_unproven(int use, const char *name, char *reason, size_t size);

// Name: void(char *out, size_t size).
template <typename Name>
bool rapt_cuda_begins_with(const rapt_cuda_prefix &prefix, int stem, const Name &name) {
  if ((prefix.within >> stem & 1) != 0) return true;
  if ((prefix.beyond >> stem & 1) == 0) return false;
  char text[rapt_cuda_name_room];
  name(text, sizeof text);
  return strncmp(text, prefix.text, strlen(prefix.text)) == 0;
}

// Chooses among the candidates, the kernels that take a problem, the best first. For each name of the list, in order,
// the best candidate that it fits is taken. Without one the best of all is taken if it is proven; else it may not run,
// for the reason given. Candidates has count, stem(i) and name(i, out, size). Returns the index of the candidate, and
// fills reason, which is empty where it may run.
template <typename Candidates>
int rapt_cuda_choose(const rapt_cuda_choice &choice, int use, const Candidates &candidates, char (&reason)[256]) {
  auto begins_with = [&](int candidate, const rapt_cuda_prefix &prefix) {
    return rapt_cuda_begins_with(prefix, candidates.stem(candidate),
                                 [&](char *out, size_t size) { candidates.name(candidate, out, size); });
  };
  const rapt_cuda_prefixes &named = choice.named[use], &proven = choice.proven[use];
  for (int n = 0; n < named.count; n++) {
    for (int c = 0; c < candidates.count; c++) {
      if (begins_with(c, named.of[n])) return c;
    }
  }
  for (int n = 0; n < proven.count; n++) {
    if (begins_with(0, proven.of[n])) return 0;
  }
  char name[rapt_cuda_name_room];
  candidates.name(0, name, sizeof name);
  rapt_cuda_say_unproven(use, name, reason, sizeof reason);
  return 0;
}

#endif
