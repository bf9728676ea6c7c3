// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.rapt.stress.load.Settings;
import dev.rapt.stress.load.StressRun;
import dev.rapt.stress.load.Summary;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Exit codes: 0 all was right, 1 something was not, 2 wrong usage, 3 a call did not end. */
@Command(
    name = "stress",
    description =
        "Calls everything from many threads while others close what is in use, and compares every"
            + " output with what the call gives alone.",
    subcommands = HostileCommand.class,
    mixinStandardHelpOptions = true,
    sortOptions = false)
public final class Main implements Callable<Integer> {
  @Option(names = "--minutes", description = "How long; ${DEFAULT-VALUE} by default.")
  private double minutes = 10;

  @Option(names = "--calls", description = "Ends after so many calls; by default when time is up.")
  private long calls;

  @Option(names = "--seed", description = "Of all choices; ${DEFAULT-VALUE} by default.")
  private long seed = 1;

  @Option(names = "--cases", description = "Problems to draw; ${DEFAULT-VALUE} by default.")
  private int cases = 1500;

  @Option(names = "--platform", description = "Platform threads; ${DEFAULT-VALUE} by default.")
  private int platformThreads = 16;

  @Option(names = "--virtual", description = "Virtual threads; ${DEFAULT-VALUE} by default.")
  private int virtualThreads = 1000;

  @Option(names = "--json", paramLabel = "FILE", description = "Writes the summary there too.")
  private @Nullable Path json;

  /** Runs a command and ends the JVM with its exit code. */
  public static void main(String[] args) {
    System.exit(new CommandLine(new Main()).execute(args));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    long seconds = Math.round(minutes * TimeUnit.MINUTES.toSeconds(1));
    Settings settings = new Settings(seed, seconds, calls, cases, platformThreads, virtualThreads);
    Summary summary;
    try (Progress progress = Progress.start("stress", calls > 0 ? calls : -1)) {
      summary = new StressRun(settings).run(Machine.here(), progress::at);
    }
    return report(summary.text(), summary.failures(), summary, json);
  }

  /** Prints a summary, writes it where that is asked for, and gives the exit code. */
  static int report(String text, List<String> failures, Object summary, @Nullable Path json)
      throws IOException {
    System.out.println(text);
    failures.forEach(System.out::println);
    if (json != null) {
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .writeValue(json.toFile(), summary);
    }
    return failures.isEmpty() ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
  }
}
