// SPDX-License-Identifier: Apache-2.0
/**
 * Whole models on a Rapt device. Here is the sentence encoder all-MiniLM-L6-v2: {@link
 * dev.rapt.models.MiniLmTokenizer} makes token lists of texts, {@link dev.rapt.models.TokenBatch}
 * puts them side by side, {@link dev.rapt.models.MiniLmEncoder} turns a batch into embeddings. The
 * packages {@code gguf}, {@code tokens} and {@code llama} make a language model of a GGUF file.
 */
@NullMarked
package dev.rapt.models;

import org.jspecify.annotations.NullMarked;
