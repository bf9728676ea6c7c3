// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.generate;

import dev.rapt.models.llama.Generated;
import dev.rapt.models.llama.TextListener;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Hands on finished texts in the order of prompts and continuations, whatever order they end in.
 */
public final class InOrder implements TextListener {
  private final int continuations;
  private final Consumer<Generated> sink;
  private final Map<Long, Generated> held = new HashMap<>();
  private long next;

  /**
   * Hands on to the sink.
   *
   * @param continuations of each prompt
   */
  public InOrder(int continuations, Consumer<Generated> sink) {
    this.continuations = continuations;
    this.sink = sink;
  }

  @Override
  public void finished(Generated text) {
    held.put((long) text.prompt() * continuations + text.continuation() - 1, text);
    for (Generated ready = held.remove(next); ready != null; ready = held.remove(++next)) {
      sink.accept(ready);
    }
  }
}
