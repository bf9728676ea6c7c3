// SPDX-License-Identifier: Apache-2.0
/** The all-MiniLM-L6-v2 sentence encoder: weights, tokenizer and layers, on a Rapt device. */
@NullMarked
package dev.rapt.models;

import org.jspecify.annotations.NullMarked;
