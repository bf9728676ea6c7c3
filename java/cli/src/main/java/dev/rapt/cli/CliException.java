// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import picocli.CommandLine;

/** A failure that is the user's to mend: one sentence and an exit code. */
final class CliException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int exitCode;

  private CliException(int exitCode, String message) {
    super(message);
    this.exitCode = exitCode;
  }

  /** The arguments make no sense. */
  static CliException usage(String message) {
    return new CliException(CommandLine.ExitCode.USAGE, message);
  }

  /** The arguments make sense, the machine or the files do not go along. */
  static CliException failure(String message) {
    return new CliException(CommandLine.ExitCode.SOFTWARE, message);
  }

  int exitCode() {
    return exitCode;
  }
}
