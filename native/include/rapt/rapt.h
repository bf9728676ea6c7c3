/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file rapt.h
 * @brief Rapt's C ABI: scaled dot-product attention, multi-head attention, linear projections and rotary embedding.
 *
 * This is the only public header. Java's bindings are generated from it and from nothing else.
 *
 * Conventions
 *  - Every operation takes one parameter struct. Zero the struct, set struct_size, fill in what you use:
 *    a field left at zero means "absent" or "default".
 *  - Strides count elements, not bytes. They are int64 everywhere and may be zero (broadcast) for inputs,
 *    or negative. Any stride is correct; a last dimension of stride 1 is fast.
 *  - Data pointers must be aligned to their element size. Nothing outside the elements that shape and
 *    strides name is ever touched, not even to read it.
 *  - The caller owns every buffer. An operation without a stream is synchronous: when it returns, the library
 *    holds no pointer to the caller's memory. With a stream (CUDA) it returns once the work is enqueued, and the
 *    memory it names must stay valid until the stream has passed it.
 *  - A function that can fail returns a rapt_status and, where the caller passes a rapt_error, fills in a
 *    sentence that names the value and what was allowed. The library never prints, aborts or exits, and
 *    keeps no error from one call to the next.
 *  - A failed call leaves outputs unspecified; the context stays usable.
 *
 * How this ABI grows without breaking
 *  - Parameter structs only ever gain fields at their end, and zero always means "as before". A library
 *    accepts a shorter struct_size (an older caller: the missing fields are zero) and a longer one whose
 *    unknown tail is all zero (a newer caller that does not use what this library lacks); a non-zero
 *    unknown tail is RAPT_UNSUPPORTED.
 *  - Every tensor carries its own dtype, so a new storage type needs no new field.
 *  - Ragged batches: appended int64 offset pointers (query_offsets, kv_offsets); the batch stride is then
 *    unused. Per-sequence key counts: an appended kv_lengths tensor.
 *  - Paged K/V: an appended block table tensor and page size; stride[2] of key and value is then the stride
 *    inside a page and stride[0] the stride between pages.
 *  - Block masks: an appended tensor of block visibility beside mask and bias.
 *  - Other devices: another rapt_context_options.device. A context belongs to one device, so no operation needs a
 *    device argument.
 *  - Enumerations travel as int32_t, so a new value never changes a layout.
 */
#ifndef RAPT_RAPT_H
#define RAPT_RAPT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RAPT_API __attribute__((visibility("default")))
#else
#define RAPT_API
#endif

/** Raised whenever a layout or a meaning in this header changes incompatibly. */
#define RAPT_ABI_VERSION 1

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

/** Filled in by a failing call; untouched by a successful one. May be NULL wherever it is asked for. */
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
  /** As context option: the best usable tier, or the one the environment variable RAPT_ISA names. */
  RAPT_ISA_AUTO = 0,
  /** Plain C, any CPU. */
  RAPT_ISA_PORTABLE = 1,
  /** AVX2, FMA and F16C. */
  RAPT_ISA_AVX2 = 2,
  /** AVX-512 F, BW, DQ and VL. */
  RAPT_ISA_AVX512 = 3,
  /** The same with BF16: other kernels for bf16 queries and keys, the same bits for everything else. */
  RAPT_ISA_AVX512BF16 = 4
};

/** The library's version, "major.minor.patch". Static storage. */
RAPT_API const char *rapt_version(void);

/** RAPT_ABI_VERSION of the library itself, to be compared with the caller's. */
RAPT_API int32_t rapt_abi_version(void);

/**
 * sizeof of a struct of this header as the library was compiled, by name ("rapt_sdpa"), or -1 for an
 * unknown name. For bindings to verify themselves.
 */
RAPT_API int64_t rapt_struct_size(const char *struct_name);

/** offsetof of a field ("options.scale" for a nested one), or -1 where struct or field is unknown. */
RAPT_API int64_t rapt_field_offset(const char *struct_name, const char *field_name);

/** The name of a tier ("avx512"), or NULL for an unknown value. Static storage. */
RAPT_API const char *rapt_isa_name(int32_t isa);

/** What this library can do on this machine. */
typedef struct rapt_capabilities {
  int64_t struct_size;
  int32_t abi_version;
  /** Logical CPUs this process may run on (its affinity mask). */
  int32_t logical_cpus;
  /** The tier RAPT_ISA_AUTO resolves to, RAPT_ISA included; 0 where RAPT_ISA names an unusable tier. */
  int32_t default_isa;
  /** The best tier that was compiled in and that CPU and operating system support. */
  int32_t best_isa;
  char version[32];
  char cpu_name[64];
  /** Empty where the tier is usable, else why not: not compiled, not in this CPU, disabled by the OS. */
  char avx2_reason[128];
  char avx512_reason[128];
  /** Why CUDA is not available; empty where it is. */
  char cuda_reason[256];
  /** As avx512_reason. */
  char avx512bf16_reason[128];
} rapt_capabilities;

/** Thread-safe. Fails only for a NULL or mis-sized out. */
RAPT_API rapt_status rapt_get_capabilities(rapt_capabilities *out, rapt_error *error);

/* ---- context ---------------------------------------------------------------------------------------- */

enum {
  RAPT_DEVICE_CPU = 0,
  /** An NVIDIA GPU, through the plug-in librapt_cuda.so, which is opened on first use. Needs only the driver. */
  RAPT_DEVICE_CUDA = 1
};

/**
 * A device with its worker threads and its scratch memory. Thread-safe: any number of threads may run
 * operations on one context at the same time; they share its workers and never oversubscribe them. Equal
 * inputs give equal bits, whatever the number of threads and callers and whatever else is in the batch: results are
 * batch-invariant on every device.
 */
typedef struct rapt_context rapt_context;

/** Where a context's workers may run. */
enum {
  /** On any CPU the process may use: the operating system decides. */
  RAPT_AFFINITY_NONE = 0,
  /**
   * Each worker on one CPU of those that the thread creating the context may use, from the second on; the first is left
   * to callers, which are never bound. For a process that has these CPUs to itself: a bound worker cannot step aside.
   */
  RAPT_AFFINITY_WORKERS = 1
};

typedef struct rapt_context_options {
  int64_t struct_size;
  /** RAPT_DEVICE_*. */
  int32_t device;
  /** Which device of that kind, from 0; 0 for the CPU. */
  int32_t ordinal;
  /** Threads that work on one call, the calling thread among them; 0 = the process's logical CPUs; at most 1024. */
  int32_t threads;
  /** CPU: one of RAPT_ISA_*. A tier this machine cannot run is RAPT_UNSUPPORTED. */
  int32_t isa;
  /**
   * CUDA: path of librapt_cuda.so. NULL = what the environment variable RAPT_CUDA_LIBRARY names, else the one beside
   * this library.
   */
  const char *cuda_library;
  /** CPU: one of RAPT_AFFINITY_*. */
  int32_t affinity;
  /** Must be 0. */
  int32_t reserved;
} rapt_context_options;

typedef struct rapt_context_info {
  int64_t struct_size;
  int32_t device;
  int32_t ordinal;
  /** CPU: as resolved. CUDA: 0. */
  int32_t threads;
  int32_t isa;
  /** CUDA: compute capability times ten (90 for Hopper), driver version as the driver counts (13000), device name. */
  int32_t compute_capability;
  int32_t driver_version;
  char name[128];
} rapt_context_info;

/** options may be NULL for all defaults. On success *out owns threads and memory until destroyed. */
RAPT_API rapt_status rapt_context_create(const rapt_context_options *options, rapt_context **out, rapt_error *error);

/** Ends the workers and frees all scratch. NULL is allowed. No call may be running on the context. */
RAPT_API void rapt_context_destroy(rapt_context *context);

RAPT_API rapt_status rapt_context_get_info(const rapt_context *context, rapt_context_info *out, rapt_error *error);

/* ---- device memory, streams and events --------------------------------------------------------------- */

/*
 * All of these need a CUDA context; on a CPU context they return RAPT_UNSUPPORTED. Thread-safe; the library sets the
 * CUDA device itself in every call, so they may come from any thread.
 */

enum {
  /** Memory of the GPU. */
  RAPT_MEMORY_DEVICE = 1,
  /** Page-locked host memory, which the GPU copies at full speed and without blocking the caller. */
  RAPT_MEMORY_PINNED = 2
};

/** *out is owned by the caller until rapt_memory_free; bytes may be 0, which gives NULL. */
RAPT_API rapt_status rapt_memory_allocate(rapt_context *context, int32_t kind, int64_t bytes, void **out,
                                          rapt_error *error);
/** NULL is allowed. Waits for the device to finish with the memory. */
RAPT_API rapt_status rapt_memory_free(rapt_context *context, int32_t kind, void *memory, rapt_error *error);
/** Free and total bytes of the device. */
RAPT_API rapt_status rapt_memory_get_info(rapt_context *context, int64_t *free_bytes, int64_t *total_bytes,
                                          rapt_error *error);

/** A queue of work on a context's device. Must be destroyed before the context. */
typedef struct rapt_stream rapt_stream;
/** A point in a stream. Must be destroyed before the context. */
typedef struct rapt_event rapt_event;

RAPT_API rapt_status rapt_stream_create(rapt_context *context, rapt_stream **out, rapt_error *error);
/** A view of the caller's own cudaStream_t (NULL = the default stream), which stays the caller's. */
RAPT_API rapt_status rapt_stream_wrap(rapt_context *context, void *cuda_stream, rapt_stream **out, rapt_error *error);
/** NULL is allowed. Work already enqueued still runs. */
RAPT_API void rapt_stream_destroy(rapt_stream *stream);
/** Waits until all work enqueued so far is done; a failure of that work is reported here. */
RAPT_API rapt_status rapt_stream_synchronize(rapt_stream *stream, rapt_error *error);
/** Work enqueued on the stream from now on waits for the event. */
RAPT_API rapt_status rapt_stream_wait(rapt_stream *stream, rapt_event *event, rapt_error *error);

RAPT_API rapt_status rapt_event_create(rapt_context *context, rapt_event **out, rapt_error *error);
/** NULL is allowed. */
RAPT_API void rapt_event_destroy(rapt_event *event);
RAPT_API rapt_status rapt_event_record(rapt_event *event, rapt_stream *stream, rapt_error *error);
RAPT_API rapt_status rapt_event_synchronize(rapt_event *event, rapt_error *error);
/** *done = 1 once the device has passed the event, else 0. */
RAPT_API rapt_status rapt_event_query(rapt_event *event, int32_t *done, rapt_error *error);
/** Milliseconds between two recorded events that the device has passed. */
RAPT_API rapt_status rapt_event_elapsed(rapt_event *start, rapt_event *end, float *milliseconds, rapt_error *error);

/**
 * Copies bytes between any two of host, pinned and device memory. With a stream the copy is enqueued and both sides
 * must stay valid until the stream has passed it; with NULL it is complete on return.
 */
RAPT_API rapt_status rapt_memory_copy(rapt_context *context, void *to, const void *from, int64_t bytes,
                                      rapt_stream *stream, rapt_error *error);

/* ---- tensors ---------------------------------------------------------------------------------------- */

enum {
  /** IEEE binary32, little-endian. */
  RAPT_F32 = 1,
  /** One byte per element; 0 is false, anything else is true. */
  RAPT_BOOL = 2,
  /** IEEE binary16, little-endian. Arithmetic is f32; results are rounded to nearest even. */
  RAPT_F16 = 3,
  /** bfloat16: the upper half of an f32. Arithmetic is f32; results are rounded to nearest even. */
  RAPT_BF16 = 4,
  /** Signed byte; keys and values only, with a scale tensor beside them. */
  RAPT_I8 = 5,
  /** Signed 64 bits, little-endian; positions only. */
  RAPT_I64 = 6
};

/** A strided view of the caller's memory. The dimensions stand in the operation's struct. */
typedef struct rapt_tensor {
  /** The element at index (0, ..., 0). NULL = absent. */
  void *data;
  /** Elements from one index to the next, per dimension, outermost first. Unused ones are ignored. */
  int64_t stride[4];
  /** RAPT_F32, RAPT_F16, RAPT_BF16, RAPT_BOOL, RAPT_I8 or RAPT_I64, as the operation allows; each tensor has its own.
   */
  int32_t dtype;
  /** 0. */
  int32_t reserved;
} rapt_tensor;

/* ---- plan ------------------------------------------------------------------------------------------- */

/**
 * What a call would do. Made by the same function that the call itself uses, so they cannot disagree.
 *
 * A kernel is chosen by default only where it has been proven on that kind of device; others run only when the
 * environment variable RAPT_KERNEL names them (a prefix of the plan's name will do), read when a context is created.
 */
typedef struct rapt_plan {
  int64_t struct_size;
  /** Bytes of scratch the call needs; does not grow with the sequence lengths for attention. */
  int64_t scratch_size;
  /** 1, or 0 with the reason below. */
  int32_t supported;
  int32_t isa;
  /** Threads that take part at most. */
  int32_t threads;
  int32_t reserved;
  /** The kernel, e.g. "sdpa_prefill_f32_avx512_d128". */
  char name[96];
  /** Why the call is not supported; empty where it is. */
  char reason[256];
} rapt_plan;

/* ---- scaled dot-product attention ------------------------------------------------------------------- */

/** Bits of rapt_sdpa_options.flags. */
enum {
  /** Use options.scale; without it the scale is 1/sqrt(head_dim). */
  RAPT_SCALE = 1,
  /** Key j is visible to query i only where j <= i + offset. */
  RAPT_CAUSAL = 2,
  /** Key j is visible to query i only where i + offset - window_left <= j <= i + offset + window_right. */
  RAPT_WINDOW = 4
};

/** Which scores the weights output receives; the four stages of ONNX Attention's qk_matmul_output_mode. */
enum {
  /** Scale times query times key, for every key, masked or not. */
  RAPT_WEIGHTS_RAW = 0,
  /** After softcap, for every key, masked or not. */
  RAPT_WEIGHTS_SOFTCAP = 1,
  /** After bias, ALiBi and masks; -inf where masked. */
  RAPT_WEIGHTS_BIAS = 2,
  /** After softmax: the attention weights; 0 where masked. */
  RAPT_WEIGHTS_SOFTMAX = 3
};

/** How scores become weights; shared by attention and multi-head attention. All zero is plain attention. */
typedef struct rapt_sdpa_options {
  /**
   * Position of query 0 among the keys, for causal, window and ALiBi: 0 is top-left (PyTorch, ONNX without
   * cache), kv_len - query_len is bottom-right (FlashAttention 2.1 and newer). Any value, negative too.
   */
  int64_t offset;
  /** With RAPT_WINDOW: keys to the left and right that stay visible, >= 0, or -1 for open. */
  int64_t window_left;
  int64_t window_right;
  /** With RAPT_SCALE: any finite value. */
  float scale;
  /** c * tanh(score / c) before bias and masks; finite, 0 = off, never negative. */
  float softcap;
  int32_t flags;
  /** RAPT_WEIGHTS_*; matters only where a weights output is given. */
  int32_t weights_stage;
  /** 0. */
  int64_t reserved[4];
} rapt_sdpa_options;

/**
 * output = softmax(softcap(scale * query . key^T) + bias - alibi, masked) . value
 *
 * Query head h reads kv head h / (query_heads / kv_heads). A row without a visible key gives output 0,
 * weights 0 and LSE -inf, with sinks too; a key whose score comes out as -inf without being masked weighs 0. Masked
 * keys and values never reach a result, whatever they hold, NaN included. Definition: Vaswani et al. 2017,
 * section 3.2.1; algorithm: Dao 2023 (FlashAttention-2), with Milakov and Gimelshein 2018 (online softmax).
 */
typedef struct rapt_sdpa {
  int64_t struct_size;
  /** (batch, query_heads, query_len, head_dim), f32, f16 or bf16. */
  rapt_tensor query;
  /** (batch, kv_heads, kv_len, head_dim), f32, f16, bf16, or i8 with key_scale. Where query and key are both bf16, the
   * tier avx512bf16 takes their denormals (below 2^-126), and such intermediate sums of their products, as 0. */
  rapt_tensor key;
  /** (batch, kv_heads, kv_len, value_dim), f32, f16, bf16, or i8 with value_scale. */
  rapt_tensor value;
  /** (batch, query_heads, query_len, value_dim), f32, f16 or bf16, written; overlaps no input and not itself. */
  rapt_tensor output;
  /** Optional (batch, query_heads, query_len, kv_len), bool, true = attend; stride 0 broadcasts. */
  rapt_tensor mask;
  /** Optional (batch, query_heads, query_len, kv_len), f32, f16 or bf16, added after softcap; -inf masks; stride 0
   * broadcasts. */
  rapt_tensor bias;
  /**
   * Optional (batch, query_heads), f32: subtracts slope * |i + offset - j| from the score of query i and key j
   * (Press et al. 2022).
   */
  rapt_tensor alibi_slopes;
  /** Optional (batch, query_heads), f32: a logit that joins the softmax's sum and nothing else. */
  rapt_tensor sinks;
  /** Optional (batch, query_heads, query_len), f32, written: ln of the sum of exp(score), the sink included. */
  rapt_tensor lse;
  /** Optional (batch, query_heads, query_len, kv_len), f32, written, at the stage options name. */
  rapt_tensor weights;
  /**
   * Optional scratch of at least the plan's scratch_size bytes, 64-byte aligned. NULL = the context's own; on CUDA the
   * stream's own, which grows by an allocation where a call needs more than any before it. A stream that is being
   * captured into a graph refuses that: bring scratch, or run the call once before.
   */
  void *scratch;
  int64_t scratch_size;
  /** Sizes; 0 is allowed for batch, query_len and kv_len; both head dims are 1 to 1024. */
  int64_t batch;
  int64_t query_heads;
  int64_t kv_heads;
  int64_t query_len;
  int64_t kv_len;
  int64_t head_dim;
  int64_t value_dim;
  rapt_sdpa_options options;
  /** CUDA: where to enqueue; NULL = run and wait. CPU: NULL. */
  rapt_stream *stream;
  /**
   * With an i8 key, and only then: (batch, kv_heads, kv_len, key_scale_groups), f32; stride 0 broadcasts. Element d of
   * a key row stands for key[d] * key_scale[d / (head_dim / key_scale_groups)]: one group is a scale per token and
   * head, head_dim / 32 groups are blocks of 32.
   */
  rapt_tensor key_scale;
  /** The same for an i8 value: (batch, kv_heads, kv_len, value_scale_groups), f32. */
  rapt_tensor value_scale;
  /** A divisor of head_dim and of value_dim; 0 = 1. 0 where the scale is absent. */
  int64_t key_scale_groups;
  int64_t value_scale_groups;
} rapt_sdpa;

/** Whether and how the call would run. Data pointers are checked for presence and alignment, never read. */
RAPT_API rapt_status rapt_sdpa_plan(const rapt_context *context, const rapt_sdpa *call, rapt_plan *plan,
                                         rapt_error *error);

/** Runs the attention on the calling thread and the context's workers. Thread-safe. */
RAPT_API rapt_status rapt_sdpa_run(rapt_context *context, const rapt_sdpa *call, rapt_error *error);

/**
 * rapt_sdpa_run for callers with managed memory. The pointers after error are ignored here; a foreign
 * function interface that keeps by-reference arguments alive during a call (Java's FFM does) is given the
 * tensors' memory once more through them, so that no other thread can free it under the kernel.
 */
RAPT_API rapt_status rapt_sdpa_run_held(rapt_context *context, const rapt_sdpa *call, rapt_error *error,
                                             const void *query, const void *key, const void *value, const void *output,
                                             const void *mask, const void *bias, const void *alibi_slopes,
                                             const void *sinks, const void *lse, const void *weights,
                                             const void *key_scale, const void *value_scale);

/* ---- rotary position embedding ---------------------------------------------------------------------- */

/** Bits of rapt_rope.flags. */
enum {
  /** Elements 2i and 2i + 1 form pair i (GPT-J); without it elements i and i + rotary_dim / 2 (GPT-NeoX, Llama). */
  RAPT_ROPE_INTERLEAVED = 1
};

/**
 * Turns every pair (a, b) of the first rotary_dim elements of a row by the angle of its position:
 * a' = cosine * a - sine * b, b' = sine * a + cosine * b; the other elements are copied. ONNX RotaryEmbedding-23;
 * Su et al. 2021, section 3.2.2.
 *
 * Inputs and cosines of f16 and bf16 are widened, the arithmetic is f32, each product rounded before the sum, and
 * results are rounded to nearest even: the same bits on every device and tier.
 */
typedef struct rapt_rope {
  int64_t struct_size;
  /** (batch, heads, length, head_dim), f32, f16 or bf16. */
  rapt_tensor input;
  /** The same shape, f32, f16 or bf16, written; overlaps no input and not itself, but may be input itself: the same
   * data, strides and dtype. */
  rapt_tensor output;
  /**
   * f32, f16 or bf16. With positions: (table_length, rotary_dim / 2), in the first two strides. Without:
   * (batch, length, rotary_dim / 2), in the first three; stride 0 broadcasts.
   */
  rapt_tensor cosine;
  /** The same shape, and strides of its own. */
  rapt_tensor sine;
  /**
   * Optional (batch, length), i64: the row of cosine and sine for each token, 0 to table_length - 1. On the CPU another
   * value is RAPT_INVALID_ARGUMENT, found before anything is written; on CUDA, where nobody looks at them before the
   * kernel does, it makes that token's output NaN.
   */
  rapt_tensor positions;
  /** Sizes; 0 is allowed for batch and length; head_dim is 1 to 1024. */
  int64_t batch;
  int64_t heads;
  int64_t length;
  int64_t head_dim;
  /** Even, at most head_dim; 0 = head_dim, which then has to be even. */
  int64_t rotary_dim;
  /** With positions: rows of cosine and sine, at least 1; without: 0. */
  int64_t table_length;
  int32_t flags;
  /** 0. */
  int32_t reserved;
  /** CUDA: where to enqueue; NULL = run and wait. CPU: NULL. */
  rapt_stream *stream;
} rapt_rope;

RAPT_API rapt_status rapt_rope_plan(const rapt_context *context, const rapt_rope *call, rapt_plan *plan,
                                    rapt_error *error);
RAPT_API rapt_status rapt_rope_run(rapt_context *context, const rapt_rope *call, rapt_error *error);
/** See rapt_sdpa_run_held. */
RAPT_API rapt_status rapt_rope_run_held(rapt_context *context, const rapt_rope *call, rapt_error *error,
                                        const void *input, const void *output, const void *cosine, const void *sine,
                                        const void *positions);

/* ---- linear projection ------------------------------------------------------------------------------ */

/**
 * A weight matrix and bias, packed once for the kernels of one context's tier; immutable and thread-safe.
 * Keeps no pointer to the tensors it was made from. May be used on every context of the same device and tier.
 */
typedef struct rapt_linear_weights rapt_linear_weights;

typedef struct rapt_linear_parameters {
  int64_t struct_size;
  /** (out_features, in_features), f32, f16 or bf16, as torch.nn.Linear stores it. */
  rapt_tensor weight;
  /** Optional (out_features), f32, f16 or bf16. */
  rapt_tensor bias;
  /** 1 to 2^24 each. */
  int64_t in_features;
  int64_t out_features;
} rapt_linear_parameters;

RAPT_API rapt_status rapt_linear_create(rapt_context *context, const rapt_linear_parameters *weights, rapt_linear_weights **out,
                                        rapt_error *error);

/** NULL is allowed. No call may be using it. */
RAPT_API void rapt_linear_destroy(rapt_linear_weights *linear);

/** output = input . weight^T + bias. */
typedef struct rapt_linear {
  int64_t struct_size;
  const rapt_linear_weights *linear;
  /** (batch, rows, in_features), f32, f16 or bf16. */
  rapt_tensor input;
  /** (batch, rows, out_features), f32, f16 or bf16, written; overlaps no input and not itself. */
  rapt_tensor output;
  /** As in rapt_sdpa. */
  void *scratch;
  int64_t scratch_size;
  int64_t batch;
  int64_t rows;
  /** CUDA: where to enqueue; NULL = run and wait. CPU: NULL. */
  rapt_stream *stream;
} rapt_linear;

RAPT_API rapt_status rapt_linear_plan(const rapt_context *context, const rapt_linear *call, rapt_plan *plan,
                                      rapt_error *error);
RAPT_API rapt_status rapt_linear_run(rapt_context *context, const rapt_linear *call, rapt_error *error);
/** See rapt_sdpa_run_held. */
RAPT_API rapt_status rapt_linear_run_held(rapt_context *context, const rapt_linear *call, rapt_error *error,
                                          const void *input, const void *output);

/* ---- multi-head attention --------------------------------------------------------------------------- */

/** Bits of rapt_mha.mha_flags. */
enum {
  /** Append one key and value of zeros after the projected ones (and after bias_key), visible to all. */
  RAPT_MHA_ADD_ZERO_ATTENTION = 1,
  /** The weights output is the mean over heads, (batch, query_len, total_len): stride[1] is unused. */
  RAPT_MHA_AVERAGE_WEIGHTS = 2
};

/**
 * Projects query, key and value, attends, and projects the result; torch.nn.MultiheadAttention in inference.
 *
 * head_dim = query_projection.out_features / query_heads = key_projection.out_features / kv_heads;
 * value_dim = value_projection.out_features / kv_heads = output_projection.in_features / query_heads.
 * total_len = kv_len + 1 with bias_key and bias_value, + 1 with RAPT_MHA_ADD_ZERO_ATTENTION; the appended
 * keys are visible to every query whatever masks, causality and window say, and take no bias and no ALiBi.
 */
typedef struct rapt_mha {
  int64_t struct_size;
  const rapt_linear_weights *query_projection;
  const rapt_linear_weights *key_projection;
  const rapt_linear_weights *value_projection;
  /** NULL = none: output is then the heads side by side. */
  const rapt_linear_weights *output_projection;
  /** (batch, query_len, query_projection.in_features), f32, f16 or bf16. */
  rapt_tensor query;
  /** (batch, kv_len, key_projection.in_features), f32, f16 or bf16. */
  rapt_tensor key;
  /** (batch, kv_len, value_projection.in_features), f32, f16 or bf16. */
  rapt_tensor value;
  /** (batch, query_len, output_projection.out_features, or query_heads * value_dim without one), f32, f16 or bf16,
   * written. */
  rapt_tensor output;
  /** Optional (batch, query_heads, query_len, kv_len), bool, true = attend (torch.nn.MultiheadAttention: inverted). */
  rapt_tensor mask;
  /** Optional (batch, query_heads, query_len, kv_len), f32, f16 or bf16, added. */
  rapt_tensor bias;
  /** Optional (batch, kv_len), bool, true = padding, ignored (as torch.nn.MultiheadAttention defines it). */
  rapt_tensor key_padding_mask;
  /** Optional, both or neither: (kv_heads * head_dim) and (kv_heads * value_dim), f32, appended after projection. */
  rapt_tensor bias_key;
  rapt_tensor bias_value;
  /** As in rapt_sdpa. */
  rapt_tensor alibi_slopes;
  rapt_tensor sinks;
  rapt_tensor lse;
  /** Optional (batch, query_heads, query_len, total_len), f32, written. */
  rapt_tensor weights;
  void *scratch;
  int64_t scratch_size;
  int64_t batch;
  int64_t query_heads;
  int64_t kv_heads;
  int64_t query_len;
  int64_t kv_len;
  rapt_sdpa_options options;
  int32_t mha_flags;
  /** 0. */
  int32_t reserved;
  /** CUDA: where to enqueue; NULL = run and wait. CPU: NULL. */
  rapt_stream *stream;
} rapt_mha;

RAPT_API rapt_status rapt_mha_plan(const rapt_context *context, const rapt_mha *call, rapt_plan *plan,
                                   rapt_error *error);
RAPT_API rapt_status rapt_mha_run(rapt_context *context, const rapt_mha *call, rapt_error *error);
/** See rapt_sdpa_run_held. */
RAPT_API rapt_status rapt_mha_run_held(rapt_context *context, const rapt_mha *call, rapt_error *error,
                                       const void *query, const void *key, const void *value, const void *output,
                                       const void *mask, const void *bias, const void *key_padding_mask,
                                       const void *bias_key, const void *bias_value, const void *alibi_slopes,
                                       const void *sinks, const void *lse, const void *weights);

#ifdef __cplusplus
}
#endif

#endif /* RAPT_RAPT_H */
