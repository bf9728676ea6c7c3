// SPDX-License-Identifier: Apache-2.0
/**
 * Reads GGUF, the file format of llama.cpp's models: {@link dev.rapt.models.gguf.GgufFile} maps a
 * file and checks all of it before anything is used.
 */
@NullMarked
package dev.rapt.models.gguf;

import org.jspecify.annotations.NullMarked;
