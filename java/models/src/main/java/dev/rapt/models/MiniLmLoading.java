// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import dev.rapt.Device;
import java.io.UncheckedIOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * Reads the model on a thread of its own, while the caller opens a device and loads the tokenizer:
 * unpacking 91 MB takes longer than both. Not thread-safe.
 */
public final class MiniLmLoading {
  /** Dropped when it is used: it holds the whole file. */
  private @Nullable CompletableFuture<OnnxWeights> weights;

  private MiniLmLoading(CompletableFuture<OnnxWeights> weights) {
    this.weights = weights;
  }

  /** Begins to read. */
  public static MiniLmLoading start() {
    return new MiniLmLoading(CompletableFuture.supplyAsync(MiniLmEncoder::readWeights));
  }

  /**
   * What {@link MiniLmEncoder#load} gives, once the model is read.
   *
   * @throws UncheckedIOException if the model is not on the class path or cannot be read
   * @throws IllegalStateException on a second call
   */
  public MiniLmEncoder finish(Device device) {
    CompletableFuture<OnnxWeights> reading = weights;
    weights = null;
    if (reading == null) {
      throw new IllegalStateException("this loading is finished");
    }
    try {
      return MiniLmEncoder.of(device, reading.join());
    } catch (CompletionException e) {
      throw e.getCause() instanceof UncheckedIOException cause ? cause : e;
    }
  }
}
