// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.util.Utils;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;

/**
 * The HuggingFace tokenizers library: never on the network, its native part in a folder of this
 * user's own. Thread-safe.
 */
public final class HuggingFaceLibrary {
  private HuggingFaceLibrary() {}

  /**
   * Reads a tokenizer.json to its end, as a tokenizer that neither cuts nor pads; the stream stays
   * the caller's to close, and so does the tokenizer.
   *
   * @throws IOException if the stream cannot be read, the library refuses what it reads, or its
   *     native part cannot be unpacked or loaded
   */
  public static HuggingFaceTokenizer read(InputStream json) throws IOException {
    // Without this the library would download a CUDA build of itself, and send usage reports.
    System.setProperty("ai.djl.offline", "true");
    TokenizerCache.choose();
    try {
      return HuggingFaceTokenizer.newInstance(
          json, Map.of("padding", "false", "truncation", "false"));
    } catch (EngineException | LinkageError e) {
      throw new IOException(
          "its native library cannot be unpacked to "
              + Utils.getEngineCacheDir("tokenizers")
              + TokenizerCache.space()
              + " or cannot be loaded; "
              + TokenizerCache.advice(),
          e);
    }
  }
}
