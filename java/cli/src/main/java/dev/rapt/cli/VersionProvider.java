// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import picocli.CommandLine.IVersionProvider;

/** The version the build put into the jar's manifest. */
final class VersionProvider implements IVersionProvider {
  @Override
  public String[] getVersion() {
    return new String[] {"rapt " + version()};
  }

  static String version() {
    String version = Main.class.getPackage().getImplementationVersion();
    return version == null ? "(not run from its jar)" : version;
  }
}
