// SPDX-License-Identifier: Apache-2.0
#ifndef RAPT_EMULATED_COLLECTIVE_H
#define RAPT_EMULATED_COLLECTIVE_H

namespace gpu {

struct warp_request;

// Carries out a collective of a warp; requests are by lane.
void carry_out(warp_request *const (&requests)[32]);

// Prints what a kernel did wrong, and ends the program.
[[noreturn]] void host_fail(const char *what);

}  // namespace gpu

#endif
