// SPDX-License-Identifier: Apache-2.0
// Linear projections in integers, on every tier and between guard pages: the input's rounding by its definition,
// results within the bound of what the weights and the input as it was given stand for, the same bits with VNNI
// instructions and without, and NaN in the row that it came in with.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/engine/engine.h"
#include "cpu/engine/features.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/contexts.h"
#include "support/guard.h"
#include "support/random.h"
#include "support/reference.h"
#include "support/storage.h"

enum { BLOCK = 32, FILLS = 7 };

// What input is made of, by number: plain, zeros, denormals, one outlier among tiny ones, huge, steps of the scale and
// their halves, equal numbers.
static float draw(random_state *r, int64_t fill, int64_t i) {
  float x = random_unit(r);
  if (fill == 1) return i % 2 == 0 ? 0.0f : -0.0f;
  if (fill == 2) return x * 0x1p-130f;
  if (fill == 3) return i % 11 == 5 ? 1000 * x : x * 0x1p-20f;
  if (fill == 4) return x * 0x1p100f;
  if (fill == 5) return i % BLOCK == 0 ? 127.0f : (float)random_between(r, -254, 254) / 2;
  return fill == 6 ? 0.3f : x;
}

// The scale of neighbours, by definition.
static float scale_of(const float *x, int64_t count) {
  float most = 0;
  for (int64_t i = 0; i < count; i++) {
    if (!isfinite(x[i])) return NAN;
    most = fmaxf(most, fabsf(x[i]));
  }
  return fmaxf(most / 127, FLT_MIN);
}

static void check_rounding(const rapt_kernels *kernels, const float *x, int64_t count, int64_t apart) {
  rapt_input_block blocks[16];
  memset(blocks, 0xff, sizeof blocks);
  kernels->quantise(count, x, 8, apart, blocks);
  for (int64_t n = 0; n * BLOCK < count; n++) {
    const rapt_input_block *b = &blocks[n * apart];
    int64_t left = count - n * BLOCK < BLOCK ? count - n * BLOCK : BLOCK;
    float scale = scale_of(x + n * BLOCK, left), reciprocal = 1 / scale;
    int32_t sum = 0;
    int right = isnan(scale) ? isnan(b->scale) : b->scale == scale;
    for (int64_t i = 0; i < BLOCK && !isnan(scale); i++) {
      double element = i < left ? (double)x[n * BLOCK + i] : 0;
      sum += b->number[i];
      right &= (float)b->number[i] == rintf((float)element * reciprocal);
      right &= fabs(element - b->number[i] * (double)scale) <= (double)scale * (0.5 + 0x1p-16);
    }
    CHECK(right && (isnan(scale) || b->start == -8 * sum), "tier %s: block %lld of %lld elements",
          rapt_isa_name(kernels->isa), (long long)n, (long long)count);
  }
}

static void test_rounding(const rapt_kernels *kernels) {
  static guard_buffer memory;
  random_state r = {3};
  for (int64_t count = 1; count <= 140; count++) {
    for (int fill = 0; fill < FILLS + 3; fill++) {
      float *x = guard_place(&memory, (size_t)count * sizeof *x, GUARD_END);
      for (int64_t i = 0; i < count; i++) x[i] = draw(&r, fill % FILLS, i);
      const float odd[] = {NAN, INFINITY, -INFINITY};
      if (fill >= FILLS) x[random_between(&r, 0, count - 1)] = odd[fill - FILLS];
      check_rounding(kernels, x, count, 1 + count % 3);
    }
  }
}

// One table with VNNI instructions, one without.
static void test_vnni(int32_t isa) {
  enum { BLOCKS = 5, PANELS = 3 };
  static unsigned char panels[PANELS * BLOCKS * 34 * RAPT_MAX_PANEL_WIDTH];
  static rapt_input_block input[BLOCKS * RAPT_INTEGER_ROWS];
  static float sums[2][PANELS * RAPT_INTEGER_ROWS * RAPT_MAX_PANEL_WIDTH], vectors[PANELS * RAPT_MAX_PANEL_WIDTH];
  rapt_kernels kernels[2];
  for (int n = 0; n < 2; n++) CHECK(rapt_kernels_fill(isa, &kernels[n]), "no tier %d", isa);
  rapt_kernels_use_vnni(&kernels[1]);
  CHECK(kernels[1].integers.is_vnni && !kernels[0].integers.is_vnni, "tier %d: two tables", isa);
  random_state r = {11};
  for (int64_t turn = 0; turn < 200; turn++) {
    int kind = (int)(turn % RAPT_INTEGER_KINDS);
    int64_t rows = random_between(&r, 1, RAPT_INTEGER_ROWS), width = kernels[0].panel_width;
    for (size_t i = 0; i < sizeof panels; i++) panels[i] = turn < 20 ? 0 : (unsigned char)random_next(&r);
    // Scales that are numbers.
    int64_t block = width * (kind == RAPT_INTEGERS_Q4_0 ? 18 : 34);
    for (int64_t n = 0; kind != RAPT_INTEGERS_I8 && n < PANELS * BLOCKS; n++) {
      for (int64_t i = 0; i < width; i++) panels[n * block + 2 * i + 1] &= 0x7b;
    }
    for (int64_t n = 0; n < BLOCKS * rows; n++) {
      int32_t sum = 0;
      for (int i = 0; i < BLOCK; i++) {
        input[n].number[i] = (int8_t)(turn < 20 ? (turn & 1 ? -127 : 127) : random_between(&r, -127, 127));
        sum += input[n].number[i];
      }
      input[n].start = -(kind == RAPT_INTEGERS_Q4_0 ? 8 : 128) * sum;
      input[n].scale = random_unit(&r);
    }
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) vectors[i] = random_unit(&r);
    for (int n = 0; n < 2; n++) {
      kernels[n].integers.multiply[kind](&(rapt_integer_product){.rows = rows,
                                                                 .blocks = BLOCKS,
                                                                 .panels = PANELS,
                                                                 .input = input,
                                                                 .panel = panels,
                                                                 .scales = vectors,
                                                                 .lane = vectors,
                                                                 .sums = sums[n]});
    }
    CHECK(memcmp(sums[0], sums[1], (size_t)(PANELS * rows * width) * sizeof(float)) == 0,
          "tier %s, kind %d, %lld rows: other bits with VNNI", rapt_isa_name(isa), kind, (long long)rows);
  }
}

// layout: of the weight where it is i8: 0 dense, 1 transposed, 2 back to front.
typedef struct integers_case {
  int64_t dtype, batch, rows, in, out, storage, layout, fill, guard, seed;
} integers_case;

typedef struct problem {
  guard_buffer blocks;
  // wide_input: the input in f32, for the reference.
  test_tensor bytes, scale, widened, bias, input, wide_input, output;
  rapt_linear_parameters parameters, plain;
  rapt_linear call;
} problem;

static void place_blocks(const integers_case *c, random_state *r, problem *p) {
  int64_t size = c->dtype == RAPT_Q8_0 ? 34 : 18, count = c->out * c->in / BLOCK;
  unsigned char *at = guard_place(&p->blocks, (size_t)(count * size), (int)c->guard);
  p->parameters.weight = (rapt_tensor){.data = at, .stride = {c->in, 1}, .dtype = (int32_t)c->dtype};
  float *wide = p->widened.tensor.data;
  for (int64_t n = 0; n < count; n++, at += size, wide += BLOCK) {
    // Two statements: in which order operands are drawn is the compiler's choice.
    int64_t magnitude = random_between(r, 0x0001, 0x2fff);
    uint16_t scale = (uint16_t)(magnitude | random_between(r, 0, 1) << 15);
    memcpy(at, &scale, sizeof scale);
    for (int i = 2; i < size; i++) at[i] = (unsigned char)random_next(r);
    for (int i = 0; i < BLOCK; i++) {
      int nibble = at[2 + i % 16] >> (i < 16 ? 0 : 4) & 15;
      int number = c->dtype == RAPT_Q8_0 ? (signed char)at[2 + i] : nibble - 8;
      wide[i] = (float)number * storage_value(RAPT_F16, scale);
    }
  }
}

static void place_bytes(const integers_case *c, random_state *r, problem *p) {
  static const int32_t types[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
  int64_t size[2] = {c->out, c->in}, stride[2] = {c->in, 1}, of_scale[1] = {c->seed % 2 == 0 ? 1 : -2};
  if (c->layout == 1) stride[0] = 1, stride[1] = c->out;
  if (c->layout == 2) stride[0] = -c->in - 3, stride[1] = -1;
  test_tensor_place(&p->bytes, RAPT_I8, 2, size, stride, (int)c->guard);
  test_tensor_place(&p->scale, types[c->seed % 3], 1, size, of_scale, (int)c->guard);
  for (int64_t o = 0; o < c->out; o++) {
    storage_set(p->scale.tensor.data, p->scale.tensor.dtype, o * of_scale[0], 0.01f * random_unit(r));
    float scale = storage_get(p->scale.tensor.data, p->scale.tensor.dtype, o * of_scale[0]);
    for (int64_t i = 0; i < c->in; i++) {
      int8_t *at = (int8_t *)p->bytes.tensor.data + o * stride[0] + i * stride[1];
      *at = (int8_t)random_between(r, -128, 127);
      *tensor_f32(&p->widened.tensor, o, i, 0, 0) = *at * scale;
    }
  }
  p->parameters.weight = p->bytes.tensor;
  p->parameters.scale = p->scale.tensor;
}

static void build(const integers_case *c, problem *p) {
  random_state r = {(uint64_t)c->seed};
  int64_t one[1] = {c->out}, step[1] = {1}, size[2] = {c->out, c->in}, dense[2] = {c->in, 1};
  test_tensor_place(&p->bias, RAPT_F32, 1, one, step, (int)c->guard);
  test_tensor_place(&p->widened, RAPT_F32, 2, size, dense, 0);
  for (int64_t o = 0; o < c->out; o++) ((float *)p->bias.tensor.data)[o] = random_unit(&r);
  p->parameters = (rapt_linear_parameters){.struct_size = sizeof p->parameters,
                                           .bias = p->bias.tensor,
                                           .in_features = c->in,
                                           .out_features = c->out,
                                           .input_quantization = RAPT_INPUT_I8};
  c->dtype == RAPT_I8 ? place_bytes(c, &r, p) : place_blocks(c, &r, p);
  p->plain = p->parameters;
  p->plain.weight = p->widened.tensor;
  p->plain.scale = (rapt_tensor){.dtype = 0};
  p->plain.input_quantization = RAPT_INPUT_FLOAT;
  int64_t in[3] = {c->batch, c->rows, c->in}, in_stride[3] = {c->rows * c->in, c->in, 1};
  int64_t out[3] = {c->batch, c->rows, c->out}, out_stride[3] = {c->rows * c->out, c->out, 1};
  // Every second element, rows side by side, where the seed says so.
  if (c->seed % 5 == 0) in_stride[0] *= 2, in_stride[1] *= 2, in_stride[2] = 2;
  if (c->seed % 7 == 0) out_stride[1] = 1, out_stride[2] = c->rows;
  test_tensor_place(&p->input, (int32_t)c->storage, 3, in, in_stride, (int)c->guard);
  int64_t wide_stride[3] = {c->rows * c->in, c->in, 1};
  test_tensor_place(&p->wide_input, RAPT_F32, 3, in, wide_stride, 0);
  test_tensor_place(&p->output, (int32_t)c->storage, 3, out, out_stride, (int)c->guard);
  for (int64_t b = 0; b < c->batch; b++) {
    for (int64_t n = 0; n < c->rows; n++) {
      for (int64_t i = 0; i < c->in; i++) {
        int64_t at = tensor_index(&p->input.tensor, b, n, i, 0);
        storage_set(p->input.tensor.data, p->input.tensor.dtype, at, draw(&r, c->fill, i));
        float held = storage_get(p->input.tensor.data, p->input.tensor.dtype, at);
        *tensor_f32(&p->wide_input.tensor, b, n, i, 0) = held;
      }
    }
  }
  p->call = (rapt_linear){.head = {.struct_size = sizeof p->call},
                          .input = p->input.tensor,
                          .output = p->output.tensor,
                          .batch = c->batch,
                          .rows = c->rows};
}

// Adds what rounding the input may change: half of a block's scale for each of its elements. Terms are that much larger
// too, when they are summed: hence the last places more.
static void add_rounding(const integers_case *c, const problem *p, reference_number *expected) {
  for (int64_t row = 0; row < c->batch * c->rows; row++, expected += c->out) {
    for (int64_t first = 0; first < c->in; first += BLOCK) {
      float x[BLOCK];
      int64_t count = c->in - first < BLOCK ? c->in - first : BLOCK;
      for (int64_t i = 0; i < count; i++) {
        x[i] = *tensor_f32(&p->wide_input.tensor, row / c->rows, row % c->rows, first + i, 0);
      }
      double half = (double)scale_of(x, count) / 2;
      for (int64_t o = 0; o < c->out; o++) {
        double sum = 0;
        for (int64_t i = 0; i < count; i++) sum += fabs((double)*tensor_f32(&p->widened.tensor, o, first + i, 0, 0));
        expected[o].error += sum * half * (1 + 0x1p-11);
      }
    }
  }
}

// Runs with weights packed by `by`, on `context`.
static void run_on(const char *where, rapt_context *by, rapt_context *context, problem *p) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_linear_weights *linear = NULL;
  CHECK(rapt_linear_create(by, &p->parameters, &linear, &error) == RAPT_OK, "%s: create: %s", where, error.message);
  if (linear == NULL) check_abort("no weights");
  test_tensor_wipe(&p->output);
  p->call.weights = linear;
  CHECK(rapt_linear_run(context, &p->call, &error) == RAPT_OK, "%s: run: %s", where, error.message);
  CHECK(test_tensor_damage(&p->output) == 0, "%s: wrote between the output's elements", where);
  rapt_linear_destroy(linear);
}

// With a NaN or an infinity in one row, this row is NaN and all others are as they were.
static void check_odd_row(const integers_case *c, rapt_context *context, problem *p, const unsigned char *before) {
  static const float odd[] = {NAN, INFINITY, -INFINITY};
  random_state r = {(uint64_t)c->seed};
  int64_t rows = c->batch * c->rows, row = random_between(&r, 0, rows - 1), wrong = 0;
  int64_t at = tensor_index(&p->input.tensor, row / c->rows, row % c->rows, random_between(&r, 0, c->in - 1), 0);
  float kept = storage_get(p->input.tensor.data, p->input.tensor.dtype, at);
  storage_set(p->input.tensor.data, p->input.tensor.dtype, at, odd[c->seed % 3]);
  run_on("odd", context, context, p);
  storage_set(p->input.tensor.data, p->input.tensor.dtype, at, kept);
  const unsigned char *data = p->output.tensor.data, *was = before + (data - p->output.start);
  for (int64_t i = 0; i < rows * c->out; i++) {
    int64_t place = tensor_index(&p->output.tensor, i / c->out / c->rows, i / c->out % c->rows, i % c->out, 0);
    float now = storage_get(data, p->output.tensor.dtype, place), old = storage_get(was, p->output.tensor.dtype, place);
    wrong += i / c->out == row ? !isnan(now) : now != old;
  }
  CHECK(wrong == 0, "%lld results with a NaN or an infinity in row %lld", (long long)wrong, (long long)row);
}

static void run_case(const integers_case *c) {
  static problem p;
  check_set_case(
      "integers_test: dtype %lld, %lld x %lld rows, %lld to %lld, storage %lld, layout %lld, fill %lld, %lld",
      (long long)c->dtype, (long long)c->batch, (long long)c->rows, (long long)c->in, (long long)c->out,
      (long long)c->storage, (long long)c->layout, (long long)c->fill, (long long)c->seed);
  build(c, &p);
  reference_number *expected = reference_numbers(c->batch * c->rows * c->out);
  rapt_linear wide = p.call;
  wide.input = p.wide_input.tensor;
  reference_linear(&p.plain, &wide, expected);
  add_rounding(c, &p, expected);
  int count;
  const tier *tiers = test_tiers(0, &count);
  unsigned char *before = malloc(p.output.bytes + 1);
  if (before == NULL) check_abort("the test cannot allocate its copy");
  for (int i = 0; i < count; i++) {
    int64_t size[4] = {c->batch, c->rows, c->out, 1};
    for (int n = 0; n < THREAD_COUNTS; n++) {
      run_on(rapt_isa_name(tiers[i].isa), tiers[i].context[n], tiers[i].context[THREAD_COUNTS - 1 - n], &p);
      compare_result(rapt_isa_name(tiers[i].isa), "output", &p.call.output, size, expected);
      if (n > 0) {
        CHECK(memcmp(before, p.output.start, p.output.bytes) == 0, "%s: other bits with %d threads",
              rapt_isa_name(tiers[i].isa), thread_counts[n]);
      }
      memcpy(before, p.output.start, p.output.bytes);
    }
    if (c->fill != 4 && c->batch * c->rows > 0) check_odd_row(c, tiers[i].context[0], &p, before);
  }
  free(before);
  free(expected);
  check_set_case("%s", "");
}

// A row alone gives the bits that it gives among others.
static void test_alone(rapt_context *context) {
  enum { IN = 160, OUT = 77, ROWS = 150 };
  static problem p;
  integers_case c = {RAPT_Q4_0, 1, ROWS, IN, OUT, RAPT_F32, 0, 0, 0, 1};
  build(&c, &p);
  run_on("all", context, context, &p);
  float *all = malloc(p.output.bytes);
  if (all == NULL) check_abort("the test cannot allocate its copy");
  memcpy(all, p.output.start, p.output.bytes);
  for (int64_t row = 0; row < ROWS; row += 13) {
    rapt_linear whole = p.call;
    p.call.rows = 1;
    p.call.input.data = tensor_f32(&whole.input, 0, row, 0, 0);
    run_on("alone", context, context, &p);
    CHECK(memcmp(all + row * OUT, p.call.output.data, OUT * sizeof *all) == 0, "row %lld alone", (long long)row);
    p.call = whole;
  }
  free(all);
}

// Bits do not change unmeant. A block's sum is exact and blocks follow each other, so that tiers with FMA agree.
static void test_bits(const tier *t) {
  static const int32_t dtypes[] = {RAPT_Q8_0, RAPT_Q4_0, RAPT_I8};
  static const uint64_t expected[2][3] = {
      {UINT64_C(0xb5fff96bcf9d1ee3), UINT64_C(0x7f06c6eec9d16f4b), UINT64_C(0x98234abcb5eee85f)},
      {UINT64_C(0xc3fdaf57639b354e), UINT64_C(0x020f3330f2380649), UINT64_C(0x386c5786437d068c)}};
  static problem p;
  for (int d = 0; d < 3; d++) {
    integers_case c = {dtypes[d], 2, 21, 320, 75, RAPT_F32, 0, 0, 0, 2};
    build(&c, &p);
    run_on("bits", t->context[1], t->context[1], &p);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < p.output.bytes; i++) hash = (hash ^ p.output.start[i]) * UINT64_C(0x100000001b3);
    CHECK(hash == expected[t->isa != RAPT_ISA_PORTABLE][d], "tier %s, dtype %d: bits 0x%016llx", rapt_isa_name(t->isa),
          dtypes[d], (unsigned long long)hash);
  }
}

static void run_all(void) {
  static const int32_t dtypes[] = {RAPT_Q8_0, RAPT_Q4_0, RAPT_I8}, storages[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
  int64_t seed = 1;
  random_state r = {17};
  for (int d = 0; d < 3; d++) {
    int is_i8 = dtypes[d] == RAPT_I8;
    for (int64_t rows = 1; rows <= 40; rows += 1 + rows / 8, seed++) {
      int64_t in = is_i8 ? 61 + rows : 96;
      run_case(&(integers_case){dtypes[d], 1, rows, in, 170, RAPT_F32, seed % 3, seed % FILLS, seed & 1, seed});
    }
    for (int64_t out = 1; out <= 140; out += 1 + out / 6, seed++) {
      int64_t in = is_i8 ? 1 + out / 2 : 64;
      run_case(&(integers_case){dtypes[d], 3, out % 5, in, out, storages[out % 3], seed % 3, out % 4, out & 1, seed});
    }
    run_case(&(integers_case){dtypes[d], 1, 2, 4096, 300, RAPT_F32, 0, 3, 0, seed++});
    run_case(&(integers_case){dtypes[d], 2, 150, 96, 70, RAPT_BF16, 0, 0, 0, seed++});
    for (int n = 0; n < 40; n++, seed++) {
      int64_t in = is_i8 ? random_between(&r, 1, 300) : random_between(&r, 1, 10) * BLOCK;
      run_case(&(integers_case){dtypes[d], random_between(&r, 1, 3), random_between(&r, 1, 40), in,
                                random_between(&r, 1, 200), storages[n % 3], n % 3,
                                n % 3 == 1 ? 0 : random_between(&r, 0, FILLS - 1), n & 1, seed});
    }
  }
}

int main(void) {
  check_start();
  int count;
  const tier *tiers = test_tiers(0, &count);
  for (int i = 0; i < count; i++) {
    test_rounding(&((const rapt_cpu_context *)tiers[i].context[0])->kernels);
    test_alone(tiers[i].context[1]);
    test_bits(&tiers[i]);
    if (rapt_isa_has_vnni(tiers[i].isa)) test_vnni(tiers[i].isa);
  }
  run_all();
  return check_finish("integers_test");
}
