/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file linear.h
 * @brief Linear projections and their packed weights.
 */
#ifndef RAPT_LINEAR_H
#define RAPT_LINEAR_H

#include "rapt/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A weight matrix and bias, packed once for the kernels of one tier or GPU. Immutable and thread-safe. Keeps no pointer
 * to the tensors it was made from. May be used on every context of the same device and tier (on CUDA: of
 * the same CUDA context), and may outlive the context that packed it.
 */
typedef struct rapt_linear_weights rapt_linear_weights;

/** What a projection multiplies; see rapt_linear_parameters.input_quantization. */
enum {
  /** The input as it is, in f32. */
  RAPT_INPUT_FLOAT = 0,
  /**
   * The input rounded to signed bytes, in integers. Each 32 neighbours of a row, of input features 32 n to 32 n + 31,
   * have a scale: the largest magnitude among them over 127, in f32, at least 2^-126. An element is rounded to the
   * nearest multiple of the scale, and so is off by half of it at most. Neighbours with a NaN or an infinity among them
   * have the scale NaN, so that all results of their row are NaN.
   */
  RAPT_INPUT_I8 = 1
};

/** What weights are made from. */
typedef struct rapt_linear_parameters {
  /** sizeof(rapt_linear_parameters) as the caller knows it. */
  int64_t struct_size;
  /**
   * (out_features, in_features), as torch.nn.Linear stores it: f32, f16 or bf16, or, on the CPU, RAPT_Q8_0 or RAPT_Q4_0
   * with in_features a multiple of 32, or RAPT_I8, which scale goes with.
   */
  rapt_tensor weight;
  /** Optional (out_features), f32, f16 or bf16. */
  rapt_tensor bias;
  /** 1 to 2^24 each. */
  int64_t in_features;
  int64_t out_features;
  /** (out_features), f32, f16 or bf16, with an i8 weight, else absent: a weight is its byte times its row's scale. */
  rapt_tensor scale;
  /** RAPT_INPUT_FLOAT, or, with i8, q8_0 and q4_0 weights, RAPT_INPUT_I8: another error for more speed where reading
   * weights or arithmetic takes the time. Results may overflow where a scale of i8 weights is 2^108 or more. It belongs
   * to the weights, which are packed for it. */
  int32_t input_quantization;
  /** 0. */
  int32_t reserved;
} rapt_linear_parameters;

/**
 * Packs weights on the calling thread and the context's workers, from any strides; complete on return. The caller
 * destroys them; on failure *out is NULL. On the CPU they stay as they were given, but f16 and bf16 of an odd number of
 * in_features become f32, and so does i8 of a number that is no multiple of 32, unless the input is quantised. With
 * float input results have the same bits as with weights that the caller widens to f32 (i8: each byte times its scale,
 * in f32, which overflows where that does), unless input and weights are bf16 on the tier avx512bf16: see rapt_linear.
 * On CUDA weight and bias may lie in host memory or on the device, and the function waits for the copy.
 * RAPT_INVALID_ARGUMENT where the parameters break the contract, RAPT_UNSUPPORTED for blocks and i8 on CUDA,
 * RAPT_OUT_OF_MEMORY where memory runs out. Thread-safe.
 */
RAPT_API rapt_status rapt_linear_create(rapt_context *context, const rapt_linear_parameters *parameters,
                                        rapt_linear_weights **out, rapt_error *error);

/** rapt_linear_create for callers with managed memory, whose pointers may follow error: see rapt_run_held. */
RAPT_API rapt_status rapt_linear_create_held(rapt_context *context, const rapt_linear_parameters *parameters,
                                             rapt_linear_weights **out, rapt_error *error, ...);

/** Frees the weights. No call may be using them. NULL is allowed. */
RAPT_API void rapt_linear_destroy(rapt_linear_weights *weights);

/**
 * output = input . weight^T + bias, summed in f32. Where input and weights are both bf16 and in_features is even, the
 * tier avx512bf16 multiplies pairs, and takes denormals (magnitudes below 2^-126) as 0, in both and in the sums of
 * their products. With RAPT_INPUT_I8 weights the products of 32 neighbours are summed in integers, exactly, and these
 * sums in f32.
 */
typedef struct rapt_linear {
  rapt_head head;
  const rapt_linear_weights *weights;
  /** (batch, rows, in_features), f32, f16 or bf16. */
  rapt_tensor input;
  /** (batch, rows, out_features), f32, f16 or bf16, written; overlaps no input and not itself. */
  rapt_tensor output;
  /** Sizes; 0 is allowed. */
  int64_t batch;
  int64_t rows;
} rapt_linear;

/** rapt_plan_call and rapt_run_call for RAPT_LINEAR. */
RAPT_API rapt_status rapt_linear_plan(const rapt_context *context, const rapt_linear *call, rapt_plan *plan,
                                      rapt_error *error);
RAPT_API rapt_status rapt_linear_run(rapt_context *context, const rapt_linear *call, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RAPT_LINEAR_H */
