// SPDX-License-Identifier: Apache-2.0
// The kernels beside attention on small problems, compared with the definition in double within the error bound of
// docs/accuracy.md: projections (all storage types, several tiles and steps, rests of each, bias), rotary embedding
// (both pairings, whole rows and a part, tables and positions), merging (a part that saw nothing), and what stands
// around them in multi-head attention.
#ifndef RAPT_CUDA_SELFCHECK_PIECES_H
#define RAPT_CUDA_SELFCHECK_PIECES_H

#include "cuda/selfcheck/room.h"

rapt_cuda_complaint rapt_cuda_check_linear(int32_t kernel, int32_t dtype, rapt_cuda_room *room);
// The scalar kernel; and the vector kernel for rows and angles of these types.
rapt_cuda_complaint rapt_cuda_check_rope_scalar(rapt_cuda_room *room);
rapt_cuda_complaint rapt_cuda_check_rope_vector(int32_t dtype, int32_t angles, bool interleaved, rapt_cuda_room *room);
rapt_cuda_complaint rapt_cuda_check_merge(rapt_cuda_room *room);
// RAPT_CUDA_ROWS_*.
rapt_cuda_complaint rapt_cuda_check_rows(int kernel, rapt_cuda_room *room);

#endif
