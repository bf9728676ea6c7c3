// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.embed;

import java.io.IOException;
import java.nio.file.Path;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** A progress bar on standard error if that is a terminal, nothing otherwise. */
public final class Progress implements AutoCloseable {
  private static final int WIDTH = 80;

  private @Nullable ProgressBar bar;

  private Progress(@Nullable ProgressBar bar) {
    this.bar = bar;
  }

  /**
   * Starts at 0 of {@code sentences}, or of unknown many if that is -1.
   *
   * @param resultsOnStdout true if standard output carries results; no bar is drawn between them on
   *     the same terminal
   */
  public static Progress start(long sentences, boolean resultsOnStdout) {
    if (!isTerminal(2) || resultsOnStdout && isTerminal(1)) {
      return new Progress(null);
    }
    return new Progress(
        new ProgressBarBuilder()
            .setTaskName("embed")
            .setInitialMax(sentences)
            .setUnit(" sentences", 1)
            .setStyle(ProgressBarStyle.ASCII)
            // A fixed width: finding out the terminal's takes a native library.
            .setConsumer(new ConsoleProgressBarConsumer(System.err, WIDTH))
            .build());
  }

  /**
   * Java only tells whether standard input and output are both terminals, Linux tells for each
   * stream.
   */
  private static boolean isTerminal(int descriptor) {
    try {
      String target = Path.of("/proc/self/fd/" + descriptor).toRealPath().toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
    } catch (IOException e) {
      return false;
    }
  }

  /** Counts this many more sentences as done. */
  public void advance(long sentences) {
    if (bar != null) {
      bar.stepBy(sentences);
    }
  }

  /** Ends the bar's line, so that others may print. */
  public void finish() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }

  @Override
  public void close() {
    finish();
  }
}
