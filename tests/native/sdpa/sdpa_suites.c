// SPDX-License-Identifier: Apache-2.0
#include "sdpa/sdpa_suites.h"

#include <stdint.h>

#include "sdpa/sdpa_case.h"
#include "support/check.h"
#include "support/random.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof(array)[0]))

// Rows and columns of register tiles, cache blocks and panels of the three tiers, and their neighbours.
static const int64_t edges[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  11, 12, 13, 15,  16,  17,  23,  24,  25,
                                31, 32, 33, 47, 48, 49, 63, 64, 65, 95, 96, 97, 127, 128, 129, 191, 192, 193};
static const int64_t long_edges[] = {255, 256, 257, 383, 384, 385, 511, 512, 513};

static sdpa_case shape(int64_t heads, int64_t kv_heads, int64_t q_len, int64_t kv_len, int64_t head_dim,
                       int64_t value_dim) {
  static int64_t next_seed = 1;
  sdpa_case c = sdpa_case_default();
  c.heads = heads;
  c.kv_heads = kv_heads;
  c.q_len = q_len;
  c.kv_len = kv_len;
  c.head_dim = head_dim;
  c.value_dim = value_dim;
  c.seed = next_seed++;
  c.guard = c.seed & 1;
  c.scratch = c.seed % 3 == 0;
  return c;
}

// Whether cases take query and key in bf16.
static int as_bf16;

static void run(sdpa_case c) {
  c.bf16 = as_bf16;
  sdpa_case_run(&c);
}

void suite_sizes(void) {
  for (int i = 0; i < COUNT(edges); i++) {
    run(shape(1, 1, edges[i], 37, 20, 20));
    run(shape(1, 1, 37, edges[i], 20, 20));
    run(shape(1, 1, 21, 70, edges[i], 16));
    run(shape(1, 1, 21, 70, 16, edges[i]));
    run(shape(2, 1, edges[i], edges[i], 33, 17));
    sdpa_case causal = shape(1, 1, edges[i], edges[i], 24, 24);
    causal.causal = 1;
    run(causal);
  }
  for (int i = 0; i < COUNT(long_edges); i++) {
    run(shape(1, 1, long_edges[i], 40, 8, 8));
    run(shape(1, 1, 40, long_edges[i], 8, 8));
    run(shape(1, 1, 9, 30, long_edges[i], 8));
    run(shape(1, 1, 9, 30, 8, long_edges[i]));
    sdpa_case causal = shape(1, 1, long_edges[i], long_edges[COUNT(long_edges) - 1 - i], 16, 16);
    causal.causal = 1;
    run(causal);
  }
  run(shape(2, 1, 5, 19, 1023, 1024));
  run(shape(2, 1, 5, 19, 1024, 1023));
  run(shape(1, 1, 33, 65, 1024, 1024));
  random_state r = {11};
  for (int i = 0; i < test_sweep(250, 150, 40); i++) {
    run(shape(1, 1, edges[random_between(&r, 0, COUNT(edges) - 1)], edges[random_between(&r, 0, COUNT(edges) - 1)],
              edges[random_between(&r, 0, COUNT(edges) - 1)], edges[random_between(&r, 0, COUNT(edges) - 1)]));
  }
}

// Turns on option number n; what it switches on must be visible in the results of any shape.
enum { OPTION_COUNT = 19 };
static void apply_option(sdpa_case *c, int n) {
  switch (n) {
    case 0:
      c->causal = 1;
      break;
    case 1:
      c->causal = 1;
      c->position = c->kv_len - c->q_len;
      break;
    case 2:
      c->causal = 1;
      c->position = -2;
      break;
    case 3:
      c->window = 1;
      c->window_left = 5;
      c->window_right = 3;
      c->position = c->kv_len - c->q_len;
      break;
    case 4:
      c->window = 1;
      c->window_left = -1;
      c->window_right = 4;
      break;
    case 5:
      c->window = 1;
      c->window_left = 33;
      c->window_right = -1;
      c->position = 20;
      break;
    case 6:
      c->mask = 15;
      break;
    case 7:
      c->mask = 12;
      c->mask_fill = MASK_ROWS;
      break;
    case 8:
      c->mask = 8;
      c->mask_fill = MASK_SPARSE;
      break;
    case 9:
      c->bias = 15;
      break;
    case 10:
      c->bias = 14;
      c->bias_fill = BIAS_SOME_INFINITE;
      break;
    case 11:
      c->softcap = 1.5;
      break;
    case 12:
      c->alibi = 1;
      break;
    case 13:
      c->sinks = 1;
      break;
    case 14:
      c->scaled = 1;
      c->scale = -0.7;
      break;
    case 15:
      c->weights = RAPT_WEIGHTS_RAW;
      break;
    case 16:
      c->weights = RAPT_WEIGHTS_SOFTCAP;
      break;
    case 17:
      c->weights = RAPT_WEIGHTS_BIAS;
      break;
    default:
      c->weights = RAPT_WEIGHTS_SOFTMAX;
      break;
  }
}

void suite_options(void) {
  for (int first = 0; first < OPTION_COUNT; first++) {
    for (int second = first; second < OPTION_COUNT; second++) {
      for (int decode = 0; decode < 2; decode++) {
        sdpa_case c = decode ? shape(4, 2, 2, 131, 24, 20) : shape(2, 1, 35, 70, 20, 24);
        c.batch = 2;
        apply_option(&c, first);
        apply_option(&c, second);
        run(c);
      }
    }
  }
}

void suite_random(void) {
  random_state r = {23};
  for (int i = 0; i < test_sweep(1000, 400, 150); i++) {
    int64_t kv_heads = random_between(&r, 1, 3);
    int decode = random_percent(&r, 30);
    int64_t q_len = decode ? random_between(&r, 1, 16) : random_between(&r, 1, 110);
    int64_t d = random_between(&r, 1, 72);
    sdpa_case c = shape(kv_heads * random_between(&r, 1, 5), kv_heads, q_len, random_between(&r, 1, decode ? 700 : 150),
                        d, random_percent(&r, 60) ? d : random_between(&r, 1, 72));
    c.batch = random_percent(&r, 30) ? 2 : 1;
    for (int n = 0; n < OPTION_COUNT; n++) {
      if (random_percent(&r, 12)) apply_option(&c, n);
    }
    if (random_percent(&r, 30)) c.position = random_between(&r, -c.q_len - 2, c.kv_len + 2);
    if (c.window && random_percent(&r, 50)) {
      c.window_left = random_between(&r, -1, c.kv_len);
      c.window_right = random_between(&r, -1, c.kv_len);
    }
    if (c.mask >= 0) {
      c.mask = random_between(&r, 0, 15);
      c.mask_fill = random_between(&r, 0, MASK_FILL_COUNT - 1);
    }
    if (c.bias >= 0) {
      c.bias = random_between(&r, 0, 15);
      c.bias_fill = random_between(&r, 0, BIAS_FILL_COUNT - 1);
    }
    c.fill = random_percent(&r, 60) ? FILL_UNIFORM : random_between(&r, 0, FILL_COUNT - 1);
    c.layout = random_between(&r, 0, LAYOUT_COUNT - 1);
    if ((c.layout == LAYOUT_PACKED && (c.q_len != c.kv_len || c.head_dim != c.value_dim)) ||
        (c.layout == LAYOUT_VALUE_IN_KEY && c.value_dim > c.head_dim)) {
      c.layout = LAYOUT_BSHD;
    }
    c.lse = random_percent(&r, 50);
    run(c);
  }
}

void suite_layouts(void) {
  static const int64_t dims[][2] = {{1, 1}, {8, 8}, {20, 13}, {64, 64}, {65, 33}};
  static const int64_t lengths[][2] = {{1, 40}, {3, 200}, {50, 50}, {33, 97}, {130, 66}};
  for (int64_t layout = 0; layout < LAYOUT_COUNT; layout++) {
    for (int d = 0; d < COUNT(dims); d++) {
      for (int s = 0; s < COUNT(lengths); s++) {
        sdpa_case c = shape(4, 2, lengths[s][0], lengths[s][1], dims[d][0], dims[d][1]);
        c.batch = 2;
        c.layout = layout;
        if (layout == LAYOUT_PACKED) {
          c.kv_len = c.q_len;
          c.value_dim = c.head_dim;
        }
        c.weights = s % 2 ? RAPT_WEIGHTS_SOFTMAX : -1;
        for (c.guard = 0; c.guard < 2; c.guard++) run(c);
      }
    }
  }
}

void suite_guards(void) {
  static const int64_t lengths[][2] = {{1, 1}, {1, 7}, {3, 5}, {7, 33}, {13, 17}, {18, 50}};
  for (int64_t d = 1; d <= 40; d++) {
    for (int s = 0; s < COUNT(lengths); s++) {
      for (int guard = 0; guard < 2; guard++) {
        sdpa_case c = shape(2, 1, lengths[s][0], lengths[s][1], d, 41 - d);
        c.guard = guard;
        c.mask = 15;
        c.bias = 15;
        c.alibi = c.sinks = c.scratch = 1;
        c.weights = RAPT_WEIGHTS_SOFTMAX;
        run(c);
        sdpa_case plain = shape(2, 2, lengths[s][0], lengths[s][1], d, d);
        plain.guard = guard;
        plain.scratch = 1;
        run(plain);
      }
    }
  }
}

void suite_decode(void) {
  static const int64_t lengths[] = {1, 31, 127, 128, 129, 511, 513, 1025, 2100, 4097};
  static const int64_t groups[][2] = {{1, 1}, {4, 1}, {7, 1}, {8, 2}, {6, 3}, {16, 1}};
  for (int64_t q_len = 1; q_len <= 16; q_len += q_len < 5 ? 1 : 3) {
    for (int l = 0; l < COUNT(lengths); l++) {
      for (int g = 0; g < COUNT(groups); g++) {
        if ((l + g + q_len) % (TEST_REDUCED || as_bf16 ? 7 : 2)) continue;
        int64_t d = l % 2 ? 64 : 40;
        sdpa_case c = shape(groups[g][0], groups[g][1], q_len, lengths[l], d, g % 2 ? d : d - 9);
        c.causal = (l + g) % 3 == 0;
        c.position = c.causal ? c.kv_len - c.q_len : 0;
        run(c);
      }
    }
  }
  // Chunks of keys that nobody sees, at the start, the end and in between.
  for (int fill = 0; fill < 4; fill++) {
    sdpa_case c = shape(4, 1, 2, 3000, 32, 32);
    c.fill = FILL_POISON_UNSEEN;
    if (fill == 0) {
      c.window = 1;
      c.window_left = 10;
      c.window_right = 0;
      c.position = c.kv_len - 2;
    } else if (fill == 1) {
      c.causal = 1;
      c.position = 17;
    } else {
      c.mask = 12;
      c.mask_fill = fill == 2 ? MASK_SPARSE : MASK_BLOCKS;
    }
    run(c);
  }
}

void suite_masks(void) {
  for (int64_t dims = 0; dims < 16; dims++) {
    for (int64_t fill = 0; fill < MASK_FILL_COUNT; fill++) {
      sdpa_case c = shape(4, 2, fill % 2 ? 3 : 40, 130, 16, 16);
      c.batch = 2;
      c.mask = dims;
      c.mask_fill = fill;
      c.weights = RAPT_WEIGHTS_SOFTMAX;
      run(c);
    }
    for (int64_t fill = 0; fill < BIAS_FILL_COUNT; fill++) {
      sdpa_case c = shape(4, 2, fill % 2 ? 3 : 40, 130, 16, 16);
      c.batch = 2;
      c.bias = dims;
      c.bias_fill = fill;
      c.weights = RAPT_WEIGHTS_BIAS;
      c.mask = fill == BIAS_NAN_WHERE_HIDDEN ? 15 : -1;
      run(c);
    }
  }
}

void suite_poison(void) {
  random_state r = {37};
  for (int i = 0; i < test_sweep(400, 200, 60); i++) {
    int decode = i % 2;
    sdpa_case c =
        shape(4, 2, decode ? random_between(&r, 1, 9) : random_between(&r, 1, 80),
              random_between(&r, 1, decode ? 400 : 120), random_between(&r, 1, 50), random_between(&r, 1, 50));
    c.fill = i % 4 < 2 ? FILL_POISON_UNSEEN : FILL_POISON_SOME;
    apply_option(&c, (int)random_between(&r, 0, 10));
    apply_option(&c, (int)random_between(&r, 0, 13));
    c.weights = random_percent(&r, 30) ? random_between(&r, 2, 3) : -1;
    c.bias_fill = c.bias == 15 ? BIAS_NAN_WHERE_HIDDEN : c.bias_fill;
    c.layout = random_percent(&r, 50) ? LAYOUT_BHSD : random_between(&r, 1, LAYOUT_REVERSED);
    run(c);
  }
}

void suite_corners(void) {
  static const int64_t lengths[][2] = {{0, 0}, {0, 5}, {5, 0}, {1, 1}, {1, 0}, {34, 1}, {40, 7}};
  for (int s = 0; s < COUNT(lengths); s++) {
    for (int n = 0; n < OPTION_COUNT; n++) {
      sdpa_case c = shape(2, 1, lengths[s][0], lengths[s][1], 9, 5);
      apply_option(&c, n);
      run(c);
      c.batch = 0;
      run(c);
    }
    sdpa_case one = shape(1, 1, lengths[s][0], lengths[s][1], 1, 1);
    one.weights = RAPT_WEIGHTS_SOFTMAX;
    run(one);
  }
  // Queries before the first key, behind the last one, and where i + offset would wrap.
  static const int64_t offsets[] = {-34, -33, -1, 33, 1000, -1000, INT64_MAX, INT64_MIN, INT64_MAX - 3, INT64_MIN + 3};
  for (int i = 0; i < COUNT(offsets); i++) {
    for (int decode = 0; decode < 2; decode++) {
      sdpa_case c = shape(2, 1, decode ? 3 : 34, 40, 8, 8);
      c.position = offsets[i];
      c.causal = 1;
      run(c);
      c.window = 1;
      run(c);
      c.window_left = 0;
      c.window_right = 0;
      run(c);
      c.window_left = INT64_MAX;
      c.window_right = INT64_MAX;
      run(c);
      c.causal = 0;
      run(c);
      c.window_right = 0;
      c.sinks = 1;
      run(c);
    }
  }
}

void suite_extremes(void) {
  for (int64_t fill = 0; fill < FILL_COUNT; fill++) {
    for (int n = 0; n < OPTION_COUNT; n++) {
      for (int decode = 0; decode < 2; decode++) {
        sdpa_case c = decode ? shape(4, 2, 1, 600, 40, 24) : shape(2, 2, 50, 170, 24, 40);
        c.fill = fill;
        apply_option(&c, n);
        run(c);
      }
    }
  }
  // Some key tiles in a row that every query sees: with maxima that stay, that move, and that move by more exponents
  // than a float has.
  for (int64_t fill = 0; fill < FILL_COUNT; fill++) {
    for (int steep = 0; steep < 2; steep++) {
      sdpa_case c = shape(2, 2, 50, 600, 24, 40);
      c.fill = fill;
      c.scaled = steep;
      c.scale = 8;
      run(c);
    }
  }
  for (int decode = 0; decode < 2; decode++) {
    sdpa_case c = decode ? shape(1, 1, 1, 300, 16, 16) : shape(1, 1, 40, 100, 16, 16);
    c.scaled = 1;
    static const double scales[] = {0, 1e-30, -1e-30, 1e3, -1e3};
    for (int i = 0; i < COUNT(scales); i++) {
      c.scale = scales[i];
      run(c);
    }
    c.scale = 1;
    // Finite "masks": every logit far below zero, the differences between them small or nothing.
    sdpa_case masked = c;
    masked.scaled = 0;
    masked.bias = 15;
    masked.bias_fill = BIAS_VERY_NEGATIVE;
    run(masked);
    masked.fill = FILL_TINY;
    run(masked);
    static const double caps[] = {1e-20, 1e-3, 50, 1e20};
    for (int i = 0; i < COUNT(caps); i++) {
      c.softcap = caps[i];
      run(c);
    }
  }
}

void suite_quantised(void) {
  static const int64_t dims[][3] = {{64, 1, 4}, {33, 1, 3}, {80, 5, 1}, {17, 17, 1}, {128, 1, 1}};
  for (int d = 0; d < COUNT(dims); d++) {
    for (int decode = 0; decode < 2; decode++) {
      int64_t q_len = decode ? 1 + d % 3 : 40, kv_len = decode ? 600 : 110;
      for (int n = 0; n < OPTION_COUNT + FILL_COUNT + LAYOUT_COUNT; n++) {
        sdpa_case c = shape(4, d % 2 ? 1 : 2, q_len, kv_len + n, dims[d][0], dims[d][0]);
        c.key_groups = dims[d][1 + n % 2];
        c.value_groups = dims[d][2 - n % 2];
        if (n < OPTION_COUNT) {
          apply_option(&c, n);
        } else if (n < OPTION_COUNT + FILL_COUNT) {
          c.fill = n - OPTION_COUNT;
          c.mask = n % 2 ? 12 : -1;
        } else {
          c.layout = n - OPTION_COUNT - FILL_COUNT;
          c.batch = 2;
        }
        // Views of one memory cannot be quantised each by itself.
        if (c.layout != LAYOUT_PACKED && c.layout != LAYOUT_VALUE_IN_KEY) run(c);
      }
    }
    // Only one of the two, and the split path.
    sdpa_case c = shape(8, 2, 1, 2100, dims[d][0], dims[d][0]);
    c.key_groups = dims[d][1];
    run(c);
    c.value_groups = dims[d][2];
    run(c);
    c.key_groups = 0;
    run(c);
  }
}

// Every sample of a batch elsewhere, with every option.
void suite_positions(void) {
  for (int n = 0; n < OPTION_COUNT; n++) {
    for (int variant = 0; variant < 8; variant++) {
      sdpa_case c = variant & 1 ? shape(4, 2, 2, 300, 24, 20) : shape(2, 1, 35, 70, 20, 24);
      c.batch = 3;
      apply_option(&c, n);
      c.causal |= variant & 2;
      c.positions = variant & 4 ? 2 : 1;
      c.fill = n % 2 ? FILL_POISON_UNSEEN : FILL_UNIFORM;
      run(c);
    }
  }
}

// Scores far apart, so that weights made from scores that were rounded already would show.
void suite_weights(void) {
  static const int64_t types[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
  static const int64_t layouts[] = {LAYOUT_BHSD,       LAYOUT_BSHD,     LAYOUT_PADDED,
                                    LAYOUT_TRANSPOSED, LAYOUT_REVERSED, LAYOUT_SKIPPING};
  static const int64_t fills[] = {FILL_PEAKED, FILL_UNIFORM, FILL_SPIKES, FILL_VERY_NEGATIVE, FILL_POISON_SOME};
  for (int64_t stage = RAPT_WEIGHTS_RAW; stage <= RAPT_WEIGHTS_SOFTMAX; stage++) {
    for (int n = 0; n < COUNT(types) * COUNT(layouts); n++) {
      for (int variant = 0; variant < 3; variant++) {
        sdpa_case c = variant == 0   ? shape(4, 2, 2, 131, 24, 20)
                      : variant == 1 ? shape(6, 2, 35, 70, 20, 24)
                                     : shape(1, 1, 70, 600, 8, 8);
        c.batch = 2;
        c.weights = stage;
        c.weights_type = types[n % COUNT(types)];
        c.weights_layout = layouts[n / COUNT(types)];
        c.fill = fills[(n + variant) % COUNT(fills)];
        if (n % 2) apply_option(&c, (n + variant) % 15);
        run(c);
      }
    }
  }
  for (int type = 0; type < COUNT(types); type++) {
    sdpa_case c = shape(2, 1, 5, 0, 9, 5);
    c.weights = RAPT_WEIGHTS_SOFTMAX;
    c.weights_type = types[type];
    run(c);
    c.kv_len = 3;
    c.mask = 15;
    c.mask_fill = MASK_ALL_FALSE;
    run(c);
  }
}

// Everything once more, except for what would only cost time: random cases, and most lengths of decoding.
void suite_bf16(void) {
  as_bf16 = 1;
  suite_sizes();
  suite_options();
  suite_layouts();
  suite_guards();
  suite_decode();
  suite_masks();
  suite_poison();
  suite_corners();
  suite_extremes();
  as_bf16 = 0;
}
