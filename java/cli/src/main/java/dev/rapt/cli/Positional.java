// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import java.util.List;
import java.util.Stack;
import picocli.CommandLine.IParameterConsumer;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * What tells a text from an option. An argument is meant as an option if one or two hyphens and a
 * letter begin it and no blank is in it, or if it is one; everything else, and everything behind
 * {@code --}, is text.
 */
final class Positional {
  private static final String END_OF_OPTIONS = "--";

  private Positional() {}

  /** Takes the next argument as it stands; by itself picocli refuses what resembles an option. */
  static final class Consumer implements IParameterConsumer {
    @Override
    public void consumeParameters(Stack<String> arguments, ArgSpec target, CommandSpec command) {
      target.setValue(arguments.pop());
    }
  }

  /** Refuses an unknown option that was taken as the text. */
  static void check(String text, CommandSpec command) {
    List<String> arguments = command.commandLine().getParseResult().originalArgs();
    int end = arguments.indexOf(END_OF_OPTIONS);
    boolean behindEnd = end >= 0 && end < arguments.lastIndexOf(text);
    if (isMeantAsOption(text) && !behindEnd) {
      throw new ParameterException(command.commandLine(), unknownOption(text));
    }
  }

  /** Says what is wrong with an argument too many. */
  static String describe(UnmatchedArgumentException e, List<String> arguments) {
    CommandSpec command = e.getCommandLine().getCommandSpec();
    String first = e.getUnmatched().getFirst();
    int end = arguments.indexOf(END_OF_OPTIONS);
    for (String argument : end < 0 ? arguments : arguments.subList(0, end)) {
      if (isMeantAsOption(argument) && !isOption(argument, command)) {
        return unknownOption(argument);
      }
    }
    if (!command.subcommands().isEmpty()) {
      return "unknown command '" + first + "'; allowed: explain, embed, generate, info";
    }
    if (command.positionalParameters().isEmpty()) {
      return "unexpected argument '" + first + "'; " + command.name() + " takes options only";
    }
    String label = command.positionalParameters().getFirst().paramLabel();
    return "'"
        + first
        + "' is one argument too many; "
        + label
        + " is a single one: quote it if it has blanks, as in \"one two\"";
  }

  private static String unknownOption(String argument) {
    return "Unknown option: '"
        + argument
        + "'; a text that begins like one goes behind --, as in -- \""
        + argument
        + '"';
  }

  private static boolean isMeantAsOption(String argument) {
    return argument.matches("--?[A-Za-z]\\S*")
        && argument.chars().noneMatch(Character::isSpaceChar);
  }

  private static boolean isOption(String argument, CommandSpec command) {
    String name = argument.split("=", 2)[0];
    return command.options().stream()
        .map(OptionSpec::names)
        .map(List::of)
        .anyMatch(n -> n.contains(name));
  }
}
