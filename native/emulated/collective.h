// SPDX-License-Identifier: Apache-2.0
#ifndef RAPT_EMULATED_COLLECTIVE_H
#define RAPT_EMULATED_COLLECTIVE_H

namespace gpu {

struct warp_request;

// Carries out what the 32 threads of a warp ask for together, by lane.
void carry_out(warp_request *const (&requests)[32]);

// Says what a kernel did wrong, and ends the program.
[[noreturn]] void host_fail(const char *what);

}  // namespace gpu

#endif
