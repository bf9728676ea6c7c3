// SPDX-License-Identifier: Apache-2.0
// The ABI's layouts, twice: as assertions that stop a build which would change them, and as a table that bindings
// compare themselves with at run time.
#include <stddef.h>
#include <string.h>

#include "rapt/rapt.h"

// clang-format off
_Static_assert(sizeof(rapt_error) == 512, "ABI: sizeof(rapt_error)");
_Static_assert(sizeof(rapt_capabilities) == 760, "ABI: sizeof(rapt_capabilities)");
_Static_assert(sizeof(rapt_context_options) == 40, "ABI: sizeof(rapt_context_options)");
_Static_assert(sizeof(rapt_context_info) == 160, "ABI: sizeof(rapt_context_info)");
_Static_assert(sizeof(rapt_tensor) == 48, "ABI: sizeof(rapt_tensor)");
_Static_assert(sizeof(rapt_plan) == 384, "ABI: sizeof(rapt_plan)");
_Static_assert(sizeof(rapt_attention_options) == 72, "ABI: sizeof(rapt_attention_options)");
_Static_assert(sizeof(rapt_attention) == 752, "ABI: sizeof(rapt_attention)");
_Static_assert(sizeof(rapt_rope) == 312, "ABI: sizeof(rapt_rope)");
_Static_assert(sizeof(rapt_linear_weights) == 120, "ABI: sizeof(rapt_linear_weights)");
_Static_assert(sizeof(rapt_linear_call) == 152, "ABI: sizeof(rapt_linear_call)");
_Static_assert(sizeof(rapt_mha) == 808, "ABI: sizeof(rapt_mha)");
_Static_assert(offsetof(rapt_tensor, stride) == 8, "ABI: rapt_tensor.stride");
_Static_assert(offsetof(rapt_tensor, dtype) == 40, "ABI: rapt_tensor.dtype");
_Static_assert(offsetof(rapt_attention, scratch) == 488, "ABI: rapt_attention.scratch");
_Static_assert(offsetof(rapt_attention, batch) == 504, "ABI: rapt_attention.batch");
_Static_assert(offsetof(rapt_attention, options) == 560, "ABI: rapt_attention.options");
_Static_assert(offsetof(rapt_attention, key_scale) == 640, "ABI: rapt_attention.key_scale");
_Static_assert(offsetof(rapt_rope, batch) == 248, "ABI: rapt_rope.batch");
_Static_assert(offsetof(rapt_mha, options) == 720, "ABI: rapt_mha.options");
_Static_assert(offsetof(rapt_mha, query) == 40, "ABI: rapt_mha.query");
_Static_assert(offsetof(rapt_linear_call, scratch) == 112, "ABI: rapt_linear_call.scratch");
_Static_assert(offsetof(rapt_plan, name) == 32, "ABI: rapt_plan.name");
_Static_assert(offsetof(rapt_error, message) == 16, "ABI: rapt_error.message");
_Static_assert(offsetof(rapt_capabilities, cuda_reason) == 376, "ABI: rapt_capabilities.cuda_reason");
_Static_assert(offsetof(rapt_capabilities, avx512bf16_reason) == 632, "ABI: rapt_capabilities.avx512bf16_reason");

typedef struct field {
  const char *struct_name;
  const char *name;
  int64_t offset;
} field;

#define FIELD(s, f) {#s, #f, offsetof(s, f)}
#define TENSOR(s, f) FIELD(s, f), FIELD(s, f.data), FIELD(s, f.stride), FIELD(s, f.dtype), FIELD(s, f.reserved)
#define OPTIONS(s) \
  FIELD(s, options), FIELD(s, options.offset), FIELD(s, options.window_left), FIELD(s, options.window_right), \
  FIELD(s, options.scale), FIELD(s, options.softcap), FIELD(s, options.flags), FIELD(s, options.weights_stage), \
  FIELD(s, options.reserved)

static const field fields[] = {
  FIELD(rapt_error, struct_size),
  FIELD(rapt_error, status),
  FIELD(rapt_error, device_code),
  FIELD(rapt_error, message),
  FIELD(rapt_capabilities, struct_size),
  FIELD(rapt_capabilities, abi_version),
  FIELD(rapt_capabilities, logical_cpus),
  FIELD(rapt_capabilities, default_isa),
  FIELD(rapt_capabilities, best_isa),
  FIELD(rapt_capabilities, version),
  FIELD(rapt_capabilities, cpu_name),
  FIELD(rapt_capabilities, avx2_reason),
  FIELD(rapt_capabilities, avx512_reason),
  FIELD(rapt_capabilities, cuda_reason),
  FIELD(rapt_capabilities, avx512bf16_reason),
  FIELD(rapt_context_options, struct_size),
  FIELD(rapt_context_options, device),
  FIELD(rapt_context_options, ordinal),
  FIELD(rapt_context_options, threads),
  FIELD(rapt_context_options, isa),
  FIELD(rapt_context_options, cuda_library),
  FIELD(rapt_context_options, affinity),
  FIELD(rapt_context_options, reserved),
  FIELD(rapt_context_info, struct_size),
  FIELD(rapt_context_info, device),
  FIELD(rapt_context_info, ordinal),
  FIELD(rapt_context_info, threads),
  FIELD(rapt_context_info, isa),
  FIELD(rapt_context_info, compute_capability),
  FIELD(rapt_context_info, driver_version),
  FIELD(rapt_context_info, name),
  FIELD(rapt_tensor, data),
  FIELD(rapt_tensor, stride),
  FIELD(rapt_tensor, dtype),
  FIELD(rapt_tensor, reserved),
  FIELD(rapt_plan, struct_size),
  FIELD(rapt_plan, scratch_size),
  FIELD(rapt_plan, supported),
  FIELD(rapt_plan, isa),
  FIELD(rapt_plan, threads),
  FIELD(rapt_plan, reserved),
  FIELD(rapt_plan, name),
  FIELD(rapt_plan, reason),
  FIELD(rapt_attention_options, offset),
  FIELD(rapt_attention_options, window_left),
  FIELD(rapt_attention_options, window_right),
  FIELD(rapt_attention_options, scale),
  FIELD(rapt_attention_options, softcap),
  FIELD(rapt_attention_options, flags),
  FIELD(rapt_attention_options, weights_stage),
  FIELD(rapt_attention_options, reserved),
  FIELD(rapt_attention, struct_size),
  TENSOR(rapt_attention, query),
  TENSOR(rapt_attention, key),
  TENSOR(rapt_attention, value),
  TENSOR(rapt_attention, output),
  TENSOR(rapt_attention, mask),
  TENSOR(rapt_attention, bias),
  TENSOR(rapt_attention, alibi_slopes),
  TENSOR(rapt_attention, sinks),
  TENSOR(rapt_attention, lse),
  TENSOR(rapt_attention, weights),
  FIELD(rapt_attention, scratch),
  FIELD(rapt_attention, scratch_size),
  FIELD(rapt_attention, batch),
  FIELD(rapt_attention, query_heads),
  FIELD(rapt_attention, kv_heads),
  FIELD(rapt_attention, query_len),
  FIELD(rapt_attention, kv_len),
  FIELD(rapt_attention, head_dim),
  FIELD(rapt_attention, value_dim),
  OPTIONS(rapt_attention),
  FIELD(rapt_attention, stream),
  TENSOR(rapt_attention, key_scale),
  TENSOR(rapt_attention, value_scale),
  FIELD(rapt_attention, key_scale_groups),
  FIELD(rapt_attention, value_scale_groups),
  FIELD(rapt_rope, struct_size),
  TENSOR(rapt_rope, input),
  TENSOR(rapt_rope, output),
  TENSOR(rapt_rope, cosine),
  TENSOR(rapt_rope, sine),
  TENSOR(rapt_rope, positions),
  FIELD(rapt_rope, batch),
  FIELD(rapt_rope, heads),
  FIELD(rapt_rope, length),
  FIELD(rapt_rope, head_dim),
  FIELD(rapt_rope, rotary_dim),
  FIELD(rapt_rope, table_length),
  FIELD(rapt_rope, flags),
  FIELD(rapt_rope, reserved),
  FIELD(rapt_rope, stream),
  FIELD(rapt_linear_weights, struct_size),
  TENSOR(rapt_linear_weights, weight),
  TENSOR(rapt_linear_weights, bias),
  FIELD(rapt_linear_weights, in_features),
  FIELD(rapt_linear_weights, out_features),
  FIELD(rapt_linear_call, struct_size),
  FIELD(rapt_linear_call, linear),
  TENSOR(rapt_linear_call, input),
  TENSOR(rapt_linear_call, output),
  FIELD(rapt_linear_call, scratch),
  FIELD(rapt_linear_call, scratch_size),
  FIELD(rapt_linear_call, batch),
  FIELD(rapt_linear_call, rows),
  FIELD(rapt_linear_call, stream),
  FIELD(rapt_mha, struct_size),
  FIELD(rapt_mha, query_projection),
  FIELD(rapt_mha, key_projection),
  FIELD(rapt_mha, value_projection),
  FIELD(rapt_mha, output_projection),
  TENSOR(rapt_mha, query),
  TENSOR(rapt_mha, key),
  TENSOR(rapt_mha, value),
  TENSOR(rapt_mha, output),
  TENSOR(rapt_mha, mask),
  TENSOR(rapt_mha, bias),
  TENSOR(rapt_mha, key_padding_mask),
  TENSOR(rapt_mha, bias_key),
  TENSOR(rapt_mha, bias_value),
  TENSOR(rapt_mha, alibi_slopes),
  TENSOR(rapt_mha, sinks),
  TENSOR(rapt_mha, lse),
  TENSOR(rapt_mha, weights),
  FIELD(rapt_mha, scratch),
  FIELD(rapt_mha, scratch_size),
  FIELD(rapt_mha, batch),
  FIELD(rapt_mha, query_heads),
  FIELD(rapt_mha, kv_heads),
  FIELD(rapt_mha, query_len),
  FIELD(rapt_mha, kv_len),
  OPTIONS(rapt_mha),
  FIELD(rapt_mha, mha_flags),
  FIELD(rapt_mha, reserved),
  FIELD(rapt_mha, stream),
};

static const struct {
  const char *name;
  int64_t size;
} structs[] = {
  {"rapt_error", sizeof(rapt_error)},
  {"rapt_capabilities", sizeof(rapt_capabilities)},
  {"rapt_context_options", sizeof(rapt_context_options)},
  {"rapt_context_info", sizeof(rapt_context_info)},
  {"rapt_tensor", sizeof(rapt_tensor)},
  {"rapt_plan", sizeof(rapt_plan)},
  {"rapt_attention_options", sizeof(rapt_attention_options)},
  {"rapt_attention", sizeof(rapt_attention)},
  {"rapt_rope", sizeof(rapt_rope)},
  {"rapt_linear_weights", sizeof(rapt_linear_weights)},
  {"rapt_linear_call", sizeof(rapt_linear_call)},
  {"rapt_mha", sizeof(rapt_mha)},
};
// clang-format on

int64_t rapt_struct_size(const char *struct_name) {
  for (size_t i = 0; struct_name != NULL && i < sizeof structs / sizeof structs[0]; i++) {
    if (strcmp(structs[i].name, struct_name) == 0) return structs[i].size;
  }
  return -1;
}

int64_t rapt_field_offset(const char *struct_name, const char *field_name) {
  if (struct_name == NULL || field_name == NULL) return -1;
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    if (strcmp(fields[i].struct_name, struct_name) == 0 && strcmp(fields[i].name, field_name) == 0) {
      return fields[i].offset;
    }
  }
  return -1;
}
