// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress;

import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** A bar on standard error where a terminal is attached, nothing otherwise. */
final class Progress implements AutoCloseable {
  private static final int WIDTH = 80;

  private final @Nullable ProgressBar bar;

  private Progress(@Nullable ProgressBar bar) {
    this.bar = bar;
  }

  /** Starts at 0 of so many calls; -1 = unknown many. */
  static Progress start(String name, long calls) {
    boolean shown = System.console() != null && System.console().isTerminal();
    ProgressBarBuilder builder =
        new ProgressBarBuilder()
            .setTaskName(name)
            .setInitialMax(calls)
            .setUnit(" calls", 1)
            .setStyle(ProgressBarStyle.ASCII)
            .setConsumer(new ConsoleProgressBarConsumer(System.err, WIDTH));
    return new Progress(shown ? builder.build() : null);
  }

  /** So many calls are done. */
  void at(long calls) {
    if (bar != null) {
      bar.stepTo(calls);
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
