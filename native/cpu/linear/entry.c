// SPDX-License-Identifier: Apache-2.0
// Packing weights, and projection as an operation of the CPU.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "base/arithmetic.h"
#include "base/error.h"
#include "base/tensor.h"
#include "cpu/engine/rows.h"
#include "cpu/linear/integers.h"
#include "cpu/linear/linear.h"

// Weights that fill huge pages ask for them: the first touch of each page is a fault, and one for every 4 KiB takes
// longer than packing what comes there, on some virtual machines twenty times as long. Where the system has no huge
// pages the memory is as good.
#define HUGE_PAGE (UINT64_C(2) << 20)

static void *allocate_panels(size_t bytes) {
  void *panels;
  size_t alignment = bytes < HUGE_PAGE ? RAPT_SCRATCH_ALIGNMENT : HUGE_PAGE;
  if (posix_memalign(&panels, alignment, bytes) != 0) return NULL;
  if (bytes >= HUGE_PAGE) madvise(panels, bytes, MADV_HUGEPAGE);
  return panels;
}

static void read_vector(const rapt_kernels *kernels, const rapt_tensor *t, int64_t count, float *to) {
  if (!rapt_is_present(t)) return;
  const float *from = rapt_read_row(kernels, t->dtype, t->data, t->stride[0], count, to);
  if (from != to) memcpy(to, from, (size_t)count * sizeof(float));
}

// (out, in) in f32 of bytes and their features' scales, dense, where they cannot stay bytes; NULL where memory is
// short.
static float *widen_bytes(const rapt_linear_parameters *p, const float *scales) {
  float *wide = malloc((size_t)(p->out_features * p->in_features) * sizeof *wide);
  for (int64_t o = 0; o < p->out_features && wide != NULL; o++) {
    const int8_t *row = rapt_offset(&p->weight, o * p->weight.stride[0]);
    for (int64_t i = 0; i < p->in_features; i++) {
      wide[o * p->in_features + i] = (float)row[i * p->weight.stride[1]] * scales[o];
    }
  }
  return wide;
}

// Bytes of all panels.
static size_t bytes_of(const rapt_linear_parameters *p, int32_t stored, size_t features) {
  size_t of_feature = p->input_quantization == RAPT_INPUT_I8
                          ? (size_t)rapt_cpu_integer_bytes(stored, 1, rapt_ceil_div(p->in_features, RAPT_BLOCK))
                          : (size_t)rapt_row_bytes(stored, p->in_features);
  return features * of_feature + RAPT_PACK_SLACK * sizeof(float);
}

rapt_status rapt_cpu_weights_create(rapt_context *head, const rapt_linear_parameters *parameters,
                                    rapt_linear_weights **out, rapt_error *error) {
  rapt_cpu_context *context = (rapt_cpu_context *)head;
  rapt_linear_parameters p;
  RAPT_CHECK(rapt_linear_check_parameters(parameters, &p, error));
  int64_t width = context->kernels.panel_width;
  size_t features = (size_t)(rapt_ceil_div(p.out_features, width) * width);
  size_t count = features * (size_t)p.in_features;
  int in_integers = p.input_quantization == RAPT_INPUT_I8;
  int32_t stored = in_integers ? p.weight.dtype : rapt_cpu_stored(p.weight.dtype, p.in_features);
  size_t bytes = bytes_of(&p, stored, features);
  rapt_cpu_linear_weights *weights = calloc(1, sizeof *weights);
  void *panels = weights == NULL ? NULL : allocate_panels(bytes);
  if (panels == NULL) {
    free(weights);
    return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for %zu packed weights", count);
  }
  *weights = (rapt_cpu_linear_weights){
      .head = {.handle = {head->device}, .in_features = p.in_features, .out_features = p.out_features},
      .isa = head->isa,
      .dtype = p.weight.dtype,
      .stored = stored,
      .panel_width = width,
      .panels = panels,
      .bias = calloc(features, sizeof(float)),
      .in_integers = in_integers,
      .scales = p.weight.dtype == RAPT_I8 ? calloc(features, sizeof(float)) : NULL};
  if (weights->bias == NULL || (p.weight.dtype == RAPT_I8 && weights->scales == NULL)) {
    rapt_cpu_weights_destroy(&weights->head);
    return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for %zu packed biases", features);
  }
  float *wide = NULL;
  if (weights->scales != NULL) {
    read_vector(&context->kernels, &p.scale, p.out_features, weights->scales);
    if (!in_integers && stored == RAPT_F32) {
      wide = widen_bytes(&p, weights->scales);
      if (wide == NULL) {
        rapt_cpu_weights_destroy(&weights->head);
        return rapt_fail(error, RAPT_OUT_OF_MEMORY, "no memory for %zu widened weights", count);
      }
      p.weight = (rapt_tensor){.data = wide, .stride = {p.in_features, 1}, .dtype = RAPT_F32};
    }
  }
  if (in_integers) {
    rapt_cpu_pack_integers(context, &p, panels);
  } else if (rapt_cpu_in_blocks(stored)) {
    rapt_cpu_pack_blocks(context, &p, panels);
  } else if (stored != RAPT_F32) {
    rapt_cpu_pack_halves(context, &p, panels);
  } else {
    rapt_cpu_pack(context, &p, panels);
  }
  free(wide);
  read_vector(&context->kernels, &p.bias, p.out_features, weights->bias);
  *out = &weights->head;
  return RAPT_OK;
}

void rapt_cpu_weights_destroy(rapt_linear_weights *head) {
  rapt_cpu_linear_weights *weights = (rapt_cpu_linear_weights *)head;
  free(weights->panels);
  free(weights->bias);
  free(weights->scales);
  free(weights);
}

rapt_status rapt_cpu_check_weights(const rapt_context *context, const char *name, const rapt_linear_weights *weights,
                                   rapt_error *error) {
  if (weights->handle.device != context->device) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s was packed for another device; this context's is the CPU", name);
  }
  int32_t isa = ((const rapt_cpu_linear_weights *)weights)->isa;
  if (isa == context->isa) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s was packed for the tier %s; this context's is %s", name,
                   rapt_isa_name(isa), rapt_isa_name(context->isa));
}

static rapt_status plan(const rapt_context *context, void *problem, void *memory, rapt_needs *needs,
                        rapt_error *error) {
  rapt_cpu_linears *group = memory;
  const rapt_product *product = &((rapt_linear_problem *)problem)->product;
  if (!rapt_cpu_plan_linears((const rapt_cpu_context *)context, &product, 1, group)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "batch %" PRId64 " times rows %" PRId64 " overflows 64 bits",
                     product->batch, product->rows);
  }
  needs->scratch = group->scratch;
  needs->threads = group->threads;
  return RAPT_OK;
}

// "linear_f32_avx2_768x768": dtype ("mixed" where input, weight and output differ; that of the weight where it is
// blocks or bytes), "_i8" where input is rounded to that, with "vnni" where such instructions multiply it, tier,
// features in and out.
static void name(const rapt_context *context, const void *problem, const void *plan, char *out, size_t size) {
  (void)plan;
  const rapt_product *p = &((const rapt_linear_problem *)problem)->product;
  const rapt_cpu_linear_weights *weights = (const rapt_cpu_linear_weights *)p->weights;
  int32_t weight = weights->dtype;
  int same = p->input.dtype == weight && p->output.dtype == weight;
  const char *storage = same || (RAPT_FLOATS & RAPT_ONLY(weight)) == 0 ? rapt_dtype_name(weight) : "mixed";
  const char *vnni = ((const rapt_cpu_context *)context)->kernels.integers.is_vnni ? "_i8vnni" : "_i8";
  snprintf(out, size, "linear_%s%s_%s_%" PRId64 "x%" PRId64, storage, weights->in_integers ? vnni : "",
           rapt_isa_name(context->isa), p->weights->in_features, p->weights->out_features);
}

static rapt_status run(rapt_context *context, void *problem, const void *plan, void *scratch, rapt_stream *stream,
                       rapt_error *error) {
  (void)stream, (void)error;
  const rapt_product *product = &((rapt_linear_problem *)problem)->product;
  rapt_cpu_execute_linears((rapt_cpu_context *)context, &product, plan, scratch);
  return RAPT_OK;
}

const rapt_device_operation rapt_cpu_linear_operation = {.plan = plan, .name = name, .run = run};
