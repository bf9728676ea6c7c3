// SPDX-License-Identifier: Apache-2.0
// What the library says about its structs' layouts is what this compiler sees, and the list is complete: each field
// begins where the one before ends, so a field missing here, or padding in the header, shows. For the operations the
// library answers from its operand tables, which are checked by this too.
#include <rapt/rapt.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "support/check.h"

typedef struct field {
  const char *name;
  size_t offset;
  size_t size;
  // The struct that the field is, whose own fields are named behind a dot; NULL where it is none.
  const char *type;
} field;

#define FIELD(type, name, of) \
  { #name, offsetof(type, name), sizeof(((type *)0)->name), of }
#define F(name) FIELD(STRUCT_TYPE, name, NULL)
#define TENSOR(name) FIELD(STRUCT_TYPE, name, "rapt_tensor")
#define HEAD FIELD(STRUCT_TYPE, head, "rapt_head")
#define OPTIONS FIELD(STRUCT_TYPE, options, "rapt_sdpa_options")

#define STRUCT_TYPE rapt_error
static const field error_fields[] = {F(struct_size), F(status), F(device_code), F(message)};
#undef STRUCT_TYPE

#define STRUCT_TYPE rapt_capabilities
static const field capabilities_fields[] = {F(struct_size), F(abi_version), F(logical_cpus), F(default_isa),
                                            F(best_isa),    F(version),     F(cpu_name),     F(cuda_reason),
                                            F(l1_bytes),    F(l2_bytes),    F(l3_bytes)};
#undef STRUCT_TYPE

#define STRUCT_TYPE rapt_context_options
static const field context_options_fields[] = {
    F(struct_size),  F(device),   F(ordinal),      F(threads),        F(isa),
    F(cuda_library), F(affinity), F(cuda_context), F(cuda_selfcheck), F(reserved)};
#undef STRUCT_TYPE

#define STRUCT_TYPE rapt_context_info
static const field context_info_fields[] = {F(struct_size),        F(device),         F(ordinal), F(threads), F(isa),
                                            F(compute_capability), F(driver_version), F(name)};
#undef STRUCT_TYPE

#define STRUCT_TYPE rapt_tensor
static const field tensor_fields[] = {F(data), F(stride), F(dtype), F(reserved)};
#undef STRUCT_TYPE

#define STRUCT_TYPE rapt_head
static const field head_fields[] = {F(struct_size), F(scratch), F(scratch_size), F(stream)};
#undef STRUCT_TYPE

#define STRUCT_TYPE rapt_plan
static const field plan_fields[] = {
    F(struct_size), F(scratch_size), F(supported), F(isa), F(threads), F(reserved), F(name), F(reason),
};
#undef STRUCT_TYPE

#define STRUCT_TYPE rapt_sdpa_options
static const field sdpa_options_fields[] = {
    F(position), F(window_left), F(window_right), F(scale), F(softcap), F(flags), F(weights_stage), F(reserved),
};
#undef STRUCT_TYPE

#define STRUCT_TYPE rapt_sdpa
static const field sdpa_fields[] = {
    HEAD,
    TENSOR(query),
    TENSOR(key),
    TENSOR(key_scale),
    TENSOR(value),
    TENSOR(value_scale),
    TENSOR(output),
    TENSOR(mask),
    TENSOR(bias),
    TENSOR(alibi_slopes),
    TENSOR(sinks),
    TENSOR(lse),
    TENSOR(weights),
    TENSOR(positions),
    F(batch),
    F(query_heads),
    F(kv_heads),
    F(query_len),
    F(kv_len),
    F(head_dim),
    F(value_dim),
    F(key_scale_groups),
    F(value_scale_groups),
    OPTIONS,
    TENSOR(key_lengths),
    TENSOR(query_starts),
    TENSOR(key_starts),
    TENSOR(page_table),
    F(total_queries),
    F(total_keys),
    F(pages),
    F(page_size),
    F(max_pages),
};
#undef STRUCT_TYPE

#define STRUCT_TYPE rapt_rope
static const field rope_fields[] = {
    HEAD,     TENSOR(input), TENSOR(output), TENSOR(cosine), TENSOR(sine),    TENSOR(positions), F(batch),
    F(heads), F(length),     F(head_dim),    F(rotary_dim),  F(table_length), F(flags),          F(reserved),
};
#undef STRUCT_TYPE

#define STRUCT_TYPE rapt_linear_parameters
static const field linear_parameters_fields[] = {F(struct_size),  TENSOR(weight), TENSOR(bias),          F(in_features),
                                                 F(out_features), TENSOR(scale),  F(input_quantization), F(reserved)};
#undef STRUCT_TYPE

#define STRUCT_TYPE rapt_linear
static const field linear_fields[] = {HEAD, F(weights), TENSOR(input), TENSOR(output), F(batch), F(rows)};
#undef STRUCT_TYPE

#define STRUCT_TYPE rapt_mha
static const field mha_fields[] = {
    HEAD,
    F(query_projection),
    F(key_projection),
    F(value_projection),
    F(output_projection),
    TENSOR(query),
    TENSOR(key),
    TENSOR(value),
    TENSOR(output),
    TENSOR(mask),
    TENSOR(bias),
    TENSOR(key_padding_mask),
    TENSOR(bias_key),
    TENSOR(bias_value),
    TENSOR(alibi_slopes),
    TENSOR(sinks),
    TENSOR(lse),
    TENSOR(weights),
    TENSOR(positions),
    F(batch),
    F(query_heads),
    F(kv_heads),
    F(query_len),
    F(kv_len),
    OPTIONS,
    F(mha_flags),
    F(reserved),
};
#undef STRUCT_TYPE

#define STRUCT(type, fields) \
  { #type, sizeof(type), fields, sizeof fields / sizeof fields[0] }
typedef struct described {
  const char *name;
  size_t size;
  const field *fields;
  size_t count;
} described;

static const described structs[] = {
    STRUCT(rapt_error, error_fields),
    STRUCT(rapt_capabilities, capabilities_fields),
    STRUCT(rapt_context_options, context_options_fields),
    STRUCT(rapt_context_info, context_info_fields),
    STRUCT(rapt_tensor, tensor_fields),
    STRUCT(rapt_head, head_fields),
    STRUCT(rapt_plan, plan_fields),
    STRUCT(rapt_sdpa_options, sdpa_options_fields),
    STRUCT(rapt_linear_parameters, linear_parameters_fields),
    STRUCT(rapt_sdpa, sdpa_fields),
    STRUCT(rapt_rope, rope_fields),
    STRUCT(rapt_linear, linear_fields),
    STRUCT(rapt_mha, mha_fields),
};
enum { STRUCTS = sizeof structs / sizeof structs[0] };

static const described *struct_of(const char *name) {
  for (int i = 0; i < STRUCTS; i++) {
    if (!strcmp(structs[i].name, name)) return &structs[i];
  }
  check_abort("the test knows no %s", name);
}

// The fields of a field that is a struct, "query.dtype" for one; and what is no name of any.
static void check_nested(const described *s, const field *outer) {
  const described *inner = struct_of(outer->type);
  char path[96];
  CHECK(inner->size == outer->size, "%s.%s has %zu bytes, a %s %zu", s->name, outer->name, outer->size, inner->name,
        inner->size);
  for (size_t i = 0; i < inner->count; i++) {
    snprintf(path, sizeof path, "%s.%s", outer->name, inner->fields[i].name);
    int64_t expected = (int64_t)(outer->offset + inner->fields[i].offset), got = rapt_field_offset(s->name, path);
    CHECK(got == expected, "%s.%s: expected offset %lld, got %lld", s->name, path, (long long)expected, (long long)got);
  }
  static const char *const wrong[] = {"%s.", "%s.no_such_field", "%sdata", "%s.data.data", ".%s"};
  for (int i = 0; i < 5; i++) {
    snprintf(path, sizeof path, wrong[i], outer->name);
    CHECK(rapt_field_offset(s->name, path) == -1, "%s.%s has an offset", s->name, path);
  }
}

static void check_struct(const described *s) {
  CHECK(rapt_struct_size(s->name) == (int64_t)s->size, "%s: expected size %zu, got %lld", s->name, s->size,
        (long long)rapt_struct_size(s->name));
  size_t end = 0;
  for (size_t i = 0; i < s->count; i++) {
    const field *f = &s->fields[i];
    int64_t offset = rapt_field_offset(s->name, f->name);
    CHECK(offset == (int64_t)f->offset, "%s.%s: expected offset %zu, got %lld", s->name, f->name, f->offset,
          (long long)offset);
    CHECK(f->offset == end, "%s.%s begins at %zu, the field before it ends at %zu", s->name, f->name, f->offset, end);
    end = f->offset + f->size;
    if (f->type != NULL) check_nested(s, f);
  }
  CHECK(end == s->size, "%s ends at %zu, its last field at %zu", s->name, s->size, end);
  CHECK(rapt_field_offset(s->name, "no_such_field") == -1, "%s.no_such_field has an offset", s->name);
  CHECK(rapt_field_offset(s->name, "") == -1, "%s's empty field has an offset", s->name);
  CHECK(rapt_field_offset(s->name, NULL) == -1, "%s's NULL field has an offset", s->name);
}

int main(void) {
  check_start();
  for (int i = 0; i < STRUCTS; i++) check_struct(&structs[i]);
  CHECK(rapt_struct_size("rapt_context") == -1, "an opaque type has a size");
  CHECK(rapt_struct_size("") == -1, "the empty name has a size");
  CHECK(rapt_struct_size(NULL) == -1, "NULL has a size");
  CHECK(rapt_field_offset(NULL, "data") == -1, "a field of NULL has an offset");
  CHECK(rapt_field_offset("no_such_struct", "data") == -1, "a field of an unknown struct has an offset");
  CHECK(rapt_abi_version() == RAPT_ABI_VERSION, "expected ABI %d, got %d", RAPT_ABI_VERSION, rapt_abi_version());
  return check_finish("layout_test");
}
