// SPDX-License-Identifier: Apache-2.0

/**
 * Attention on off-heap tensors: {@link dev.rapt.Attention}, {@link dev.rapt.MultiHeadAttention},
 * {@link dev.rapt.RotaryEmbedding} and {@link dev.rapt.Linear} run on a {@link dev.rapt.Device}.
 *
 * <p>Shapes are written as in the papers: B batch, Hq query heads, Hkv key/value heads, Sq query
 * length, Skv key/value length, D head dimension, Dv value dimension, E embedding width.
 *
 * <p>Bad arguments throw before anything is written: {@link java.lang.IllegalArgumentException}
 * naming the argument, its value and what was allowed; {@link java.lang.IllegalStateException} for
 * anything closed; {@link java.lang.WrongThreadException} for memory confined to another thread.
 */
@NullMarked
package dev.rapt;

import org.jspecify.annotations.NullMarked;
