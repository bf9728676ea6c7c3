// SPDX-License-Identifier: Apache-2.0
/**
 * Whole encoders on a Rapt device. So far there is one, the sentence encoder all-MiniLM-L6-v2:
 * {@link dev.rapt.models.MiniLmTokenizer} makes token lists of texts, {@link
 * dev.rapt.models.TokenBatch} puts them side by side, {@link dev.rapt.models.MiniLmEncoder} turns a
 * batch into embeddings.
 */
@NullMarked
package dev.rapt.models;

import org.jspecify.annotations.NullMarked;
