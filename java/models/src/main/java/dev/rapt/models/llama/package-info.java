// SPDX-License-Identifier: Apache-2.0
/**
 * Llama and its like on a Rapt device, from a GGUF file: {@link dev.rapt.models.llama.LlamaModel}
 * holds the weights, {@link dev.rapt.models.llama.LlamaSequence} reads and writes one text by them,
 * {@link dev.rapt.models.llama.TextGenerator} does that with words, and {@link
 * dev.rapt.models.llama.TextBatch} with many texts at once. Keys and values are in a {@link
 * dev.rapt.cache.KvCache}.
 */
@NullMarked
package dev.rapt.models.llama;

import org.jspecify.annotations.NullMarked;
