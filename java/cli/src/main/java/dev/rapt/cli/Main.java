// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import dev.rapt.RaptException;
import dev.rapt.cli.terminal.Printable;
import dev.rapt.cli.terminal.PrintableOutput;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** The application {@code rapt}. Exit codes: 0 done, 1 failed, 2 wrong usage. */
@Command(
    name = "rapt",
    description =
        "Attention for the JVM, on a real sentence encoder (all-MiniLM-L6-v2) and on language"
            + " models.",
    subcommands = {
      ExplainCommand.class,
      EmbedCommand.class,
      GenerateCommand.class,
      InfoCommand.class,
      HelpCommand.class
    },
    mixinStandardHelpOptions = true,
    versionProvider = VersionProvider.class,
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {
  /** Where this environment variable is set, a failure prints its stack trace too. */
  private static final String STACK_TRACE_VARIABLE = "RAPT_STACKTRACE";

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /** Runs a command and ends the JVM with its exit code. */
  public static void main(String[] args) {
    // Not System.out and System.err, which keep to themselves why they failed.
    Writer out = utf8(FileDescriptor.out);
    Writer err = utf8(FileDescriptor.err);
    String[] typed;
    try {
      typed = Arguments.asTyped(args);
    } catch (CliException e) {
      new PrintableOutput(err).println("rapt: " + oneLine(e.getMessage()));
      System.exit(e.exitCode());
      return;
    }
    System.exit(execute(out, err, typed));
  }

  private static Writer utf8(FileDescriptor descriptor) {
    return new OutputStreamWriter(new FileOutputStream(descriptor), StandardCharsets.UTF_8);
  }

  /**
   * Runs a command with its output going to the given writers, made printable on the way; returns
   * the exit code. Sets the JVM's locale.
   */
  public static int execute(Writer out, Writer err, String... args) {
    // The picture is drawn without a display, also where there is one.
    System.setProperty("java.awt.headless", "true");
    // The chart and the progress bar have numbers in them and take no locale.
    Locale.setDefault(Locale.ROOT);
    PrintableOutput printableOut = new PrintableOutput(out);
    PrintableOutput printableErr = new PrintableOutput(err);
    CommandLine commandLine =
        new CommandLine(new Main())
            .registerConverter(Path.class, new PathConverter())
            .setOut(printableOut)
            .setErr(printableErr)
            // Colours are escape sequences, which do not get through.
            .setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF))
            // Text is text, whatever it begins with; Positional says what of it is refused.
            .setExpandAtFiles(false)
            .setPosixClusteredShortOptionsAllowed(false)
            .setUnmatchedOptionsArePositionalParams(true)
            .setParameterExceptionHandler(Main::reportUsage)
            .setExecutionExceptionHandler(Main::reportFailure);
    int code = commandLine.execute(args);
    IOException lost = printableOut.failure();
    // Whoever closes a pipe early, as head does, has read enough.
    if (code == CommandLine.ExitCode.OK && lost != null && !Failures.isClosedPipe(lost)) {
      code = CommandLine.ExitCode.SOFTWARE;
      printableErr.println("rapt: cannot write standard output: " + Failures.reason(lost));
    }
    printableErr.flush();
    return code;
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(),
        "a command is missing; allowed: explain, embed, generate, info and help");
  }

  private static int reportUsage(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    String name = command.getCommandSpec().qualifiedName();
    String message =
        e instanceof UnmatchedArgumentException unmatched
            ? Positional.describe(unmatched, List.of(args))
            : e.getMessage();
    command.getErr().println(name + ": " + oneLine(message) + " (see " + name + " --help)");
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
    return message == null
        ? "no message"
        : Printable.line(message.strip().replaceAll("\\s*\\R\\s*", "; "));
  }
}
