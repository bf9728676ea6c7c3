// SPDX-License-Identifier: Apache-2.0
// Test equipment of the test equipment: a GPU that is wrong. RAPT_EMULATED_BREAK is a word of "shuffle", "load",
// "load_transposed", "multiply_f16", "multiply_bf16", "copy" and "exponential", which is wrong from then on, or "fault"
// (a kernel's launch spoils its context, as an illegal address does), "fatal" (it spoils every context of the process)
// or "last" (the process gets no other context, as where the device is being reset). Behind an @ may stand a part of a
// kernel's name as C++ has it, "multiply_bf16@linear_mma": only that kernel is meant.
#ifndef RAPT_EMULATED_BREAK_H
#define RAPT_EMULATED_BREAK_H

namespace gpu {

enum class broken_word { none, shuffle, load, load_transposed, multiply_f16, multiply_bf16, copy, exponential, fault };

// Of the kernel that the calling thread runs.
extern __thread broken_word host_broken;

inline bool is_broken(broken_word word) { return host_broken == word; }

// Finds out what is broken in a kernel that is launched in the calling thread's context. Returns a cudaError_t, not 0
// where the context has been spoiled.
int begin_kernel(const void *kernel);

// The error of a spoiled context, else 0; and the end of a context.
int error_of_context(const void *context);
void forget_context(const void *context);

}  // namespace gpu

#endif
