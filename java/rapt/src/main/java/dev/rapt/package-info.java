// SPDX-License-Identifier: Apache-2.0

/**
 * Attention on off-heap tensors: {@link dev.rapt.Attention}, {@link dev.rapt.MultiHeadAttention},
 * {@link dev.rapt.RotaryEmbedding}, {@link dev.rapt.Linear}, {@link dev.rapt.Merge}, {@link
 * dev.rapt.Gelu} and {@link dev.rapt.LayerNorm} run on a {@link dev.rapt.Device}.
 *
 * <p>Letters of shapes: B batch, H heads, Hq query heads, Hkv key/value heads, S length, Sq query
 * length, Skv key/value length, D head dimension, Dv value dimension, E embedding width.
 *
 * <p>Bad arguments throw before anything is written: {@link java.lang.NullPointerException} for a
 * tensor that is missing; {@link java.lang.IllegalArgumentException} naming the argument, its value
 * and what was allowed; {@link java.lang.IllegalStateException} for anything closed; {@link
 * java.lang.WrongThreadException} for memory confined to another thread. What a device reports is a
 * {@link dev.rapt.RaptException}.
 */
@NullMarked
package dev.rapt;

import org.jspecify.annotations.NullMarked;
