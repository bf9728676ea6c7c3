// SPDX-License-Identifier: Apache-2.0
#include "send.h"

#include <inttypes.h>

#include "support/check.h"

typedef struct named {
  const char *name;
  const array *array;
} named;

// The first of them with the same memory.
static const char *owner(const named *all, int n) {
  for (int i = 0; i < n; i++) {
    if (all[i].array->data != NULL && all[i].array->start == all[n].array->start) return all[i].name;
  }
  return all[n].name;
}

static void send_array(FILE *to, const named *all, int n) {
  static const char *const types[] = {"f32", "f16", "bf16", "i8", "i64", "bool"};
  const array *a = all[n].array;
  if (a->data == NULL) return;
  const char *in = owner(all, n);
  fprintf(to, "%s %s", all[n].name, types[a->type]);
  for (int d = 0; d < 4; d++) fprintf(to, " %" PRId64, a->size[d]);
  for (int d = 0; d < 4; d++) fprintf(to, " %" PRId64, a->stride[d]);
  fprintf(to, " %zu %zu %s\n", (size_t)((const unsigned char *)a->data - a->start), a->bytes, in);
  if (in == all[n].name && fwrite(a->start, 1, a->bytes, to) != a->bytes) check_abort("nobody reads what is sent");
}

static void send_arrays(FILE *to, const named *all, int count) {
  for (int n = 0; n < count; n++) send_array(to, all, n);
  fprintf(to, "\n");
}

#define SEND(to, all) send_arrays(to, all, (int)(sizeof(all) / sizeof(all)[0]))

void sdpa_send(FILE *to, const sdpa_problem *p) {
  const named all[] = {
      {"query", &p->query},          {"key", &p->key},
      {"value", &p->value},          {"output", &p->output},
      {"key_scale", &p->key_scale},  {"value_scale", &p->value_scale},
      {"mask", &p->around.mask},     {"bias", &p->around.bias},
      {"slopes", &p->around.slopes}, {"sinks", &p->around.sinks},
      {"lse", &p->around.lse},       {"weights", &p->around.weights},
  };
  SEND(to, all);
}

void mha_send(FILE *to, const mha_problem *p) {
  const named all[] = {
      {"query", &p->query},
      {"key", &p->key},
      {"value", &p->value},
      {"output", &p->output},
      {"padding_mask", &p->padding_mask},
      {"bias_key", &p->bias_key},
      {"bias_value", &p->bias_value},
      {"query_weight", &p->weight[PROJECTION_QUERY]},
      {"key_weight", &p->weight[PROJECTION_KEY]},
      {"value_weight", &p->weight[PROJECTION_VALUE]},
      {"output_weight", &p->weight[PROJECTION_OUTPUT]},
      {"query_bias", &p->weight_bias[PROJECTION_QUERY]},
      {"key_bias", &p->weight_bias[PROJECTION_KEY]},
      {"value_bias", &p->weight_bias[PROJECTION_VALUE]},
      {"output_bias", &p->weight_bias[PROJECTION_OUTPUT]},
      {"mask", &p->around.mask},
      {"bias", &p->around.bias},
      {"slopes", &p->around.slopes},
      {"sinks", &p->around.sinks},
      {"lse", &p->around.lse},
      {"weights", &p->around.weights},
  };
  SEND(to, all);
}

void linear_send(FILE *to, const linear_problem *p) {
  const named all[] = {
      {"weight", &p->weight},
      {"bias", &p->bias_vector},
      {"input", &p->input},
      {"output", &p->output},
  };
  SEND(to, all);
}

void rope_send(FILE *to, const rope_problem *p) {
  const named all[] = {
      {"input", &p->input}, {"output", &p->output},      {"cosine", &p->cosine},
      {"sine", &p->sine},   {"positions", &p->position},
  };
  SEND(to, all);
}

void gelu_send(FILE *to, const gelu_problem *p) {
  const named all[] = {{"input", &p->input}, {"output", &p->output}};
  SEND(to, all);
}

void norm_send(FILE *to, const norm_problem *p) {
  const named all[] = {
      {"input", &p->input}, {"residual", &p->added}, {"weight", &p->weights},
      {"bias", &p->biases}, {"output", &p->output},
  };
  SEND(to, all);
}
