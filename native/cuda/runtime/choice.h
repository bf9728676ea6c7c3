// SPDX-License-Identifier: Apache-2.0
// Which kernels a context runs: those that passed the self-check on its device, and those that RAPT_KERNEL names.
//
// RAPT_KERNEL is a list of prefixes of plan names, separated by commas: "sdpa_prefill,linear"; "all" stands for every
// kernel, and "_split16" at the end of a name for nothing. A name that starts with "mha" stands for the whole of
// multi-head attention, its projections and its attention together. The list is read once, when a context is made. A
// call then compares bits, and renders a name only where an item of the list is longer than a stem.
#ifndef RAPT_CUDA_RUNTIME_CHOICE_H
#define RAPT_CUDA_RUNTIME_CHOICE_H

#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "call/device.h"
#include "cuda/runtime/driver.h"
#include "cuda/runtime/names.h"
#include "cuda/runtime/properties.h"
#include "cuda/runtime/verdict.h"

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
  // What the self-check found; the context keeps it.
  const rapt_cuda_verdict *verdict;
};

// Fills the names of the choice from the list (NULL = empty). Refuses a name that is too long, or begins with no
// operation's word.
rapt_status rapt_cuda_choice_make(const char *list, rapt_cuda_choice *out, rapt_error *error);

// A device as plans see it.
rapt_cuda_properties rapt_cuda_properties_of(const driver_description &device);

// What is to be said of a candidate of this name, which failed for `why`.
enum rapt_cuda_remark { RAPT_CUDA_NONE_LEFT, RAPT_CUDA_LEFT_OUT, RAPT_CUDA_FORCED };
void rapt_cuda_say_failed(rapt_cuda_remark what, const char *name, const char *why, rapt_needs *needs);

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
// the best candidate that it fits is taken. Without one the best that passed the self-check is; where none did, the
// call is not supported. Candidates has family, count, stem(i), kernel(i), its number in the family, and name(i, out,
// size). Returns the index of the candidate. Fills needs->reason, which is empty where it may run, and needs->remark.
template <typename Candidates>
int rapt_cuda_choose(const rapt_cuda_choice &choice, int use, const Candidates &candidates, rapt_needs *needs) {
  auto say = [&](rapt_cuda_remark what, int candidate) {
    char name[rapt_cuda_name_room];
    candidates.name(candidate, name, sizeof name);
    const char *why = choice.verdict->reason(Candidates::family, candidates.kernel(candidate));
    rapt_cuda_say_failed(what, name, why, needs);
  };
  auto failed = [&](int candidate) {
    return choice.verdict->has_failed(Candidates::family, candidates.kernel(candidate));
  };
  needs->reason[0] = needs->remark[0] = 0;
  const rapt_cuda_prefixes &named = choice.named[use];
  for (int n = 0; n < named.count; n++) {
    for (int c = 0; c < candidates.count; c++) {
      bool fits = rapt_cuda_begins_with(named.of[n], candidates.stem(c),
                                        [&](char *out, size_t size) { candidates.name(c, out, size); });
      if (!fits) continue;
      if (failed(c)) say(RAPT_CUDA_FORCED, c);
      return c;
    }
  }
  for (int c = 0; c < candidates.count; c++) {
    if (failed(c)) continue;
    if (c > 0) say(RAPT_CUDA_LEFT_OUT, 0);
    return c;
  }
  say(RAPT_CUDA_NONE_LEFT, candidates.count - 1);
  return 0;
}

#endif
