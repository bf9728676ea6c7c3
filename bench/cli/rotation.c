// SPDX-License-Identifier: Apache-2.0
#include "rotation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "cli.h"
#include "cuda.h"
#include "machine.h"
#include "memory.h"
#include "problem.h"
#include "storage.h"

enum { MAX_COPIES = 64, CHECKED_TOKENS = 64 };

static int64_t rotary_of(const rotation_problem *p) { return p->rotary_dim ? p->rotary_dim : p->head_dim; }

static double tensor_bytes(const rotation_problem *p) {
  return (double)p->batch * (double)p->length * (double)p->heads * (double)p->head_dim *
         (double)storage_bytes(dtype_values[p->dtype]);
}

double rotation_bytes(const rotation_problem *p) {
  // In place what is not turned is not touched.
  double share = p->in_place ? (double)rotary_of(p) / (double)p->head_dim : 1;
  return 2 * share * tensor_bytes(p) + (double)p->length * (double)rotary_of(p) * sizeof(float) +
         (double)p->batch * (double)p->length * sizeof(int64_t);
}

double rotation_flops(const rotation_problem *p) {
  return 3 * (double)p->batch * (double)p->length * (double)p->heads * (double)rotary_of(p);
}

int64_t rotation_cold_copies(const rotation_problem *p, const device *on) {
  double one = tensor_bytes(p) * (p->in_place ? 1 : 2), wanted = 4 * (double)last_cache_bytes(on);
  int64_t copies = 1;
  while (copies < MAX_COPIES && (double)copies * one < wanted && (double)(copies + 1) * one <= 0x1p31) copies++;
  return copies;
}

static int out_of_memory(const char *what) {
  cli_fail("no memory for %s", what);
  return 0;
}

// Angles as a model has them, so that a row keeps its length however often it is turned.
static void fill_table(rotation *r, int64_t pairs) {
  for (size_t i = 0; i < r->table_count; i++) {
    double position = (double)(i / (size_t)pairs), pair = (double)(i % (size_t)pairs);
    double angle = position * pow(10000, -pair / (double)pairs);
    r->cosine[i] = (float)cos(angle);
    r->sine[i] = (float)sin(angle);
  }
}

static int open_host(rotation *r, const rotation_problem *p) {
  int64_t length = p->length, tokens = p->batch * length;
  r->input = memory_take(r->count * r->width);
  r->cosine = malloc(r->table_count * sizeof(float));
  r->sine = malloc(r->table_count * sizeof(float));
  r->positions = malloc((size_t)tokens * sizeof(int64_t));
  if (r->input == NULL || r->cosine == NULL || r->sine == NULL || r->positions == NULL) {
    return out_of_memory("rows and angles");
  }
  storage_fill_random(r->input, r->count, 1, 1, r->call.input.dtype);
  fill_table(r, rotary_of(p) / 2);
  for (int64_t i = 0; i < tokens; i++) r->positions[i] = i % length;
  return 1;
}

static void *copies_of(const rotation *r) {
  size_t bytes = r->count * r->width;
  char *memory = memory_take(bytes * (size_t)r->copies);
  if (memory == NULL) return NULL;
  for (int64_t c = 0; c < r->copies; c++) memcpy(memory + (size_t)c * bytes, r->input, bytes);
  return memory;
}

static int place(rotation *r, const rotation_problem *p) {
  size_t bytes = r->count * r->width * (size_t)r->copies, table = r->table_count * sizeof(float);
  if ((r->rows = copies_of(r)) == NULL || (!p->in_place && (r->result = copies_of(r)) == NULL)) {
    return out_of_memory("copies of the rows");
  }
  if (!r->on->cuda) {
    r->cosine_at = r->cosine;
    r->sine_at = r->sine;
    r->positions_at = r->positions;
    return 1;
  }
  void *rows = r->rows, *result = r->result;
  r->rows = cuda_copy_of(r->on, rows, bytes);
  r->result = result != NULL ? cuda_copy_of(r->on, result, bytes) : NULL;
  memory_give_back(rows, bytes);
  memory_give_back(result, bytes);
  r->cosine_at = cuda_copy_of(r->on, r->cosine, table);
  r->sine_at = cuda_copy_of(r->on, r->sine, table);
  r->positions_at = cuda_copy_of(r->on, r->positions, (size_t)(p->batch * p->length) * sizeof(int64_t));
  return r->rows != NULL && (p->in_place || r->result != NULL) && r->cosine_at != NULL && r->sine_at != NULL &&
         r->positions_at != NULL;
}

int rotation_open(rotation *r, const rotation_problem *p, int64_t copies, const device *on) {
  int64_t rotary = rotary_of(p), row = p->heads * p->head_dim;
  rapt_tensor rows = {.stride = {p->length * row, p->head_dim, row, 1}, .dtype = dtype_values[p->dtype]};
  rapt_tensor angles = {.stride = {rotary / 2, 1}, .dtype = RAPT_F32};
  *r = (rotation){.copies = copies, .on = on, .width = storage_bytes(rows.dtype)};
  r->count = (size_t)(p->batch * p->length * row);
  r->table_count = (size_t)(p->length * rotary / 2);
  r->call = (rapt_rope){.head = {.struct_size = sizeof r->call},
                        .input = rows,
                        .output = rows,
                        .cosine = angles,
                        .sine = angles,
                        .positions = {.stride = {p->length, 1}, .dtype = RAPT_I64},
                        .batch = p->batch,
                        .heads = p->heads,
                        .length = p->length,
                        .head_dim = p->head_dim,
                        .rotary_dim = rotary,
                        .table_length = p->length,
                        .flags = p->interleaved ? RAPT_ROPE_INTERLEAVED : 0};
  if (!open_host(r, p) || !place(r, p)) {
    rotation_close(r);
    return 0;
  }
  r->call.cosine.data = r->cosine_at;
  r->call.sine.data = r->sine_at;
  r->call.positions.data = r->positions_at;
  r->call.input.data = r->rows;
  r->call.output.data = p->in_place ? r->rows : r->result;
  return 1;
}

void rotation_close(rotation *r) {
  size_t bytes = r->count * r->width;
  if (r->on != NULL && r->on->cuda) {
    cuda_give_back(r->on, r->rows);
    cuda_give_back(r->on, r->result);
    cuda_give_back(r->on, r->cosine_at);
    cuda_give_back(r->on, r->sine_at);
    cuda_give_back(r->on, r->positions_at);
  } else {
    memory_give_back(r->rows, bytes * (size_t)r->copies);
    memory_give_back(r->result, bytes * (size_t)r->copies);
  }
  memory_give_back(r->input, bytes);
  free(r->cosine);
  free(r->sine);
  free(r->positions);
  *r = (rotation){0};
}

int rotation_run(void *rotation_state) {
  rotation *r = rotation_state;
  size_t offset = (size_t)(r->turn++ % r->copies) * r->count * r->width;
  rapt_rope call = r->call;
  rapt_error error = {.struct_size = sizeof error};
  call.input.data = (char *)r->rows + offset;
  call.output.data = (char *)(r->result != NULL ? r->result : r->rows) + offset;
  if (rapt_rope_run(r->on->context, &call, &error) != RAPT_OK) {
    cli_fail("%s", error.message);
    return 0;
  }
  return 1;
}

static void check_row(const rotation *r, const void *output, int64_t token, int64_t head, check *out) {
  const rapt_rope *c = &r->call;
  int64_t row = (token * c->heads + head) * c->head_dim, pairs = c->rotary_dim / 2;
  const float *cosine = r->cosine + r->positions[token] * pairs, *sine = r->sine + r->positions[token] * pairs;
  for (int64_t i = 0; i < pairs; i++) {
    int64_t first = row + (c->flags ? 2 * i : i), second = c->flags ? first + 1 : first + pairs;
    double a = (double)storage_load(r->input, first, c->input.dtype);
    double b = (double)storage_load(r->input, second, c->input.dtype);
    double x = (double)cosine[i], y = (double)sine[i];
    check_note(out, (double)storage_load(output, first, c->output.dtype), x * a - y * b, c->output.dtype);
    check_note(out, (double)storage_load(output, second, c->output.dtype), y * a + x * b, c->output.dtype);
  }
  for (int64_t i = row + c->rotary_dim; i < row + c->head_dim; i++) {
    check_note(out, (double)storage_load(output, i, c->output.dtype), (double)storage_load(r->input, i, c->input.dtype),
               c->output.dtype);
  }
  out->rows++;
}

int rotation_check(rotation *r, check *out) {
  int64_t tokens = r->call.batch * r->call.length, heads = r->call.heads;
  *out = (check){.allowed = CHECK_ALLOWED, .rows_total = tokens * heads, .against = "plain double"};
  const void *output = r->result != NULL ? r->result : r->rows;
  void *fetched = NULL;
  if (r->on->cuda) {
    fetched = malloc(r->count * r->width);
    if (fetched == NULL || !cuda_fetch(r->on, fetched, output, r->count * r->width)) {
      free(fetched);
      return fetched != NULL ? 0 : out_of_memory("the result");
    }
    output = fetched;
  }
  // Spread over all tokens, the last one among them.
  int64_t step = tokens > CHECKED_TOKENS ? tokens / CHECKED_TOKENS : 1;
  for (int64_t token = (tokens - 1) % step; token < tokens; token += step) {
    for (int64_t head = 0; head < heads; head++) check_row(r, output, token, head, out);
  }
  out->passed = out->difference <= out->allowed;
  free(fetched);
  return 1;
}
