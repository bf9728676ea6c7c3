// SPDX-License-Identifier: Apache-2.0
// The families of attention cases; each runs its cases on every tier.
#ifndef RAPT_TESTS_SDPA_SDPA_SUITES_H
#define RAPT_TESTS_SDPA_SDPA_SUITES_H

// Every size equal to, below and above each tile, one dimension at a time and in random pairs.
void suite_sizes(void);
// Every option alone and every pair of options, in prefill and in decode.
void suite_options(void);
// All options and sizes at random.
void suite_random(void);
// Every layout with odd sizes.
void suite_layouts(void);
// Head dims 1 to 40 and short sequences at both guard pages.
void suite_guards(void);
// Few queries against long K/V: the split path, with its empty chunks.
void suite_decode(void);
// Every broadcast of mask and bias, every fill.
void suite_masks(void);
// NaN and infinity in masked and in visible memory.
void suite_poison(void);
// Zero sizes, single elements, rows that see nothing, offsets far outside.
void suite_corners(void);
// int8 keys and values: every option, fill and layout, one scale per row and several.
void suite_quantised(void);
// A position for each sample, with every option.
void suite_positions(void);
// The weights output in every type and layout, at every stage.
void suite_weights(void);
// Query and key in bf16: all of the above but random, int8 and positions.
void suite_bf16(void);
// Adversarial magnitudes.
void suite_extremes(void);

#endif
