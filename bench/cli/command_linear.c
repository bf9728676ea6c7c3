// SPDX-License-Identifier: Apache-2.0
// Times a linear projection: many rows are bound by arithmetic, few rows by reading the weights.
#include <stdio.h>
#include <string.h>

#include "ceilings.h"
#include "commands.h"
#include "cuda.h"
#include "json.h"
#include "machine.h"
#include "memory.h"
#include "problem.h"
#include "report.h"
#include "storage.h"

enum { MOST_BYTE = 127, MOST_COPIES = 64, CHECKED_ROWS = 32, CHECKED_FEATURES = 128 };

static struct {
  int64_t rows, in_features, out_features;
  int dtype, weights, quantization;
} problem;
static const char *const weight_choices[] = {"as-dtype", "f32", "f16", "bf16", "q8_0", "q4_0", "i8", NULL};
static const int32_t weight_values[] = {0, RAPT_F32, RAPT_F16, RAPT_BF16, RAPT_Q8_0, RAPT_Q4_0, RAPT_I8};
static const char *const quantization_choices[] = {"float", "i8", NULL};
static bench_settings settings;
static int device_kind;
// clang-format off
static const cli_option options[] = {
    {"rows", "N", "rows of the input (default 512)", CLI_INTEGER, &problem.rows, 1, PROBLEM_MAX_SIZE, NULL},
    {"in", "N", "input features (default 768)", CLI_INTEGER, &problem.in_features, 1, PROBLEM_MAX_SIZE, NULL},
    {"out", "N", "output features (default 768)", CLI_INTEGER, &problem.out_features, 1, PROBLEM_MAX_SIZE, NULL},
    {"dtype", "TYPE", "storage of weights, input and output: f32, f16 or bf16; arithmetic is f32 (default f32)",
     CLI_CHOICE, &problem.dtype, -1, 0, dtype_choices},
    {"weights", "TYPE", "storage of the weights: as-dtype, f32, f16, bf16, q8_0, q4_0, or i8 with a scale for each output feature (default as-dtype)",
     CLI_CHOICE, &problem.weights, -1, 0, weight_choices},
    {"input", "TYPE", "what is multiplied: float, or i8, the input rounded to bytes, with q8_0, q4_0 and i8 weights (default float)",
     CLI_CHOICE, &problem.quantization, -1, 0, quantization_choices},
    {"threads", "N", "threads, 0 = all (default 0)", CLI_INTEGER, &settings.threads, 0, 1024, NULL},
    {"isa", "TIER", "auto, portable, avx2, avx512 or avx512bf16 (default auto)", CLI_CHOICE, &settings.isa, -1, 0, isa_choices},
    {"iters", "N", "timed runs (default: about a second's worth)", CLI_INTEGER, &settings.iters, 1, 10000000, NULL},
    {"json", NULL, "one JSON object per line on stdout", CLI_FLAG, &settings.json, 0, 0, NULL},
    DEVICE_OPTION(&device_kind){.name = NULL}};
// clang-format on
static const cli_command command = {"linear", "Times a linear projection; defaults to one of BERT-base.", options};

// Packed copies of the same weights, so that a few rows read them from memory, as they do in a model of many layers.
typedef struct projecting {
  rapt_linear call;
  const device *on;
  // On the host.
  void *weight, *input, *output;
  // Of i8 weights.
  float *scale;
  size_t weight_bytes, input_bytes, output_bytes, scale_bytes;
  rapt_linear_weights *packed[MOST_COPIES];
  int64_t copies, turn;
} projecting;

static int32_t weight_dtype(void) {
  return problem.weights == 0 ? dtype_values[problem.dtype] : weight_values[problem.weights];
}

// Weights keep their type, but on the CPU 16 bits of an odd number of input features become f32, and so do bytes of a
// number that is no multiple of 32, where the input is as it is.
static double packed_bytes(const device *on) {
  int64_t unit = weight_dtype() != RAPT_I8 ? 2 : problem.quantization == RAPT_INPUT_I8 ? 1 : 32;
  int32_t dtype = on->cuda || problem.in_features % unit == 0 ? weight_dtype() : RAPT_F32;
  size_t scales = dtype == RAPT_I8 ? (size_t)problem.out_features * sizeof(float) : 0;
  return (double)(storage_total(dtype, (size_t)(problem.in_features * problem.out_features)) + scales);
}

static double bytes_moved(const device *on) {
  double rows = (double)problem.rows * (double)(problem.in_features + problem.out_features);
  return packed_bytes(on) + rows * (double)storage_bytes(dtype_values[problem.dtype]);
}

static void close_projecting(projecting *p) {
  for (int64_t c = 0; c < p->copies; c++) rapt_linear_destroy(p->packed[c]);
  if (p->on->cuda) {
    cuda_give_back(p->on, p->call.input.data);
    cuda_give_back(p->on, p->call.output.data);
  }
  memory_give_back(p->weight, p->weight_bytes);
  memory_give_back(p->scale, p->scale_bytes);
  memory_give_back(p->input, p->input_bytes);
  memory_give_back(p->output, p->output_bytes);
}

static int pack_copies(projecting *p) {
  rapt_linear_parameters parameters = {
      .struct_size = sizeof parameters,
      .weight = {.data = p->weight, .stride = {problem.in_features, 1}, .dtype = weight_dtype()},
      .in_features = problem.in_features,
      .out_features = problem.out_features,
      .input_quantization = problem.quantization};
  if (p->scale != NULL) parameters.scale = (rapt_tensor){.data = p->scale, .stride = {1}, .dtype = RAPT_F32};
  double bytes = packed_bytes(p->on), wanted = 4 * (double)last_cache_bytes(p->on);
  wanted = wanted < 0x1p31 ? wanted : 0x1p31;
  do {
    rapt_error error = {.struct_size = sizeof error};
    if (rapt_linear_create(p->on->context, &parameters, &p->packed[p->copies], &error) != RAPT_OK) {
      cli_fail("%s", error.message);
      return 0;
    }
    p->copies++;
  } while (p->copies < MOST_COPIES && (double)p->copies * bytes < wanted);
  return 1;
}

// Sums of products, of which there are in_features, stay below 1.
static void fill_weights(projecting *p, size_t weights) {
  float largest = 1 / (float)problem.in_features;
  if (p->scale == NULL) {
    storage_fill_random(p->weight, weights, 1, largest, weight_dtype());
    return;
  }
  storage_fill_random(p->weight, weights, 1, MOST_BYTE, RAPT_I8);
  storage_fill_random(p->scale, (size_t)problem.out_features, 3, largest / MOST_BYTE, RAPT_F32);
}

static int open_projecting(projecting *p, const device *on) {
  int32_t dtype = dtype_values[problem.dtype];
  size_t width = storage_bytes(dtype);
  size_t weights = (size_t)(problem.in_features * problem.out_features);
  size_t inputs = (size_t)(problem.rows * problem.in_features), outputs = (size_t)(problem.rows * problem.out_features);
  *p = (projecting){.on = on,
                    .weight_bytes = storage_total(weight_dtype(), weights),
                    .scale_bytes = (size_t)problem.out_features * sizeof(float),
                    .input_bytes = inputs * width,
                    .output_bytes = outputs * width};
  p->weight = memory_take(p->weight_bytes);
  p->input = memory_take(p->input_bytes);
  p->output = memory_take(p->output_bytes);
  if (weight_dtype() == RAPT_I8) p->scale = memory_take(p->scale_bytes);
  if (p->weight == NULL || p->input == NULL || p->output == NULL || (weight_dtype() == RAPT_I8 && p->scale == NULL)) {
    cli_fail("no memory for a projection");
    return 0;
  }
  fill_weights(p, weights);
  storage_fill_random(p->input, inputs, 2, 1, dtype);
  memory_touch(p->output, p->output_bytes);
  p->call = (rapt_linear){.head = {.struct_size = sizeof p->call},
                          .input = {.data = on->cuda ? cuda_copy_of(on, p->input, p->input_bytes) : p->input,
                                    .stride = {inputs, problem.in_features, 1},
                                    .dtype = dtype},
                          .output = {.data = on->cuda ? cuda_copy_of(on, p->output, p->output_bytes) : p->output,
                                     .stride = {outputs, problem.out_features, 1},
                                     .dtype = dtype},
                          .batch = 1,
                          .rows = problem.rows};
  return p->call.input.data != NULL && p->call.output.data != NULL && pack_copies(p);
}

static int run_projecting(void *state) {
  projecting *p = state;
  rapt_error error = {.struct_size = sizeof error};
  p->call.weights = p->packed[p->turn++ % p->copies];
  if (rapt_linear_run(p->on->context, &p->call, &error) == RAPT_OK) return 1;
  cli_fail("%s", error.message);
  return 0;
}

static double exact(const projecting *p, int64_t row, int64_t feature) {
  int32_t dtype = p->call.input.dtype;
  double sum = 0, scale = p->scale == NULL ? 1 : (double)p->scale[feature];
  for (int64_t k = 0; k < problem.in_features; k++) {
    sum += (double)storage_load(p->input, row * problem.in_features + k, dtype) *
           (double)storage_load(p->weight, feature * problem.in_features + k, weight_dtype());
  }
  return sum * scale;
}

// Against double arithmetic, on rows and features spread over all of them.
static int check_projecting(projecting *p, check *out) {
  int32_t dtype = p->call.output.dtype;
  // Inputs are at most 1 and rounded to 127ths of the largest near them; a row's weights add up to 1 at most.
  double rounding = problem.quantization == RAPT_INPUT_I8 ? 0.5 / 127 : 0;
  *out = (check){.allowed = CHECK_ALLOWED + rounding, .rows_total = problem.rows, .against = "plain double"};
  if (p->on->cuda && !cuda_fetch(p->on, p->output, p->call.output.data, p->output_bytes)) return 0;
  int64_t row_step = problem.rows / CHECKED_ROWS + 1, feature_step = problem.out_features / CHECKED_FEATURES + 1;
  for (int64_t row = 0; row < problem.rows; row += row_step, out->rows++) {
    for (int64_t f = 0; f < problem.out_features; f += feature_step) {
      check_note(out, (double)storage_load(p->output, row * problem.out_features + f, dtype), exact(p, row, f), dtype);
    }
  }
  out->passed = out->difference <= out->allowed;
  if (!out->passed) {
    cli_fail("wrong result, not timed: differs by %.3g from %s, %.3g allowed", out->difference, out->against,
             out->allowed);
  }
  return out->passed;
}

static void print(const report *r) {
  if (settings.json) {
    json_begin("linear");
    json_integer("rows", problem.rows);
    json_integer("in_features", problem.in_features);
    json_integer("out_features", problem.out_features);
    json_text("dtype", dtype_choices[problem.dtype]);
    if (problem.weights != 0) json_text("weights", weight_choices[problem.weights]);
    if (problem.quantization != 0) json_text("input", quantization_choices[problem.quantization]);
    report_json(r);
    json_end();
    return;
  }
  printf("%-10s %lld rows, %lld to %lld features\n", "shape", (long long)problem.rows, (long long)problem.in_features,
         (long long)problem.out_features);
  report_print(r);
}

static int time_runs(projecting *p, report *r) {
  cuda_call call = {.on = p->on, .stream = &p->call.head.stream, .run = run_projecting, .state = p};
  if (p->on->cuda) return cuda_time(&call, settings.iters, &r->time);
  if (!report_is_memory_bound(r->flops, r->bytes, &r->ceiling)) {
    return stats_time(run_projecting, p, settings.iters, &r->time);
  }
  return report_time_in_turns(r, run_projecting, p, settings.iters);
}

static int time_projecting(projecting *p, const device *on) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  report r = {.on = on,
              .plan = &plan,
              .flops = 2 * (double)problem.rows * (double)problem.in_features * (double)problem.out_features,
              .bytes = bytes_moved(on),
              .copies = p->copies};
  p->call.weights = p->packed[0];
  if (rapt_linear_plan(on->context, &p->call, &plan, &error) != RAPT_OK || !plan.supported) {
    cli_fail("%s%s", error.message, plan.reason);
    return 0;
  }
  int good = report_measure_ceilings(&r) && run_projecting(p) && check_projecting(p, &r.verified);
  if (!good) return 0;
  good = time_runs(p, &r);
  // On both sides of the timing, as for attention.
  good = good && report_measure_ceilings(&r);
  if (good) print(&r);
  return good;
}

int command_linear(int argc, char **argv) {
  problem.rows = 512, problem.in_features = 768, problem.out_features = 768;
  enum cli_outcome outcome = cli_parse(&command, argc, argv);
  double in = (double)problem.in_features, out = (double)problem.out_features;
  if (outcome == CLI_RUN && in * out + (double)problem.rows * (in + out) > 0x1p38) {
    outcome = cli_reject(&command, "%lld rows, %lld to %lld features, are more than memory can hold",
                         (long long)problem.rows, (long long)problem.in_features, (long long)problem.out_features);
  }
  if (outcome == CLI_RUN && problem.in_features % storage_block(weight_dtype()) != 0) {
    outcome = cli_reject(&command, "--in %lld is no multiple of %lld, which --weights %s needs",
                         (long long)problem.in_features, (long long)storage_block(weight_dtype()),
                         weight_choices[problem.weights]);
  }
  int is_quantised = storage_block(weight_dtype()) > 1 || weight_dtype() == RAPT_I8;
  if (outcome == CLI_RUN && problem.quantization == RAPT_INPUT_I8 && !is_quantised) {
    outcome = cli_reject(&command, "--input i8 goes with --weights q8_0, q4_0 and i8");
  }
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  device on;
  if (!(device_kind == DEVICE_CHOICE_CUDA ? device_open_cuda(&on) : device_open(settings.isa, settings.threads, &on))) {
    return EXIT_FAILED;
  }
  projecting p;
  int good = open_projecting(&p, &on) && time_projecting(&p, &on);
  close_projecting(&p);
  device_close(&on);
  return good ? EXIT_GOOD : EXIT_FAILED;
}
