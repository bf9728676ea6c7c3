// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.RaptException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** The application {@code rapt}. Exit codes: 0 done, 1 failed, 2 wrong usage. */
@Command(
    name = "rapt",
    description = "Attention for the JVM, on a real sentence encoder (all-MiniLM-L6-v2).",
    subcommands = {ExplainCommand.class, EmbedCommand.class, InfoCommand.class, HelpCommand.class},
    mixinStandardHelpOptions = true,
    versionProvider = VersionProvider.class,
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {
  /** Where this environment variable is set, a failure prints its stack trace too. */
  private static final String STACK_TRACE_VARIABLE = "RAPT_STACKTRACE";

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /** Runs a command and ends the JVM with its exit code. */
  public static void main(String[] args) {
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    System.exit(execute(out, err, args));
  }

  /** Runs a command with its output going to the given writers; returns the exit code. */
  public static int execute(PrintWriter out, PrintWriter err, String... args) {
    // The picture is drawn without a display, also where there is one.
    System.setProperty("java.awt.headless", "true");
    CommandLine commandLine =
        new CommandLine(new Main())
            .setOut(out)
            .setErr(err)
            .setParameterExceptionHandler(Main::reportUsage)
            .setExecutionExceptionHandler(Main::reportFailure);
    int code = commandLine.execute(args);
    out.flush();
    err.flush();
    return code;
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "a command is missing; allowed: explain, embed, info and help");
  }

  private static int reportUsage(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    String name = command.getCommandSpec().qualifiedName();
    command.getErr().println(name + ": " + oneLine(e.getMessage()) + " (see " + name + " --help)");
    return CommandLine.ExitCode.USAGE;
  }

  private static int reportFailure(Exception e, CommandLine command, ParseResult parsed) {
    String name = command.getCommandSpec().qualifiedName();
    boolean expected =
        e instanceof CliException
            || e instanceof RaptException
            || e instanceof UncheckedIOException;
    String message = expected ? e.getMessage() : "unexpected " + e;
    command.getErr().println(name + ": " + oneLine(message));
    if (System.getenv(STACK_TRACE_VARIABLE) != null) {
      e.printStackTrace(command.getErr());
    }
    return e instanceof CliException failure ? failure.exitCode() : CommandLine.ExitCode.SOFTWARE;
  }

  private static String oneLine(String message) {
    return message == null ? "no message" : message.strip().replaceAll("\\s*\\R\\s*", "; ");
  }
}
