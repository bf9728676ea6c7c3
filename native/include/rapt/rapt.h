/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file rapt.h
 * @brief Rapt's C ABI: what callers include, and what Java's bindings are generated from.
 *
 * base.h declares what all operations share, device.h declares contexts and their memory. Each operation has a header
 * of its own: append.h, gelu.h, linear.h, merge.h, mha.h, norm.h, rope.h and sdpa.h.
 *
 * Conventions
 *  - Every operation takes one parameter struct, which begins with a rapt_head. Zero the struct, set head.struct_size,
 *    fill in what you use: a field left at zero means "absent" or "default".
 *  - Strides count elements, not bytes. They are int64 everywhere and may be zero (broadcast) for inputs,
 *    or negative. Any stride is correct; a last dimension of stride 1 is fast.
 *  - Data pointers must be aligned to their element size. Nothing outside the elements that shape and
 *    strides name is ever touched, not even to read it.
 *  - The caller owns every buffer. An operation without a stream is synchronous: when it returns, the library
 *    holds no pointer to the caller's memory. With a stream (CUDA) it returns once the work is enqueued, and the
 *    memory it names must stay valid until the stream has passed it.
 *  - What a call computes does not depend on the caller's floating-point environment (MXCSR: rounding, flush-to-zero,
 *    denormals-are-zero, traps): calls compute in the default one, and return with the caller's as it was.
 *  - A function that can fail returns a rapt_status and, where the caller passes a rapt_error, fills in a
 *    sentence that names the value and what was allowed. The library never prints, aborts or exits, and
 *    keeps no error from one call to the next.
 *  - A call that is refused has written nothing. A call that fails later (RAPT_DEVICE_FAILURE) leaves its outputs
 *    unspecified. After some failures, such as an illegal address, the process can no longer use the GPU, and the
 *    message says so.
 *
 * How this ABI grows without breaking
 *  - Parameter structs only ever gain fields at their end, and zero always means "as before". A library
 *    accepts a shorter struct_size (an older caller: the missing fields are zero) and a longer one whose
 *    unknown tail is all zero (a newer caller that does not use what this library lacks); a non-zero
 *    unknown tail is RAPT_UNSUPPORTED.
 *  - Every tensor carries its own dtype, so a new storage type needs no new field; 0 is an absent tensor, so a plan
 *    needs no address. Tensors have up to RAPT_MAX_RANK dimensions.
 *  - Indices (positions) are i32 or i64 tensors. On the CPU an index that is out of range is refused before anything is
 *    written.
 *  - A plan reads sizes, never a tensor: where tensors hold the lengths of samples (query_starts, key_starts,
 *    key_lengths, page_table), the sizes give the total number of tokens and the greatest lengths.
 *  - A new operation is a number, a struct with a rapt_head and a header; rapt_plan_call, rapt_run_call and
 *    rapt_run_held take it as they are.
 *  - Enumerations travel as int32_t, so a new value never changes a layout.
 */
#ifndef RAPT_RAPT_H
#define RAPT_RAPT_H

#include "rapt/append.h"
#include "rapt/base.h"
#include "rapt/device.h"
#include "rapt/gelu.h"
#include "rapt/linear.h"
#include "rapt/merge.h"
#include "rapt/mha.h"
#include "rapt/norm.h"
#include "rapt/rope.h"
#include "rapt/sdpa.h"

#endif /* RAPT_RAPT_H */
