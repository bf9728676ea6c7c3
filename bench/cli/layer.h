// SPDX-License-Identifier: Apache-2.0
// A multi-head attention layer with random weights, packed for one device.
#ifndef RAPT_BENCH_LAYER_H
#define RAPT_BENCH_LAYER_H

#include <rapt/rapt.h>
#include <stddef.h>

#include "device.h"
#include "problem.h"

// Plain weights (out, in) of the four projections and the activations; shared by the devices that run them.
typedef struct layer_data {
  void *weight[4];
  size_t weight_count[4];
  int64_t in[4], out[4];
  // (B, Sq, E); also the keys and values where kv_len = q_len.
  void *query, *memory, *output;
  size_t query_count, memory_count;
  int64_t embed;
  // RAPT_F32 and so on, of weights and activations, and the bytes of an element.
  int32_t dtype;
  size_t width;
} layer_data;

// query, key, value and output projection of a device; on a GPU the activations too, else NULL.
typedef struct layer {
  const device *on;
  rapt_linear_weights *linear[4];
  void *remote_query, *remote_memory, *remote_output;
} layer;

// 0 and a line on stderr where memory is short.
int layer_data_open(layer_data *data, const bench_problem *p, int64_t embed);
void layer_data_close(layer_data *data);

// Packs the weights, and brings the activations to a GPU; 0 and a line on stderr on failure.
int layer_open(layer *l, const layer_data *data, const device *on);

// Brings the output back from a GPU.
int layer_fetch(const layer *l, const layer_data *data);
void layer_close(layer *l);

// The whole problem as a call on the layer's device.
rapt_mha layer_call(const layer *l, const layer_data *data, const bench_problem *p);

// Floating-point operations of projections and attention.
double layer_flops(const bench_problem *p, int64_t embed);

// Activations and weights, each once.
double layer_bytes(const bench_problem *p, int64_t embed);

#endif
