// SPDX-License-Identifier: Apache-2.0
// Weights that are blocks, as GGUF's q8_0 and q4_0 have them, or bytes into panels of blocks: the same scales and
// numbers in another order.
#include <string.h>

#include "base/arithmetic.h"
#include "base/tensor.h"
#include "cpu/linear/linear.h"

// Weights per task: so many that handing one out costs nothing beside it.
#define TASK_WEIGHTS (INT64_C(256) << 10)
// What a weight costs, in the multiply-adds that rapt_share_work counts.
#define WORK_PER_WEIGHT 16

#define SCALE_BYTES ((int64_t)sizeof(uint16_t))

typedef struct packing {
  const rapt_linear_parameters *parameters;
  int64_t width;
  int64_t blocks;
  // Of a task.
  int64_t task_blocks;
  int64_t depth_tasks;
  unsigned char *panels;
} packing;

// The numbers of up to RAPT_MAX_PANEL_WIDTH blocks, transposed.
static void pack_bytes(const unsigned char *const *from, int64_t count, int64_t width, unsigned char *to) {
  for (int64_t k = 0; k < RAPT_BLOCK; k++, to += width) {
    for (int64_t i = 0; i < count; i++) to[i] = from[i][k];
    memset(to + count, 0, (size_t)(width - count));
  }
}

// The low nibbles of eight bytes side by side, the first one lowest.
static uint32_t low_nibbles(uint64_t bytes) {
  bytes &= UINT64_C(0x0f0f0f0f0f0f0f0f);
  bytes = (bytes | bytes >> 4) & UINT64_C(0x00ff00ff00ff00ff);
  bytes = (bytes | bytes >> 8) & UINT64_C(0x0000ffff0000ffff);
  return (uint32_t)(bytes | bytes >> 16);
}

static void pack_nibbles(const unsigned char *const *from, int64_t count, int64_t width, unsigned char *to) {
  for (int64_t run = 0; run < 4; run++) {
    for (int64_t i = 0; i < width; i++, to += sizeof(uint32_t)) {
      uint32_t word = 0;
      if (i < count) {
        uint64_t bytes;
        memcpy(&bytes, from[i] + run % 2 * (int64_t)sizeof bytes, sizeof bytes);
        // Flipping a nibble's upper bit takes 8 off it, in two's complement.
        word = low_nibbles(run < 2 ? bytes : bytes >> 4) ^ UINT32_C(0x88888888);
      }
      memcpy(to, &word, sizeof word);
    }
  }
}

// Block n of some features of a panel.
static void pack_block(const packing *p, int64_t feature, int64_t count, int64_t n, unsigned char *to) {
  const rapt_tensor *w = &p->parameters->weight;
  const unsigned char *numbers[RAPT_MAX_PANEL_WIDTH];
  int64_t from_bytes = rapt_row_bytes(w->dtype, RAPT_BLOCK);
  memset(to, 0, (size_t)(p->width * SCALE_BYTES));
  for (int64_t i = 0; i < count; i++) {
    const unsigned char *block = w->data;
    block += (rapt_row_bytes(w->dtype, (feature + i) * w->stride[0])) + n * from_bytes;
    memcpy(to + i * SCALE_BYTES, block, (size_t)SCALE_BYTES);
    numbers[i] = block + SCALE_BYTES;
  }
  (w->dtype == RAPT_Q8_0 ? pack_bytes : pack_nibbles)(numbers, count, p->width, to + p->width * SCALE_BYTES);
}

// The same of bytes, which lie in any strides and have no scales here.
static void pack_block_alone(const packing *p, int64_t feature, int64_t count, int64_t n, unsigned char *to) {
  const rapt_tensor *w = &p->parameters->weight;
  const unsigned char *numbers[RAPT_MAX_PANEL_WIDTH];
  unsigned char gathered[RAPT_MAX_PANEL_WIDTH][RAPT_BLOCK];
  for (int64_t i = 0; i < count; i++) {
    numbers[i] = rapt_offset(w, (feature + i) * w->stride[0] + n * RAPT_BLOCK * w->stride[1]);
    if (w->stride[1] == 1) continue;
    for (int64_t k = 0; k < RAPT_BLOCK; k++) gathered[i][k] = numbers[i][k * w->stride[1]];
    numbers[i] = gathered[i];
  }
  pack_bytes(numbers, count, p->width, to);
}

// Blocks first .. last of a panel.
static void pack_panel(const packing *p, int64_t panel, int64_t first, int64_t last) {
  int32_t dtype = p->parameters->weight.dtype;
  int64_t feature = panel * p->width, count = rapt_min(p->width, p->parameters->out_features - feature);
  int64_t bytes = rapt_cpu_panel_bytes(dtype, p->width, RAPT_BLOCK);
  unsigned char *to = p->panels + (panel * p->blocks + first) * bytes;
  for (int64_t n = first; n < last; n++, to += bytes) {
    (dtype == RAPT_I8 ? pack_block_alone : pack_block)(p, feature, count, n, to);
  }
}

static void pack_task(void *argument, int64_t task, int32_t slot) {
  (void)slot;
  const packing *p = argument;
  int64_t first = task % p->depth_tasks * p->task_blocks;
  pack_panel(p, task / p->depth_tasks, first, rapt_min(first + p->task_blocks, p->blocks));
}

void rapt_cpu_pack_blocks(rapt_cpu_context *context, const rapt_linear_parameters *parameters, void *panels) {
  int64_t in = parameters->in_features, out = parameters->out_features, width = context->kernels.panel_width;
  packing p = {.parameters = parameters, .width = width, .blocks = in / RAPT_BLOCK, .panels = panels};
  p.task_blocks = rapt_even_step(p.blocks, TASK_WEIGHTS / (width * RAPT_BLOCK));
  p.depth_tasks = rapt_ceil_div(p.blocks, p.task_blocks);
  int64_t tasks = rapt_ceil_div(out, width) * p.depth_tasks;
  double work = (double)in * (double)out * WORK_PER_WEIGHT;
  rapt_parallel(context->pool, tasks, rapt_share_work(context->pool, tasks, work, context->kernels.lanes), pack_task,
                &p);
}
