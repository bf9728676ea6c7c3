// SPDX-License-Identifier: Apache-2.0
// Attention kernels on small problems, compared with the definition in double within the error bound of
// docs/accuracy.md. Every kernel meets sizes that are no multiple of its tiles, several tiles of keys, grouped heads,
// causality, a window, sinks and LSE; those that take them also masks, bias, softcap, ALiBi and a weights output, and
// on plain cores other types and int8 keys and values. Decode kernels split the keys once, which the merging kernel
// joins. Those for samples of different lengths meet key lengths, ragged queries and pages.
#ifndef RAPT_CUDA_SELFCHECK_ATTENTION_H
#define RAPT_CUDA_SELFCHECK_ATTENTION_H

#include "cuda/selfcheck/room.h"

// A name for the kernel, as plans have it.
std::string rapt_cuda_attention_name(int32_t kernel, int32_t dtype);
// dtype: of a tensor-core kernel; kernels of plain cores are for all.
rapt_cuda_complaint rapt_cuda_check_attention(int32_t kernel, int32_t dtype, rapt_cuda_room *room);

#endif
