// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "sdpa_case.h"

namespace {

void fill_one_sided(tensor *t, generator *random) {
  t->each([&](int64_t i) { t->set(i, 0.75f + 0.25f * random->unit()); });
}

void fill(tensor *t, generator *random, float size) {
  if (t->view().dtype == RAPT_I8) {
    t->each([&](int64_t i) { t->set(i, static_cast<float>(random->between(-128, 127))); });
  } else {
    t->each([&](int64_t i) { t->set(i, size * random->unit()); });
  }
}

// Scales that take i8 numbers to about 1.
void place_scale(const sdpa_case &c, tensor *scale, int64_t groups, generator *random) {
  scale->place(RAPT_F32, {c.batch, c.kv_heads, c.kv_len, groups}, {0, 1, 2, 3}, 1, c.scales_shared);
  fill(scale, random, 1.0f / 100);
}

void fill_flags(tensor *t, generator *random, int chance) {
  t->each([&](int64_t i) { t->set(i, random->percent(chance) ? 1.0f : 0.0f); });
}

void place(tensor *t, int32_t dtype, sizes size, int layout) {
  if (layout == 1) {
    t->place(dtype, size, {0, 2, 1, 3});
  } else if (layout == 2) {
    // Odd: rows lose their alignment to 16 bytes.
    t->place(dtype, size, {0, 1, 2, 3}, 3);
  } else if (layout == 3) {
    t->place(dtype, size, {0, 1, 3, 2});
  } else if (layout == 4) {
    // Rows keep their alignment.
    t->place(dtype, size, {1, 0, 2, 3}, 8);
  } else {
    t->place(dtype, size);
  }
}

// NaN in whatever no row of the group sees.
void poison(sdpa_tensors *t, const rapt_sdpa_problem &p, bool shared_scales) {
  const rapt_sdpa &c = p.call;
  for (int64_t b = 0; b < c.batch; b++) {
    for (int64_t h = 0; h < c.kv_heads; h++) {
      for (int64_t j = 0; j < c.kv_len; j++) {
        bool seen = false;
        for (int64_t row = 0; row < p.rows && !seen; row++) {
          seen = visible(*t, p, b, h * p.group + row % p.group, row / p.group, j);
        }
        if (seen) continue;
        // An i8 number cannot be NaN, but its scale can, unless others share it.
        if (c.key.dtype != RAPT_I8) {
          for (int64_t d = 0; d < c.head_dim; d++) t->key.set(t->key.index(b, h, j, d), NAN);
        } else if (!shared_scales) {
          t->key_scale.set(t->key_scale.index(b, h, j), NAN);
        }
        if (c.value.dtype != RAPT_I8) {
          for (int64_t d = 0; d < c.value_dim; d++) {
            t->value.set(t->value.index(b, h, j, d), d % 2 == 0 ? NAN : INFINITY);
          }
        } else if (!shared_scales) {
          t->value_scale.set(t->value_scale.index(b, h, j), NAN);
        }
      }
    }
  }
}

void place_options(const sdpa_case &c, sdpa_tensors *t, generator *random) {
  sizes scores = {c.batch, c.heads, c.query_len, c.kv_len - c.appended};
  if (c.mask >= 0) {
    t->mask.place(RAPT_BOOL, scores, {0, 1, 2, 3}, 1, c.mask);
    fill_flags(&t->mask, random, 70);
  }
  if (c.bias >= 0) {
    t->bias.place(c.bias_type, scores, {0, 1, 2, 3}, 2, c.bias);
    fill(&t->bias, random, 2);
    t->bias.each([&](int64_t i) {
      if (random->percent(15)) t->bias.set(i, -INFINITY);
    });
  }
  if (c.padding != 0) {
    t->padding.place(RAPT_BOOL, {c.batch, c.kv_len - c.appended, 1, 1});
    fill_flags(&t->padding, random, 30);
  }
  if (c.alibi != 0) {
    t->alibi.place(RAPT_F32, {c.batch, c.heads, 1, 1}, {0, 1, 2, 3}, 0, c.alibi == 2 ? 1 : 0);
    fill(&t->alibi, random, 0.5f);
  }
  if (c.sinks != 0) {
    t->sinks.place(RAPT_F32, {c.batch, c.heads, 1, 1}, {0, 1, 2, 3}, 0, c.sinks == 2 ? 1 : 0);
    fill(&t->sinks, random, 3);
  }
  if (c.positions != 0) {
    // Samples apart by a few keys, and elements of the tensor apart too.
    t->positions.place(c.positions == 1 ? RAPT_I32 : RAPT_I64, {c.batch, 1, 1, 1}, {0, 1, 2, 3}, 0);
    for (int64_t b = 0; b < c.batch; b++) t->positions.set_index(t->positions.index(b), c.position + 7 * b);
  }
}

}  // namespace

std::string describe(const sdpa_case &c) {
  char text[640];
  snprintf(
      text, sizeof text,
      "b%lld h%lld/%lld q%lld k%lld d%lld/%lld types %d%d%d%d causal=%d position=%lld/%d window=%d:%lld:%lld scale=%g "
      "softcap=%g mask=%d bias=%d/%d alibi=%d sinks=%d weights=%d/%d appended=%lld first=%lld padding=%d layout=%d "
      "poison=%d spread=%g one-sided=%d%d groups=%lld/%lld shared=%d split=%lld/%lld seed=%llu kernel=%s/%s",
      static_cast<long long>(c.batch), static_cast<long long>(c.heads), static_cast<long long>(c.kv_heads),
      static_cast<long long>(c.query_len), static_cast<long long>(c.kv_len), static_cast<long long>(c.head_dim),
      static_cast<long long>(c.value_dim), c.query, c.key, c.value, c.output, c.causal,
      static_cast<long long>(c.position), c.positions, c.window, static_cast<long long>(c.window_left),
      static_cast<long long>(c.window_right), static_cast<double>(c.scale), static_cast<double>(c.softcap), c.mask,
      c.bias, c.bias_type, c.alibi, c.sinks, c.weights, c.weights_type, static_cast<long long>(c.appended),
      static_cast<long long>(c.first_query), c.padding, c.layout, c.poison, static_cast<double>(c.spread),
      c.one_sided_scores, c.one_sided_values, static_cast<long long>(c.key_groups),
      static_cast<long long>(c.value_groups), c.scales_shared, static_cast<long long>(c.split_tiles),
      static_cast<long long>(c.samples), static_cast<unsigned long long>(c.seed), c.path == nullptr ? "any" : c.path,
      c.family == nullptr ? "any" : c.family);
  return text;
}

int64_t position_of(const sdpa_tensors &t, const rapt_sdpa_problem &p, int64_t batch) {
  return t.positions.present() ? t.positions.get_index(t.positions.index(batch)) : p.call.options.position;
}

bool visible(const sdpa_tensors &t, const rapt_sdpa_problem &p, int64_t batch, int64_t head, int64_t query, int64_t j) {
  const rapt_sdpa_options &o = p.call.options;
  if (j >= p.call.kv_len - p.appended_keys) return true;
  __extension__ typedef __int128 wide;
  wide at = static_cast<wide>(position_of(t, p, batch)) + p.first_query + query;
  if ((o.flags & RAPT_CAUSAL) != 0 && j > at) return false;
  if ((o.flags & RAPT_WINDOW) != 0) {
    if (o.window_left >= 0 && j < at - o.window_left) return false;
    if (o.window_right >= 0 && j > at + o.window_right) return false;
  }
  if (t.mask.present() && t.mask.get(t.mask.index(batch, head, query, j)) == 0) return false;
  if (t.padding.present() && t.padding.get(t.padding.index(batch, j)) != 0) return false;
  return !t.bias.present() || t.bias.get(t.bias.index(batch, head, query, j)) != -INFINITY;
}

void build(const sdpa_case &c, sdpa_tensors *t, rapt_sdpa_problem *problem) {
  generator random = {c.seed};
  place(&t->query, c.query, {c.batch, c.heads, c.query_len, c.head_dim}, c.layout);
  place(&t->key, c.key, {c.batch, c.kv_heads, c.kv_len, c.head_dim}, c.layout);
  place(&t->value, c.value, {c.batch, c.kv_heads, c.kv_len, c.value_dim}, c.layout);
  place(&t->output, c.output, {c.batch, c.heads, c.query_len, c.value_dim}, c.layout);
  fill(&t->query, &random, c.spread);
  fill(&t->key, &random, 1);
  fill(&t->value, &random, 1);
  if (c.one_sided_scores) {
    fill_one_sided(&t->query, &random);
    fill_one_sided(&t->key, &random);
  }
  if (c.one_sided_values) fill_one_sided(&t->value, &random);
  if (c.key == RAPT_I8) place_scale(c, &t->key_scale, c.key_groups, &random);
  if (c.value == RAPT_I8) place_scale(c, &t->value_scale, c.value_groups, &random);
  place_options(c, t, &random);
  if (c.lse != 0) t->lse.place(RAPT_F32, {c.batch, c.heads, c.query_len, 1}, {0, 2, 1, 3});
  sizes scores = {c.batch, c.heads, c.query_len, c.kv_len};
  if (c.weights >= 0) place(&t->weights, c.weights_type, scores, c.layout == 3 ? 3 : 2);
  *problem = {};
  rapt_sdpa *call = &problem->call;
  call->head.struct_size = sizeof *call;
  call->query = t->query.view();
  call->key = t->key.view();
  call->value = t->value.view();
  call->output = t->output.view();
  call->mask = t->mask.view();
  call->bias = t->bias.view();
  call->alibi_slopes = t->alibi.view();
  call->sinks = t->sinks.view();
  call->lse = t->lse.view();
  call->weights = t->weights.view();
  call->positions = t->positions.view();
  call->key_scale = t->key_scale.view();
  call->value_scale = t->value_scale.view();
  call->key_scale_groups = c.key_groups;
  call->value_scale_groups = c.value_groups;
  call->batch = c.batch;
  call->query_heads = c.heads;
  call->kv_heads = c.kv_heads;
  call->query_len = c.query_len;
  call->kv_len = c.kv_len;
  call->head_dim = c.head_dim;
  call->value_dim = c.value_dim;
  call->options.position = c.positions != 0 ? 0 : c.position;
  call->options.window_left = c.window_left;
  call->options.window_right = c.window_right;
  call->options.scale = c.scale;
  call->options.softcap = c.softcap;
  call->options.weights_stage = c.weights >= 0 ? c.weights : 0;
  call->options.flags =
      (c.causal != 0 ? RAPT_CAUSAL : 0) | (c.window != 0 ? RAPT_WINDOW : 0) | (c.scale != 0 ? RAPT_SCALE : 0);
  problem->appended_keys = c.appended;
  problem->key_padding = t->padding.view();
  problem->first_query = c.first_query;
  rapt_sdpa_derive(problem);
  if (c.poison != 0) poison(t, *problem, c.scales_shared != 0);
}
