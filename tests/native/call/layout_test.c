/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library says about its structs' layouts is what this compiler sees, and the list is complete: each
 * field begins where the one before ends, so a field missing here, or padding in the header, shows.
 */
#include <rapt/rapt.h>
#include <stddef.h>
#include <stdint.h>

#include "support/check.h"

typedef struct field {
  const char *name;
  size_t offset;
  size_t size;
} field;

#define FIELD(type, name) \
  { #name, offsetof(type, name), sizeof(((type *)0)->name) }

#define E(name) FIELD(rapt_error, name)
static const field error_fields[] = {E(struct_size), E(status), E(device_code), E(message)};
#undef E

#define E(name) FIELD(rapt_capabilities, name)
static const field capabilities_fields[] = {
    E(struct_size), E(abi_version), E(logical_cpus),  E(default_isa), E(best_isa),          E(version),
    E(cpu_name),    E(avx2_reason), E(avx512_reason), E(cuda_reason), E(avx512bf16_reason),
};
#undef E

#define E(name) FIELD(rapt_context_options, name)
static const field context_options_fields[] = {E(struct_size), E(device),       E(ordinal),  E(threads),
                                               E(isa),         E(cuda_library), E(affinity), E(reserved)};
#undef E

#define E(name) FIELD(rapt_context_info, name)
static const field context_info_fields[] = {E(struct_size),        E(device),         E(ordinal), E(threads), E(isa),
                                            E(compute_capability), E(driver_version), E(name)};
#undef E

#define E(name) FIELD(rapt_tensor, name)
static const field tensor_fields[] = {E(data), E(stride), E(dtype), E(reserved)};
#undef E

#define E(name) FIELD(rapt_plan, name)
static const field plan_fields[] = {
    E(struct_size), E(scratch_size), E(supported), E(isa), E(threads), E(reserved), E(name), E(reason),
};
#undef E

#define E(name) FIELD(rapt_sdpa_options, name)
static const field attention_options_fields[] = {
    E(offset), E(window_left), E(window_right), E(scale), E(softcap), E(flags), E(weights_stage), E(reserved),
};
#undef E

#define E(name) FIELD(rapt_sdpa, name)
static const field attention_fields[] = {
    E(struct_size),
    E(query),
    E(key),
    E(value),
    E(output),
    E(mask),
    E(bias),
    E(alibi_slopes),
    E(sinks),
    E(lse),
    E(weights),
    E(scratch),
    E(scratch_size),
    E(batch),
    E(query_heads),
    E(kv_heads),
    E(query_len),
    E(kv_len),
    E(head_dim),
    E(value_dim),
    E(options),
    E(stream),
    E(key_scale),
    E(value_scale),
    E(key_scale_groups),
    E(value_scale_groups),
};
#undef E

#define E(name) FIELD(rapt_rope, name)
static const field rope_fields[] = {
    E(struct_size), E(input),    E(output),     E(cosine),       E(sine),  E(positions), E(batch),  E(heads),
    E(length),      E(head_dim), E(rotary_dim), E(table_length), E(flags), E(reserved),  E(stream),
};
#undef E

#define E(name) FIELD(rapt_linear_parameters, name)
static const field linear_weights_fields[] = {E(struct_size), E(weight), E(bias), E(in_features), E(out_features)};
#undef E

#define E(name) FIELD(rapt_linear, name)
static const field linear_call_fields[] = {
    E(struct_size), E(linear), E(input), E(output), E(scratch), E(scratch_size), E(batch), E(rows), E(stream),
};
#undef E

#define E(name) FIELD(rapt_mha, name)
static const field mha_fields[] = {
    E(struct_size),
    E(query_projection),
    E(key_projection),
    E(value_projection),
    E(output_projection),
    E(query),
    E(key),
    E(value),
    E(output),
    E(mask),
    E(bias),
    E(key_padding_mask),
    E(bias_key),
    E(bias_value),
    E(alibi_slopes),
    E(sinks),
    E(lse),
    E(weights),
    E(scratch),
    E(scratch_size),
    E(batch),
    E(query_heads),
    E(kv_heads),
    E(query_len),
    E(kv_len),
    E(options),
    E(mha_flags),
    E(reserved),
    E(stream),
};
#undef E

#define STRUCT(type, fields) \
  { #type, sizeof(type), fields, sizeof fields / sizeof fields[0] }
static const struct {
  const char *name;
  size_t size;
  const field *fields;
  size_t count;
} structs[] = {
    STRUCT(rapt_error, error_fields),
    STRUCT(rapt_capabilities, capabilities_fields),
    STRUCT(rapt_context_options, context_options_fields),
    STRUCT(rapt_context_info, context_info_fields),
    STRUCT(rapt_tensor, tensor_fields),
    STRUCT(rapt_plan, plan_fields),
    STRUCT(rapt_sdpa_options, attention_options_fields),
    STRUCT(rapt_sdpa, attention_fields),
    STRUCT(rapt_rope, rope_fields),
    STRUCT(rapt_linear_parameters, linear_weights_fields),
    STRUCT(rapt_linear, linear_call_fields),
    STRUCT(rapt_mha, mha_fields),
};

static void check_struct(const char *name, size_t size, const field *fields, size_t count) {
  CHECK(rapt_struct_size(name) == (int64_t)size, "%s: expected size %zu, got %lld", name, size,
        (long long)rapt_struct_size(name));
  size_t end = 0;
  for (size_t i = 0; i < count; i++) {
    int64_t offset = rapt_field_offset(name, fields[i].name);
    CHECK(offset == (int64_t)fields[i].offset, "%s.%s: expected offset %zu, got %lld", name, fields[i].name,
          fields[i].offset, (long long)offset);
    CHECK(fields[i].offset == end, "%s.%s begins at %zu, the field before it ends at %zu", name, fields[i].name,
          fields[i].offset, end);
    end = fields[i].offset + fields[i].size;
  }
  CHECK(end == size, "%s ends at %zu, its last field at %zu", name, size, end);
  CHECK(rapt_field_offset(name, "no_such_field") == -1, "%s.no_such_field has an offset", name);
  CHECK(rapt_field_offset(name, "") == -1, "%s's empty field has an offset", name);
  CHECK(rapt_field_offset(name, NULL) == -1, "%s's NULL field has an offset", name);
}

static void check_nested(const char *name, size_t base) {
  for (size_t i = 0; i < sizeof attention_options_fields / sizeof attention_options_fields[0]; i++) {
    char path[64] = "options.";
    size_t used = sizeof "options." - 1;
    for (const char *c = attention_options_fields[i].name; *c; c++) {
      path[used++] = *c;
    }
    int64_t expected = (int64_t)(base + attention_options_fields[i].offset);
    CHECK(rapt_field_offset(name, path) == expected, "%s.%s: expected offset %lld, got %lld", name, path,
          (long long)expected, (long long)rapt_field_offset(name, path));
  }
}

int main(void) {
  check_start();
  for (size_t i = 0; i < sizeof structs / sizeof structs[0]; i++) {
    check_struct(structs[i].name, structs[i].size, structs[i].fields, structs[i].count);
  }
  check_nested("rapt_sdpa", offsetof(rapt_sdpa, options));
  check_nested("rapt_mha", offsetof(rapt_mha, options));
  CHECK(rapt_struct_size("rapt_context") == -1, "an opaque type has a size");
  CHECK(rapt_struct_size("") == -1, "the empty name has a size");
  CHECK(rapt_struct_size(NULL) == -1, "NULL has a size");
  CHECK(rapt_field_offset(NULL, "data") == -1, "a field of NULL has an offset");
  CHECK(rapt_field_offset("no_such_struct", "data") == -1, "a field of an unknown struct has an offset");
  CHECK(rapt_abi_version() == RAPT_ABI_VERSION, "expected ABI %d, got %d", RAPT_ABI_VERSION, rapt_abi_version());
  return check_finish("layout_test");
}
