// SPDX-License-Identifier: Apache-2.0
/**
 * Text to tokens and back, by the vocabulary that a GGUF file has: {@link
 * dev.rapt.models.tokens.GgufTokenizer}.
 */
@NullMarked
package dev.rapt.models.tokens;

import org.jspecify.annotations.NullMarked;
