// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.cli.generate.GenerationJson;
import dev.rapt.cli.terminal.PrintableOutput;
import dev.rapt.models.llama.BatchStatistics;
import dev.rapt.models.llama.Generated;
import dev.rapt.models.llama.TextListener;
import java.io.IOException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How texts come to standard output. It ends the command where nobody reads any more: a model may
 * write for hours.
 */
final class GenerateOutput {
  private final PrintableOutput out;
  private final boolean json;

  GenerateOutput(PrintableOutput out, boolean json) {
    this.out = out;
    this.json = json;
  }

  /** Prints one of several texts. */
  void print(long number, String prompt, Generated text) {
    if (json) {
      GenerationJson.write(out, number, prompt, text);
    } else {
      out.println("--- " + number + " ---");
      out.println(text.text());
    }
    checkRead();
  }

  /** A text that is alone: printed as it is written, or as an object when all of it is there. */
  final class Single implements TextListener {
    private @Nullable Generated text;

    @Override
    public void written(int prompt, int continuation, String part) {
      if (!json) {
        out.print(part);
        checkRead();
      }
    }

    @Override
    public void finished(Generated text) {
      this.text = text;
    }

    /** Prints what is left; returns the text. */
    Generated finish(String prompt, BatchStatistics statistics) {
      Generated all = Objects.requireNonNull(text);
      if (json) {
        GenerationJson.write(out, prompt, all, statistics);
      } else {
        out.println();
      }
      return all;
    }
  }

  private void checkRead() {
    IOException lost = out.failure();
    if (lost != null) {
      throw CliException.failure(
          "cannot write standard output: "
              + (Failures.isClosedPipe(lost) ? "its reader has closed it" : Failures.reason(lost)));
    }
  }
}
