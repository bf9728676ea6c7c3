// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/tiling.h"

#include "base/arithmetic.h"

// Bytes of K that one tile may take: L2 holds it beside the query and output panels of a task. Tiles and chunks order
// the sums, so that their sizes do not follow the machine as a task's do.
#define KEY_TILE_BYTES (192 * 1024)
#define MOST_KEYS_PER_TILE 192
// Keys per tile of the decode path: many, because K and V are read in turns and each turn costs time to start, but no
// more than L1 holds scores of.
#define DECODE_SCORES 2048
#define MOST_DECODE_KEYS 512
#define LEAST_DECODE_KEYS 128
// A pass reads many keys before their values, because a stream of K or V takes a third of a microsecond to start: the
// most scores, and the most keys, of a pass.
#define PASS_SCORES 16384
#define MOST_PASS_KEYS 4096
// Keys after which a sum goes on in double. Fewer would cost time: at this many it is a hundredth or two. More would
// cost digits: a float that sums n weighted values is off by up to n of its roundings, and by the root of n mostly.
#define MOST_STRETCH 4096

// Rows of scores lie a line farther apart where else the line that each of them is at would be in the same set of L1,
// and the rows leave no place there for K and V. Elsewhere that would only add stores that a load may seem to depend
// on.
static int64_t choose_score_stride(const rapt_machine *machine, int64_t rows, int64_t keys) {
  int share = keys * (int64_t)sizeof(float) % RAPT_WAY_BYTES == 0;
  return share && rows >= rapt_machine_l1_ways(machine) ? keys + RAPT_SCORE_MULTIPLE : keys;
}

void rapt_sdpa_choose_tiles(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, rapt_cpu_sdpa *plan) {
  const rapt_sdpa *c = &problem->call;
  int64_t depth = rapt_max(c->head_dim, c->value_dim);
  int few = problem->rows <= RAPT_DECODE_WIDTH && rapt_sdpa_may_decode(c);
  plan->path = few ? RAPT_SDPA_DECODE : RAPT_SDPA_PREFILL;
  if (few) {
    plan->key_tile = MOST_DECODE_KEYS;
    while (plan->key_tile > LEAST_DECODE_KEYS && plan->key_tile * problem->rows > DECODE_SCORES) plan->key_tile /= 2;
    plan->pass_keys = plan->key_tile;
    while (plan->pass_keys < MOST_PASS_KEYS && plan->pass_keys * problem->rows < PASS_SCORES) plan->pass_keys *= 2;
    plan->score_stride = choose_score_stride(&context->machine, problem->rows, plan->pass_keys);
  } else {
    int64_t rows = context->kernels.tile_rows;
    int64_t keys = rapt_min(MOST_KEYS_PER_TILE, KEY_TILE_BYTES / (depth * (int64_t)sizeof(float)));
    plan->key_tile = rapt_max(keys / rows, 1) * rows;
  }
  plan->splits = 1;
  plan->chunk = rapt_ceil_div(rapt_max(c->kv_len, 1), plan->key_tile) * plan->key_tile;
  if (problem->rows <= RAPT_SDPA_SPLIT_ROWS && c->kv_len >= RAPT_SDPA_SPLIT_KEYS && !rapt_is_present(&c->weights)) {
    int64_t keys = rapt_max(RAPT_SDPA_LEAST_CHUNK, rapt_ceil_div(c->kv_len, RAPT_SDPA_MOST_SPLITS));
    plan->chunk = rapt_ceil_div(keys, plan->key_tile) * plan->key_tile;
    plan->splits = rapt_ceil_div(c->kv_len, plan->chunk);
  }
  if (c->kv_len >= MOST_STRETCH) plan->stretch = MOST_STRETCH / plan->key_tile * plan->key_tile;
}
