/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file base.h
 * @brief What every operation shares: status and errors, tiers, tensors, the head of a call, plans.
 */
#ifndef RAPT_BASE_H
#define RAPT_BASE_H

#include <stdint.h>

#if defined(__GNUC__)
#define RAPT_API __attribute__((visibility("default")))
#else
#define RAPT_API
#endif

/** This number rises whenever a layout or a meaning in these headers changes incompatibly. */
#define RAPT_ABI_VERSION 2

#ifdef __cplusplus
extern "C" {
#endif

/* ---- status and errors ------------------------------------------------------------------------------ */

/** What a call returns: RAPT_OK or the kind of failure. */
typedef int32_t rapt_status;
enum {
  RAPT_OK = 0,
  /** An argument breaks the contract; the message names it, its value and what was allowed. */
  RAPT_INVALID_ARGUMENT = 1,
  /** The arguments are meaningful but this library or device has no kernel for them. */
  RAPT_UNSUPPORTED = 2,
  /** Host or device memory ran out; the context stays usable. */
  RAPT_OUT_OF_MEMORY = 3,
  /** The device asked for is not on this machine, or its driver is not usable. */
  RAPT_DEVICE_UNAVAILABLE = 4,
  /** The device reported a failure; device_code holds its code. */
  RAPT_DEVICE_FAILURE = 5
};

/** A failing call fills it in; a successful one leaves it as it is. A caller may pass NULL for it everywhere. */
typedef struct rapt_error {
  /** sizeof(rapt_error) as the caller knows it; set before the call. */
  int64_t struct_size;
  rapt_status status;
  /** The device's own error code (a cudaError_t), 0 where there is none. */
  int32_t device_code;
  /** One sentence, UTF-8, always terminated. */
  char message[496];
} rapt_error;

/* ---- library ---------------------------------------------------------------------------------------- */

/** Instruction-set tiers of the CPU kernels, worst to best. */
enum {
  /** As context option: the best usable tier, or the one the environment variable RAPT_ISA names, whatever its
   * case. */
  RAPT_ISA_AUTO = 0,
  /** Plain C, any CPU. */
  RAPT_ISA_PORTABLE = 1,
  /** AVX2, FMA and F16C. */
  RAPT_ISA_AVX2 = 2,
  /** AVX-512 F, BW, DQ and VL. */
  RAPT_ISA_AVX512 = 3,
  /** The same with BF16: other kernels for bf16 queries and keys, and for bf16 input and weights of a projection; the
   * same bits for everything else. */
  RAPT_ISA_AVX512BF16 = 4
};

/** The library's version, "major.minor.patch". Static storage. */
RAPT_API const char *rapt_version(void);

/** RAPT_ABI_VERSION of the library itself, to be compared with the caller's. */
RAPT_API int32_t rapt_abi_version(void);

/**
 * sizeof of a struct of these headers as the library was compiled, by name ("rapt_sdpa"), or -1 for an
 * unknown name. Bindings verify their layouts with it.
 */
RAPT_API int64_t rapt_struct_size(const char *struct_name);

/** offsetof of a field ("options.scale" for a nested one), or -1 where struct or field is unknown. */
RAPT_API int64_t rapt_field_offset(const char *struct_name, const char *field_name);

/** The name of a tier ("avx512"), or NULL for an unknown value. Static storage. */
RAPT_API const char *rapt_isa_name(int32_t isa);

/** Why this machine cannot run a tier, in one sentence: not compiled, not in this CPU, disabled by the operating
 * system; NULL where it can. Static storage. */
RAPT_API const char *rapt_isa_unusable(int32_t isa);

/** What this library can do on this machine. */
typedef struct rapt_capabilities {
  /** sizeof(rapt_capabilities) as the caller knows it; set before the call. */
  int64_t struct_size;
  int32_t abi_version;
  /**
   * Logical CPUs this process may keep busy, and the threads of a context that asks for 0: as many as its affinity mask
   * has, or fewer where the CPU quota of its control group (cgroup v1 or v2) or of one above it, rounded up, is less.
   */
  int32_t logical_cpus;
  /**
   * The tier that RAPT_ISA_AUTO stands for: the one that the environment variable RAPT_ISA names, else best_isa. 0
   * where that variable names an unknown or unusable tier.
   */
  int32_t default_isa;
  /** The best tier that the library contains and that CPU and operating system support. */
  int32_t best_isa;
  /** rapt_version(). */
  char version[32];
  /** The processor's own name, or "unknown". */
  char cpu_name[64];
  /** Why CUDA is not available; empty where it is. */
  char cuda_reason[256];
  /**
   * Bytes of the data caches that the geometry of calls follows: a core's own first level, what one core may count on
   * of the second, and one last-level cache. They choose in which order memory is read, never the bits of a result.
   */
  int64_t l1_bytes;
  int64_t l2_bytes;
  int64_t l3_bytes;
} rapt_capabilities;

/** Fills *out; opens the CUDA plug-in for it. Thread-safe. Fails only where out is NULL or its struct_size is wrong. */
RAPT_API rapt_status rapt_get_capabilities(rapt_capabilities *out, rapt_error *error);

/* ---- tensors ---------------------------------------------------------------------------------------- */

/** The largest number of dimensions of a tensor. */
#define RAPT_MAX_RANK 6

/** How the elements of a tensor are stored; 0 is an absent tensor. */
enum {
  /** IEEE binary32, little-endian. */
  RAPT_F32 = 1,
  /** One byte per element; 0 is false, anything else is true. */
  RAPT_BOOL = 2,
  /** IEEE binary16, little-endian. Arithmetic is f32; results are rounded to nearest even. */
  RAPT_F16 = 3,
  /** bfloat16: the upper half of an f32. Arithmetic is f32; results are rounded to nearest even. */
  RAPT_BF16 = 4,
  /** Signed byte; keys, values and weights of rapt_linear_create only, with a scale tensor beside them. */
  RAPT_I8 = 5,
  /** Signed 64 bits, little-endian; indices (positions, lengths, starts, pages) only. */
  RAPT_I64 = 6,
  /** Signed 32 bits, little-endian; indices only. */
  RAPT_I32 = 7,
  /**
   * Blocks of 32 neighbours of the last dimension with one f16 scale, as GGUF stores weights: 34 bytes, the scale and
   * 32 signed bytes, each of which stands for itself times the scale. The last dimension is a multiple of 32 and has
   * stride 1; the other strides count elements all the same and are multiples of 32. data is aligned to 2 bytes.
   * Weights of rapt_linear_create only.
   */
  RAPT_Q8_0 = 8,
  /**
   * The same in 18 bytes: the scale and 16 bytes, the low halves of which are numbers 0 to 15 of the block and the high
   * halves 16 to 31; each stands for itself less 8, times the scale. Weights of rapt_linear_create only.
   */
  RAPT_Q4_0 = 9
};

/** A strided view of the caller's memory. The sizes of its dimensions are fields of the operation's struct. */
typedef struct rapt_tensor {
  /**
   * The address of element (0, ..., 0). A plan uses only its alignment, and takes NULL for well aligned memory. In a
   * run it may be NULL only where the tensor has no element.
   */
  void *data;
  /** Per dimension, outermost first: elements from one index to the next. Strides beyond the rank are ignored. */
  int64_t stride[RAPT_MAX_RANK];
  /** RAPT_F32 and so on, as the operation allows; each tensor has its own. 0 = the tensor is absent. */
  int32_t dtype;
  /** 0. */
  int32_t reserved;
} rapt_tensor;

/* ---- calls ------------------------------------------------------------------------------------------ */

/** See device.h. */
typedef struct rapt_context rapt_context;
typedef struct rapt_stream rapt_stream;

/** The operations, by number. */
enum {
  /** rapt_sdpa: scaled dot-product attention. */
  RAPT_SDPA = 0,
  /** rapt_rope: rotary position embedding. */
  RAPT_ROPE = 1,
  /** rapt_linear: a linear projection. */
  RAPT_LINEAR = 2,
  /** rapt_mha: multi-head attention with its projections. */
  RAPT_MHA = 3,
  /** rapt_merge: merging partial results of attention. */
  RAPT_MERGE = 4,
  /** rapt_gelu: the activation GELU. */
  RAPT_GELU = 5,
  /** rapt_norm: layer normalisation, with a residual that is added first. */
  RAPT_NORM = 6,
  /** rapt_append: appending keys and values to a cache. */
  RAPT_APPEND = 7,
  /** How many there are. */
  RAPT_OPERATIONS = 8
};

/** The first member of every operation's struct. */
typedef struct rapt_head {
  /** sizeof the whole struct as the caller knows it. */
  int64_t struct_size;
  /**
   * Optional scratch of at least the plan's scratch_size bytes, 64-byte aligned, which the device reaches. The caller
   * owns it; one call at a time uses it. NULL = the context lends its own, on CUDA the stream does. That scratch grows
   * by an allocation where a call needs more than any before it. A stream that is being captured into a graph lends
   * none: bring scratch then, for this graph alone and for as long as it replays.
   */
  void *scratch;
  /** Bytes of scratch. */
  int64_t scratch_size;
  /** CUDA: the stream to enqueue on; NULL = run and wait. CPU: NULL. */
  rapt_stream *stream;
} rapt_head;

/**
 * What a call would do. The call itself asks the same function, so plan and call cannot disagree.
 *
 * On CUDA the best kernel runs that passed the self-check on this GPU (see rapt_context_create). The environment
 * variable RAPT_KERNEL names kernels that come before all others, passed or not, by prefixes of their plan names,
 * separated by commas; "all" names every one. It is read when a context is created.
 */
typedef struct rapt_plan {
  /** sizeof(rapt_plan) as the caller knows it; set before the call. */
  int64_t struct_size;
  /** Bytes of scratch that the call needs. For attention it does not grow with the sequence lengths beyond a fixed
   * limit, unless scratch has to hold the scores of its weights output (see rapt_sdpa.weights). */
  int64_t scratch_size;
  /** 1, or 0 with the reason below. */
  int32_t supported;
  /** CPU: the tier, one of RAPT_ISA_*. CUDA: 0. */
  int32_t isa;
  /** The largest number of threads that work on the call, the calling thread among them. */
  int32_t threads;
  int32_t reserved;
  /** The kernel, e.g. "sdpa_prefill_f32_avx512_d128". */
  char name[96];
  /** Why the call is not supported. Where it is, mostly empty; on CUDA else why not by a better kernel, or that
   * RAPT_KERNEL forces one that failed its self-check. */
  char reason[256];
} rapt_plan;

/**
 * Fills *plan: whether and how a call would run. operation is RAPT_SDPA and so on, call points to that operation's
 * struct. Reads no tensor. Thread-safe. A call that breaks the contract is RAPT_INVALID_ARGUMENT, as in a run; one that
 * the device has no kernel for is RAPT_OK with supported = 0.
 */
RAPT_API rapt_status rapt_plan_call(const rapt_context *context, int32_t operation, const void *call, rapt_plan *plan,
                                    rapt_error *error);

/**
 * Runs a call: on the CPU on the calling thread and the context's workers; on CUDA it enqueues the call on head.stream
 * or, without one, waits for the result. *call may go once the function has returned. Thread-safe.
 */
RAPT_API rapt_status rapt_run_call(rapt_context *context, int32_t operation, const void *call, rapt_error *error);

/**
 * rapt_run_call for callers with managed memory. Any number of pointers may follow error; the library ignores them.
 * A foreign function interface that keeps by-reference arguments alive during a call, as Java's FFM does, passes the
 * tensors' memory here once more, so that no other thread can free it while the kernel runs.
 */
RAPT_API rapt_status rapt_run_held(rapt_context *context, int32_t operation, const void *call, rapt_error *error, ...);

#ifdef __cplusplus
}
#endif

#endif /* RAPT_BASE_H */
