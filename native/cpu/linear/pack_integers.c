// SPDX-License-Identifier: Apache-2.0
// Weights that are multiplied in integers into panels: as rapt_integer_product has them.
#include <string.h>

#include "base/arithmetic.h"
#include "base/tensor.h"
#include "cpu/engine/rows.h"
#include "cpu/linear/integers.h"

// Weights per task: so many that handing one out costs nothing beside it.
#define TASK_WEIGHTS (INT64_C(256) << 10)
// What a weight costs, in the multiply-adds that rapt_share_work counts.
#define WORK_PER_WEIGHT 16

typedef struct packing {
  const rapt_linear_parameters *parameters;
  int64_t width;
  int64_t blocks;
  // Bytes of a block's numbers, of one feature.
  int64_t numbers;
  // Of a task.
  int64_t task_blocks;
  int64_t depth_tasks;
  unsigned char *panels;
} packing;

// The scale of a block and its numbers as they are stored, of one feature.
static void read_block(const packing *p, int64_t feature, int64_t block, unsigned char *scale, unsigned char *numbers) {
  const rapt_tensor *w = &p->parameters->weight;
  if (rapt_is_blocked(w->dtype)) {
    const unsigned char *at = w->data;
    at += rapt_row_bytes(w->dtype, feature * w->stride[0]) + block * rapt_dtypes[w->dtype].bytes;
    memcpy(scale, at, sizeof(uint16_t));
    memcpy(numbers, at + sizeof(uint16_t), (size_t)p->numbers);
    return;
  }
  int64_t first = block * RAPT_BLOCK, count = rapt_min(RAPT_BLOCK, p->parameters->in_features - first);
  const unsigned char *at = rapt_offset(w, feature * w->stride[0] + first * w->stride[1]);
  for (int64_t i = 0; i < count; i++) numbers[i] = at[i * w->stride[1]];
  memset(numbers + count, 0, (size_t)(RAPT_BLOCK - count));
}

// Blocks first .. last of a panel. Features that fill the last panel up have scale 0 where blocks have one.
static void pack_panel(const packing *p, int64_t panel, int64_t first, int64_t last) {
  int32_t dtype = p->parameters->weight.dtype;
  int64_t feature = panel * p->width, count = rapt_min(p->width, p->parameters->out_features - feature);
  int64_t scale_bytes = dtype == RAPT_I8 ? 0 : p->width * (int64_t)sizeof(uint16_t);
  int64_t bytes = scale_bytes + p->width * p->numbers;
  // The upper bit of a byte turned adds 128 to it; nibbles are stored with 8 added.
  uint32_t turned = dtype == RAPT_Q4_0 ? 0 : UINT32_C(0x80808080);
  unsigned char *to = p->panels + (panel * p->blocks + first) * bytes;
  for (int64_t n = first; n < last; n++, to += bytes) {
    memset(to, 0, (size_t)bytes);
    for (int64_t i = 0; i < count; i++) {
      unsigned char numbers[RAPT_BLOCK];
      read_block(p, feature + i, n, to + i * (int64_t)sizeof(uint16_t), numbers);
      for (int64_t k = 0; k < p->numbers; k += (int64_t)sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, numbers + k, sizeof word);
        word ^= turned;
        memcpy(to + scale_bytes + k * p->width + i * (int64_t)sizeof word, &word, sizeof word);
      }
    }
  }
}

static void pack_task(void *argument, int64_t task, int32_t slot) {
  (void)slot;
  const packing *p = argument;
  int64_t first = task % p->depth_tasks * p->task_blocks;
  pack_panel(p, task / p->depth_tasks, first, rapt_min(first + p->task_blocks, p->blocks));
}

void rapt_cpu_pack_integers(rapt_cpu_context *context, const rapt_linear_parameters *parameters, void *panels) {
  int64_t in = parameters->in_features, out = parameters->out_features, width = context->kernels.panel_width;
  packing p = {.parameters = parameters,
               .width = width,
               .blocks = rapt_ceil_div(in, RAPT_BLOCK),
               .numbers = parameters->weight.dtype == RAPT_Q4_0 ? RAPT_BLOCK / 2 : RAPT_BLOCK,
               .panels = panels};
  p.task_blocks = rapt_even_step(p.blocks, TASK_WEIGHTS / (width * RAPT_BLOCK));
  p.depth_tasks = rapt_ceil_div(p.blocks, p.task_blocks);
  int64_t tasks = rapt_ceil_div(out, width) * p.depth_tasks;
  double work = (double)in * (double)out * WORK_PER_WEIGHT;
  rapt_parallel(context->pool, tasks, rapt_share_work(context->pool, tasks, work, context->kernels.lanes), pack_task,
                &p);
}
