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
_Static_assert(sizeof(rapt_sdpa_options) == 72, "ABI: sizeof(rapt_sdpa_options)");
_Static_assert(sizeof(rapt_sdpa) == 752, "ABI: sizeof(rapt_sdpa)");
_Static_assert(sizeof(rapt_rope) == 312, "ABI: sizeof(rapt_rope)");
_Static_assert(sizeof(rapt_linear_parameters) == 120, "ABI: sizeof(rapt_linear_parameters)");
_Static_assert(sizeof(rapt_linear) == 152, "ABI: sizeof(rapt_linear)");
_Static_assert(sizeof(rapt_mha) == 808, "ABI: sizeof(rapt_mha)");
_Static_assert(offsetof(rapt_tensor, stride) == 8, "ABI: rapt_tensor.stride");
_Static_assert(offsetof(rapt_tensor, dtype) == 40, "ABI: rapt_tensor.dtype");
_Static_assert(offsetof(rapt_sdpa, scratch) == 488, "ABI: rapt_sdpa.scratch");
_Static_assert(offsetof(rapt_sdpa, batch) == 504, "ABI: rapt_sdpa.batch");
_Static_assert(offsetof(rapt_sdpa, options) == 560, "ABI: rapt_sdpa.options");
_Static_assert(offsetof(rapt_sdpa, key_scale) == 640, "ABI: rapt_sdpa.key_scale");
_Static_assert(offsetof(rapt_rope, batch) == 248, "ABI: rapt_rope.batch");
_Static_assert(offsetof(rapt_mha, options) == 720, "ABI: rapt_mha.options");
_Static_assert(offsetof(rapt_mha, query) == 40, "ABI: rapt_mha.query");
_Static_assert(offsetof(rapt_linear, scratch) == 112, "ABI: rapt_linear.scratch");
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
  FIELD(rapt_sdpa_options, offset),
  FIELD(rapt_sdpa_options, window_left),
  FIELD(rapt_sdpa_options, window_right),
  FIELD(rapt_sdpa_options, scale),
  FIELD(rapt_sdpa_options, softcap),
  FIELD(rapt_sdpa_options, flags),
  FIELD(rapt_sdpa_options, weights_stage),
  FIELD(rapt_sdpa_options, reserved),
  FIELD(rapt_sdpa, struct_size),
  TENSOR(rapt_sdpa, query),
  TENSOR(rapt_sdpa, key),
  TENSOR(rapt_sdpa, value),
  TENSOR(rapt_sdpa, output),
  TENSOR(rapt_sdpa, mask),
  TENSOR(rapt_sdpa, bias),
  TENSOR(rapt_sdpa, alibi_slopes),
  TENSOR(rapt_sdpa, sinks),
  TENSOR(rapt_sdpa, lse),
  TENSOR(rapt_sdpa, weights),
  FIELD(rapt_sdpa, scratch),
  FIELD(rapt_sdpa, scratch_size),
  FIELD(rapt_sdpa, batch),
  FIELD(rapt_sdpa, query_heads),
  FIELD(rapt_sdpa, kv_heads),
  FIELD(rapt_sdpa, query_len),
  FIELD(rapt_sdpa, kv_len),
  FIELD(rapt_sdpa, head_dim),
  FIELD(rapt_sdpa, value_dim),
  OPTIONS(rapt_sdpa),
  FIELD(rapt_sdpa, stream),
  TENSOR(rapt_sdpa, key_scale),
  TENSOR(rapt_sdpa, value_scale),
  FIELD(rapt_sdpa, key_scale_groups),
  FIELD(rapt_sdpa, value_scale_groups),
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
  FIELD(rapt_linear_parameters, struct_size),
  TENSOR(rapt_linear_parameters, weight),
  TENSOR(rapt_linear_parameters, bias),
  FIELD(rapt_linear_parameters, in_features),
  FIELD(rapt_linear_parameters, out_features),
  FIELD(rapt_linear, struct_size),
  FIELD(rapt_linear, linear),
  TENSOR(rapt_linear, input),
  TENSOR(rapt_linear, output),
  FIELD(rapt_linear, scratch),
  FIELD(rapt_linear, scratch_size),
  FIELD(rapt_linear, batch),
  FIELD(rapt_linear, rows),
  FIELD(rapt_linear, stream),
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
  {"rapt_sdpa_options", sizeof(rapt_sdpa_options)},
  {"rapt_sdpa", sizeof(rapt_sdpa)},
  {"rapt_rope", sizeof(rapt_rope)},
  {"rapt_linear_parameters", sizeof(rapt_linear_parameters)},
  {"rapt_linear", sizeof(rapt_linear)},
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
