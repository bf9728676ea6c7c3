// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;

/** The process that {@code ./rapt bench --peers} starts. */
public final class Main {
  private Main() {}

  /** Runs the benchmark and ends the JVM: 0 done, 1 failed, 2 wrong usage. */
  public static void main(String[] arguments) {
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    System.exit(execute(out, err, arguments));
  }

  /** Runs the benchmark with its output going to the given writers; returns the exit code. */
  static int execute(PrintWriter out, PrintWriter err, String... arguments) {
    System.setProperty("java.awt.headless", "true");
    return new CommandLine(new PeersCommand())
        .setOut(out)
        .setErr(err)
        .setParameterExceptionHandler(
            (e, given) -> {
              err.println("rapt bench --peers: " + e.getMessage() + " (see --help)");
              return CommandLine.ExitCode.USAGE;
            })
        .setExecutionExceptionHandler(
            (e, command, parsed) -> {
              String message = e instanceof IOException ? e.getMessage() : "unexpected " + e;
              err.println("rapt bench --peers: " + message);
              return CommandLine.ExitCode.SOFTWARE;
            })
        .execute(arguments);
  }
}
