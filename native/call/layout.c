// SPDX-License-Identifier: Apache-2.0
// The ABI's layouts, twice: as assertions that stop a build which would change them, and as the report that bindings
// compare themselves with at run time. The structs of operations are asserted beside their tables and reported from
// them; all other structs are here.
#include <stddef.h>
#include <string.h>

#include "call/operation.h"

// clang-format off
_Static_assert(sizeof(rapt_error) == 512, "ABI: sizeof(rapt_error)");
_Static_assert(sizeof(rapt_capabilities) == 400, "ABI: sizeof(rapt_capabilities)");
_Static_assert(sizeof(rapt_context_options) == 48, "ABI: sizeof(rapt_context_options)");
_Static_assert(sizeof(rapt_context_info) == 160, "ABI: sizeof(rapt_context_info)");
_Static_assert(sizeof(rapt_tensor) == 64, "ABI: sizeof(rapt_tensor)");
_Static_assert(sizeof(rapt_head) == 32, "ABI: sizeof(rapt_head)");
_Static_assert(sizeof(rapt_plan) == 384, "ABI: sizeof(rapt_plan)");
_Static_assert(sizeof(rapt_sdpa_options) == 72, "ABI: sizeof(rapt_sdpa_options)");
_Static_assert(sizeof(rapt_linear_parameters) == 224, "ABI: sizeof(rapt_linear_parameters)");
_Static_assert(offsetof(rapt_tensor, dtype) == 56, "ABI: rapt_tensor.dtype");
_Static_assert(offsetof(rapt_head, stream) == 24, "ABI: rapt_head.stream");

typedef struct field {
  const char *struct_name;
  const char *name;
  int64_t offset;
} field;

#define FIELD(s, f) {#s, #f, offsetof(s, f)}
#define TENSOR(s, f) FIELD(s, f), FIELD(s, f.data), FIELD(s, f.stride), FIELD(s, f.dtype), FIELD(s, f.reserved)

static const field plain_fields[] = {
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
  FIELD(rapt_capabilities, cuda_reason),
  FIELD(rapt_capabilities, l1_bytes),
  FIELD(rapt_capabilities, l2_bytes),
  FIELD(rapt_capabilities, l3_bytes),
  FIELD(rapt_context_options, struct_size),
  FIELD(rapt_context_options, device),
  FIELD(rapt_context_options, ordinal),
  FIELD(rapt_context_options, threads),
  FIELD(rapt_context_options, isa),
  FIELD(rapt_context_options, cuda_library),
  FIELD(rapt_context_options, affinity),
  FIELD(rapt_context_options, cuda_context),
  FIELD(rapt_context_options, cuda_selfcheck),
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
  FIELD(rapt_head, struct_size),
  FIELD(rapt_head, scratch),
  FIELD(rapt_head, scratch_size),
  FIELD(rapt_head, stream),
  FIELD(rapt_plan, struct_size),
  FIELD(rapt_plan, scratch_size),
  FIELD(rapt_plan, supported),
  FIELD(rapt_plan, isa),
  FIELD(rapt_plan, threads),
  FIELD(rapt_plan, reserved),
  FIELD(rapt_plan, name),
  FIELD(rapt_plan, reason),
  FIELD(rapt_sdpa_options, position),
  FIELD(rapt_sdpa_options, window_left),
  FIELD(rapt_sdpa_options, window_right),
  FIELD(rapt_sdpa_options, scale),
  FIELD(rapt_sdpa_options, softcap),
  FIELD(rapt_sdpa_options, flags),
  FIELD(rapt_sdpa_options, weights_stage),
  FIELD(rapt_sdpa_options, reserved),
  FIELD(rapt_linear_parameters, struct_size),
  TENSOR(rapt_linear_parameters, weight),
  TENSOR(rapt_linear_parameters, bias),
  FIELD(rapt_linear_parameters, in_features),
  FIELD(rapt_linear_parameters, out_features),
  TENSOR(rapt_linear_parameters, scale),
  FIELD(rapt_linear_parameters, input_quantization),
  FIELD(rapt_linear_parameters, reserved),
};

static const struct {
  const char *name;
  int64_t size;
} plain_structs[] = {
  {"rapt_error", sizeof(rapt_error)},
  {"rapt_capabilities", sizeof(rapt_capabilities)},
  {"rapt_context_options", sizeof(rapt_context_options)},
  {"rapt_context_info", sizeof(rapt_context_info)},
  {"rapt_tensor", sizeof(rapt_tensor)},
  {"rapt_head", sizeof(rapt_head)},
  {"rapt_plan", sizeof(rapt_plan)},
  {"rapt_sdpa_options", sizeof(rapt_sdpa_options)},
  {"rapt_linear_parameters", sizeof(rapt_linear_parameters)},
};
// clang-format on

static const rapt_operation *operation_of_struct(const char *name) {
  for (int32_t number = 0; number < RAPT_OPERATIONS; number++) {
    const rapt_operation *operation = rapt_operation_of(number);
    if (strcmp(operation->struct_name, name) == 0) return operation;
  }
  return NULL;
}

int64_t rapt_struct_size(const char *struct_name) {
  if (struct_name == NULL) return -1;
  for (size_t i = 0; i < sizeof plain_structs / sizeof plain_structs[0]; i++) {
    if (strcmp(plain_structs[i].name, struct_name) == 0) return plain_structs[i].size;
  }
  const rapt_operation *operation = operation_of_struct(struct_name);
  return operation != NULL ? (int64_t)operation->struct_size : -1;
}

static int64_t plain_offset(const char *struct_name, const char *name) {
  for (size_t i = 0; i < sizeof plain_fields / sizeof plain_fields[0]; i++) {
    if (strcmp(plain_fields[i].struct_name, struct_name) == 0 && strcmp(plain_fields[i].name, name) == 0) {
      return plain_fields[i].offset;
    }
  }
  return -1;
}

// A field of a struct inside a struct, "query.dtype" for one: where `name` is `outer` or a part of it.
static int64_t nested_offset(const char *outer, int64_t offset, const char *type, const char *name) {
  size_t length = strlen(outer);
  if (strncmp(name, outer, length) != 0) return -1;
  if (name[length] == 0) return offset;
  int64_t inner = name[length] == '.' ? plain_offset(type, name + length + 1) : -1;
  return inner < 0 ? -1 : offset + inner;
}

static int64_t operation_offset(const rapt_operation *operation, const char *name) {
  int64_t offset = nested_offset("head", 0, "rapt_head", name);
  for (const rapt_operand *o = operation->operands; offset < 0 && o->name != NULL; o++) {
    offset = nested_offset(o->name, o->offset, "rapt_tensor", name);
  }
  for (const rapt_dimension *d = operation->dimensions; offset < 0 && d->name != NULL; d++) {
    if (strcmp(d->name, name) == 0) offset = d->offset;
  }
  for (const rapt_weights_operand *w = operation->weights; offset < 0 && w != NULL && w->name != NULL; w++) {
    if (strcmp(w->name, name) == 0) offset = w->offset;
  }
  for (const rapt_field *f = operation->fields; offset < 0 && f->name != NULL; f++) {
    if (strcmp(f->name, name) == 0) offset = f->offset;
  }
  return offset;
}

int64_t rapt_field_offset(const char *struct_name, const char *field_name) {
  if (struct_name == NULL || field_name == NULL) return -1;
  const rapt_operation *operation = operation_of_struct(struct_name);
  return operation != NULL ? operation_offset(operation, field_name) : plain_offset(struct_name, field_name);
}
