// SPDX-License-Identifier: Apache-2.0
#ifndef RAPT_CPU_DEVICE_H
#define RAPT_CPU_DEVICE_H

#include "call/device.h"

// The CPU as a device.
extern const rapt_device rapt_cpu_device;

#endif
