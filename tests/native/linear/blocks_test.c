// SPDX-License-Identifier: Apache-2.0
// Linear projections whose weights are blocks of q8_0 and q4_0, or i8 with a scale for each output feature, on every
// tier, between guard pages: against the double reference on the weights that these stand for, and bit by bit against
// those weights given as f32.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/contexts.h"
#include "support/guard.h"
#include "support/random.h"
#include "support/reference.h"
#include "support/storage.h"

// layout: 0 dense rows, 1 padded rows, 2 rows back to front, 3 one row for all, and of i8 4 columns, 5 every third
// byte. scales: 0 random, 1 among them zeros, subnormals and large ones, 2 also infinities and NaN.
typedef struct blocks_case {
  int64_t dtype, batch, rows, in, out, storage, layout, scales, guard, seed;
} blocks_case;

enum {
  CASE_FIELDS = sizeof(blocks_case) / sizeof(int64_t),
  LAYOUTS = 4,
  BYTE_LAYOUTS = 6,
  BLOCK = 32,
  SCALE_BYTES = 2
};

static const uint16_t odd_scales[] = {0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x0400,
                                      0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e01, 0xfe00};
enum { FINITE_SCALES = 8, ODD_SCALES = sizeof odd_scales / sizeof odd_scales[0] };
// The same in f32. What is finite here is so in f16 too, or 0.
static const float odd_floats[] = {0.0f,      -0.0f,    0x1p-149f, -0x1p-140f, 0x1.8p-127f, 0x1p-126f,
                                   0x1.8p14f, -0x1p15f, INFINITY,  -INFINITY,  NAN,         -NAN};
_Static_assert(sizeof odd_floats / sizeof *odd_floats == ODD_SCALES, "as many as of f16");

typedef struct problem {
  guard_buffer blocks;
  test_tensor bytes, scale, widened, bias, input, output;
  rapt_linear_parameters parameters, plain;
  rapt_linear call;
} problem;

static int64_t block_bytes(const blocks_case *c) { return SCALE_BYTES + (c->dtype == RAPT_Q8_0 ? BLOCK : BLOCK / 2); }

static int number_of(const blocks_case *c, const unsigned char *numbers, int64_t i) {
  if (c->dtype == RAPT_Q8_0) return (signed char)numbers[i];
  unsigned char pair = numbers[i % (BLOCK / 2)];
  return (i < BLOCK / 2 ? pair & 15 : pair >> 4) - 8;
}

// Bytes in order, so that a few blocks hold every number there is.
static void fill_block(const blocks_case *c, random_state *r, unsigned char *block) {
  uint16_t scale = (uint16_t)(random_between(r, 0x2000, 0x2fff) | random_between(r, 0, 1) << 15);
  if (c->scales > 0 && random_percent(r, 30)) {
    scale = odd_scales[random_between(r, 0, (c->scales == 1 ? FINITE_SCALES : ODD_SCALES) - 1)];
  }
  memcpy(block, &scale, sizeof scale);
  unsigned char first = (unsigned char)random_next(r);
  for (int64_t i = SCALE_BYTES; i < block_bytes(c); i++) block[i] = (unsigned char)(first + i);
}

// Bytes in order, so that a few rows hold every number there is.
static void build_bytes(const blocks_case *c, random_state *r, problem *p) {
  static const int32_t types[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
  int64_t size[2] = {c->out, c->in}, stride[2] = {c->in, 1}, of_scale[1] = {c->seed % 2 == 0 ? 1 : -2};
  if (c->layout == 1) stride[0] += 7;
  if (c->layout == 2) stride[0] = -stride[0];
  if (c->layout == 3) stride[0] = 0;
  if (c->layout == 4) stride[0] = 1, stride[1] = c->out;
  if (c->layout == 5) stride[0] = 3 * c->in, stride[1] = -3;
  test_tensor_place(&p->bytes, RAPT_I8, 2, size, stride, (int)c->guard);
  test_tensor_place(&p->scale, types[c->seed % 3], 1, size, of_scale, (int)c->guard);
  unsigned char first = (unsigned char)random_next(r);
  for (int64_t o = 0; o < c->out; o++) {
    float scale = 0.01f * random_unit(r);
    if (c->scales > 0 && random_percent(r, 30)) {
      scale = odd_floats[random_between(r, 0, (c->scales == 1 ? FINITE_SCALES : ODD_SCALES) - 1)];
    }
    storage_set(p->scale.tensor.data, p->scale.tensor.dtype, o * of_scale[0], scale);
    scale = storage_get(p->scale.tensor.data, p->scale.tensor.dtype, o * of_scale[0]);
    for (int64_t i = 0; i < c->in; i++) {
      int8_t *at = (int8_t *)p->bytes.tensor.data + o * stride[0] + i * stride[1];
      // Where all rows are one, each writes the same.
      *at = (int8_t)(first + i + (stride[0] == 0 ? 0 : 5 * o));
      *tensor_f32(&p->widened.tensor, o, i, 0, 0) = (float)*at * scale;
    }
  }
  p->parameters.weight = p->bytes.tensor;
  p->parameters.scale = p->scale.tensor;
}

static void build_blocks(const blocks_case *c, random_state *r, problem *p) {
  int64_t row_blocks = c->in / BLOCK, step = row_blocks;
  if (c->layout == 1) step = row_blocks + 2;
  if (c->layout == 3) step = 0;
  int64_t bytes = ((c->out - 1) * step + row_blocks) * block_bytes(c);
  unsigned char *first = guard_place(&p->blocks, (size_t)bytes, (int)c->guard);
  for (int64_t at = 0; at < bytes; at += block_bytes(c)) fill_block(c, r, first + at);
  if (c->layout == 2) {
    first += (c->out - 1) * step * block_bytes(c);
    step = -step;
  }
  for (int64_t o = 0; o < c->out; o++) {
    for (int64_t i = 0; i < c->in; i++) {
      const unsigned char *block = first + (o * step + i / BLOCK) * block_bytes(c);
      uint16_t scale;
      memcpy(&scale, block, sizeof scale);
      float number = (float)number_of(c, block + SCALE_BYTES, i % BLOCK);
      *tensor_f32(&p->widened.tensor, o, i, 0, 0) = number * storage_value(RAPT_F16, scale);
    }
  }
  p->parameters.weight = (rapt_tensor){.data = first, .stride = {step * BLOCK, 1}, .dtype = (int32_t)c->dtype};
}

static void build_weight(const blocks_case *c, random_state *r, problem *p) {
  int64_t size[2] = {c->out, c->in}, dense[2] = {c->in, 1};
  test_tensor_place(&p->widened, RAPT_F32, 2, size, dense, 0);
  p->plain = (rapt_linear_parameters){.struct_size = sizeof p->plain,
                                      .weight = p->widened.tensor,
                                      .bias = p->bias.tensor,
                                      .in_features = c->in,
                                      .out_features = c->out};
  p->parameters = p->plain;
  (c->dtype == RAPT_I8 ? build_bytes : build_blocks)(c, r, p);
}

static void fill(test_tensor *t, int rank, random_state *r) {
  int64_t size[3] = {1, 1, 1}, stride[3] = {0};
  for (int d = 0; d < rank; d++) {
    size[3 - rank + d] = t->size[d];
    stride[3 - rank + d] = t->tensor.stride[d];
  }
  for (int64_t i = 0; i < size[0]; i++) {
    for (int64_t j = 0; j < size[1]; j++) {
      for (int64_t k = 0; k < size[2]; k++) {
        storage_set(t->tensor.data, t->tensor.dtype, i * stride[0] + j * stride[1] + k * stride[2], random_unit(r));
      }
    }
  }
}

static void build(const blocks_case *c, problem *p) {
  random_state r = {(uint64_t)c->seed};
  int64_t one[1] = {c->out}, step[1] = {1};
  test_tensor_place(&p->bias, RAPT_F32, 1, one, step, (int)c->guard);
  fill(&p->bias, 1, &r);
  build_weight(c, &r, p);
  int64_t in[3] = {c->batch, c->rows, c->in}, in_stride[3] = {c->rows * c->in, c->in, 1};
  int64_t out[3] = {c->batch, c->rows, c->out}, out_stride[3] = {c->rows * c->out, c->out, 1};
  test_tensor_place(&p->input, (int32_t)c->storage, 3, in, in_stride, (int)c->guard);
  test_tensor_place(&p->output, (int32_t)c->storage, 3, out, out_stride, (int)c->guard);
  fill(&p->input, 3, &r);
  p->call = (rapt_linear){.head = {.struct_size = sizeof p->call},
                          .input = p->input.tensor,
                          .output = p->output.tensor,
                          .batch = c->batch,
                          .rows = c->rows};
}

// Runs with weights packed by `by`, on `context`, and returns a copy of what it wrote.
static unsigned char *run_on(const char *where, rapt_context *by, rapt_context *context, problem *p,
                             const rapt_linear_parameters *parameters) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_linear_weights *linear = NULL;
  rapt_status status = rapt_linear_create(by, parameters, &linear, &error);
  CHECK(status == RAPT_OK, "%s: create: %s", where, error.message);
  test_tensor_wipe(&p->output);
  p->call.weights = linear;
  if (status == RAPT_OK) {
    status = rapt_linear_run(context, &p->call, &error);
    CHECK(status == RAPT_OK, "%s: run: %s", where, error.message);
    CHECK(test_tensor_damage(&p->output) == 0, "%s: wrote between the output's elements", where);
  }
  rapt_linear_destroy(linear);
  unsigned char *copy = malloc(p->output.bytes + 1);
  if (copy == NULL) check_abort("the test cannot allocate its copy");
  memcpy(copy, p->output.start, p->output.bytes);
  return copy;
}

// Elements that differ; one NaN is as good as another, and +0 as -0.
static int64_t differing(const problem *p, const void *a, const void *b) {
  int64_t count = 0, elements = p->call.batch * p->call.rows * p->parameters.out_features;
  for (int64_t i = 0; i < elements; i++) {
    float x = storage_get(a, p->output.tensor.dtype, i), y = storage_get(b, p->output.tensor.dtype, i);
    count += !(x == y || (isnan(x) && isnan(y)));
  }
  return count;
}

static void run_case(const blocks_case *c) {
  static problem p;
  check_set_case("blocks_test %lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld", (long long)c->dtype,
                 (long long)c->batch, (long long)c->rows, (long long)c->in, (long long)c->out, (long long)c->storage,
                 (long long)c->layout, (long long)c->scales, (long long)c->guard, (long long)c->seed);
  build(c, &p);
  reference_number *expected = reference_numbers(c->batch * c->rows * c->out);
  int is_bounded = c->scales < 2 && c->storage == RAPT_F32;
  if (is_bounded) reference_linear(&p.plain, &p.call, expected);
  int tier_count;
  const tier *tiers = test_tiers(0, &tier_count);
  for (int i = 0; i < tier_count; i++) {
    const tier *t = &tiers[i];
    unsigned char *plain = run_on("f32", t->context[0], t->context[0], &p, &p.plain);
    for (int n = 0; n < THREAD_COUNTS; n++) {
      char where[64];
      snprintf(where, sizeof where, "%s with %d threads", rapt_isa_name(t->isa), (int)thread_counts[n]);
      unsigned char *blocks = run_on(where, t->context[n], t->context[THREAD_COUNTS - 1 - n], &p, &p.parameters);
      int64_t wrong = differing(&p, plain, blocks), size[4] = {c->batch, c->rows, c->out, 1};
      CHECK(wrong == 0, "%s: %lld results differ from those of f32 weights", where, (long long)wrong);
      if (is_bounded) compare_result(where, "output", &p.call.output, size, expected);
      free(blocks);
    }
    free(plain);
  }
  free(expected);
  check_set_case("%s", "");
}

static void run_all(void) {
  static const int32_t dtypes[] = {RAPT_Q8_0, RAPT_Q4_0, RAPT_I8}, storages[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
  int64_t seed = 1;
  for (int d = 0; d < 3; d++) {
    int64_t layouts = dtypes[d] == RAPT_I8 ? BYTE_LAYOUTS : LAYOUTS;
    for (int64_t rows = 1; rows <= 26; rows++) {
      run_case(&(blocks_case){dtypes[d], 1, rows, 96, 170, RAPT_F32, 0, rows % 3, rows & 1, seed++});
    }
    for (int64_t out = 1; out <= 70; out += 1 + out / 8) {
      run_case(&(blocks_case){dtypes[d], 1, out % 4 + 1, 64, out, RAPT_F32, 0, 0, out & 1, seed++});
      run_case(&(blocks_case){dtypes[d], 3, 7, 32, out, RAPT_F32, 1, 1, out & 1, seed++});
    }
    for (int64_t layout = 0; layout < layouts; layout++) {
      for (int storage = 0; storage < 3; storage++) {
        run_case(&(blocks_case){dtypes[d], 1, 1, 128, 200, storages[storage], layout, 1, layout & 1, seed++});
        run_case(&(blocks_case){dtypes[d], 5, 1, 256, 40, storages[storage], layout, 2, layout & 1, seed++});
        run_case(&(blocks_case){dtypes[d], 2, 50, 96, 77, storages[storage], layout, 1, layout & 1, seed++});
      }
    }
    // Several steps over the input features, and groups of panels.
    run_case(&(blocks_case){dtypes[d], 1, 1, 4096, 300, RAPT_F32, 0, 0, 0, seed++});
    run_case(&(blocks_case){dtypes[d], 1, 4, 1056, 520, RAPT_F32, 0, 1, 0, seed++});
    run_case(&(blocks_case){dtypes[d], 1, 100, 2080, 150, RAPT_F32, 0, 1, 0, seed++});
    run_case(&(blocks_case){dtypes[d], 0, 5, 64, 9, RAPT_F32, 0, 0, 0, seed++});
  }
  // Bytes that are packed as f32.
  for (int64_t in = 1; in <= 100; in += 1 + in / 4) {
    run_case(&(blocks_case){RAPT_I8, 1, in % 7 + 1, in, 40, RAPT_F32, in % BYTE_LAYOUTS, in % 3, in & 1, seed++});
  }
  random_state r = {5};
  for (int i = 0; i < 150; i++) {
    run_case(&(blocks_case){dtypes[random_between(&r, 0, 2)], random_between(&r, 1, 3), random_between(&r, 1, 40),
                            random_between(&r, 1, 40) * BLOCK, random_between(&r, 1, 200), RAPT_F32,
                            random_between(&r, 0, LAYOUTS - 1), random_between(&r, 0, 2), random_between(&r, 0, 1),
                            seed++});
  }
}

static void check_refused(const char *what, rapt_linear_parameters p, const char *text) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_linear_weights *linear = NULL;
  rapt_context *context = context_of(RAPT_ISA_PORTABLE, 1);
  rapt_status status = rapt_linear_create(context, &p, &linear, &error);
  CHECK(status == RAPT_INVALID_ARGUMENT && strcmp(error.message, text) == 0, "%s: %d, \"%s\", not \"%s\"", what, status,
        error.message, text);
  rapt_linear_destroy(linear);
  rapt_context_destroy(context);
}

static void refuse(void) {
  static _Alignas(64) unsigned char memory[34 * 4];
  rapt_linear_parameters good = {.struct_size = sizeof good,
                                 .weight = {.data = memory, .stride = {64, 1}, .dtype = RAPT_Q8_0},
                                 .in_features = 64,
                                 .out_features = 2};
  rapt_linear_parameters p = good;
  p.in_features = 33;
  check_refused("in_features", p, "weight is q8_0 with a last dimension of 33; allowed: multiples of 32");
  p = good;
  p.weight.dtype = RAPT_Q4_0;
  p.weight.stride[1] = 2;
  check_refused("stride 1", p, "weight is q4_0 with stride[1] 2; allowed: 1");
  p = good;
  p.weight.stride[0] = 80;
  check_refused("stride 0", p, "weight is q8_0 with stride[0] 80; allowed: multiples of 32");
  p = good;
  p.weight.dtype = RAPT_BOOL;
  check_refused("bool", p, "weight has dtype 2; allowed: 1 (f32), 3 (f16), 4 (bf16), 5 (i8), 8 (q8_0) and 9 (q4_0)");
  p = good;
  p.weight.dtype = RAPT_I8;
  check_refused("no scale", p, "scale is absent: its dtype is 0");
  p = good;
  p.scale = (rapt_tensor){.data = memory, .stride = {1}, .dtype = RAPT_F32};
  check_refused("a scale", p, "scale is given while weight is q8_0; allowed with i8");
  p = good;
  p.input_quantization = 2;
  check_refused("option", p, "input_quantization is 2; allowed: 0 (float) and 1 (i8)");
  p = good;
  p.weight.dtype = RAPT_F16;
  p.input_quantization = RAPT_INPUT_I8;
  check_refused("floats", p, "input_quantization is 1 (i8) while weight is f16; allowed with i8, q8_0 and q4_0");
  p = good;
  p.reserved = 1;
  check_refused("reserved", p, "reserved is 1; allowed: 0");
  p = good;
  p.bias = (rapt_tensor){.data = memory, .stride = {1}, .dtype = RAPT_Q8_0};
  check_refused("bias", p, "bias has dtype 8; allowed: 1 (f32), 3 (f16) and 4 (bf16)");
  p = good;
  p.weight.stride[0] = INT64_MAX / 32 * 32;
  check_refused("overflow", p, "weight has sizes and strides whose byte offsets overflow 64 bits");
  p = good;
  p.weight.data = NULL;
  check_refused("NULL", p, "weight is NULL; allowed: the address of its first element");
  char text[128];
  p.weight.data = memory + 1;
  snprintf(text, sizeof text, "weight is at %p, which is not aligned to 2 bytes", p.weight.data);
  check_refused("alignment", p, text);
}

// blocks_test ["dtype,batch,rows,in,out,storage,layout,scales,guard,seed"]
int main(int argc, char **argv) {
  check_start();
  if (argc > 1) {
    int64_t field[CASE_FIELDS] = {0};
    char *at = argv[1];
    for (int i = 0; i < CASE_FIELDS; i++) {
      field[i] = strtoll(at, &at, 10);
      at += *at == ',';
    }
    blocks_case c;
    memcpy(&c, field, sizeof c);
    run_case(&c);
  } else {
    refuse();
    run_all();
  }
  return check_finish("blocks_test");
}
