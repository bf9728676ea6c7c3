// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress;

import dev.rapt.stress.hostile.HostileRun;
import dev.rapt.stress.hostile.HostileSummary;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Calls that are wrong in one way or two. */
@Command(
    name = "hostile",
    description =
        "Makes calls that are wrong, and expects the exception that the Javadoc names, a message"
            + " that names operand and value, and that nothing is written.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class HostileCommand implements Callable<Integer> {
  @Option(names = "--calls", description = "How many; ${DEFAULT-VALUE} by default.")
  private long calls = 1_000_000;

  @Option(names = "--seed", description = "Of all choices; ${DEFAULT-VALUE} by default.")
  private long seed = 1;

  @Option(names = "--replay", paramLabel = "NUMBER", description = "Makes this one call only.")
  private @Nullable Long replay;

  @Option(
      names = "--log",
      paramLabel = "FILE",
      description =
          "Holds seed and number of the latest call, 8 bytes each: which one to replay if the JVM"
              + " has crashed (od -A n -t d8 FILE). ${DEFAULT-VALUE} by default.")
  private Path log = Path.of(System.getProperty("java.io.tmpdir"), "rapt-hostile.log");

  @Option(names = "--json", paramLabel = "FILE", description = "Writes the summary there too.")
  private @Nullable Path json;

  @Override
  public Integer call() throws IOException, InterruptedException {
    HostileSummary summary;
    long count = replay == null ? calls : 1;
    try (Progress progress = Progress.start("hostile", count)) {
      summary =
          new HostileRun(seed)
              .run(replay == null ? 0 : replay, count, log, Machine.here(), progress::at);
    }
    return Main.report(summary.text(), summary.failures(), summary, json);
  }
}
