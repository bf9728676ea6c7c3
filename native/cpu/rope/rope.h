// SPDX-License-Identifier: Apache-2.0
#ifndef RAPT_CPU_ROPE_ROPE_H
#define RAPT_CPU_ROPE_ROPE_H

#include "cpu/engine/engine.h"
#include "ops/rope/problem.h"

extern const rapt_device_operation rapt_cpu_rope_operation;

#endif
