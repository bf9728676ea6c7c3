// SPDX-License-Identifier: Apache-2.0
// Devices that come as shared libraries.
#ifndef RAPT_CALL_PLUGIN_H
#define RAPT_CALL_PLUGIN_H

#include "call/device.h"

// Opens the CUDA plug-in, as rapt_find_device says.
rapt_status rapt_open_cuda(const char *path, const rapt_device **out, rapt_error *error);

#endif
