// SPDX-License-Identifier: Apache-2.0
package dev.rapt.jmh;

import java.util.Arrays;

/**
 * Starts JMH with the arguments given or, where the first is {@code peers}, the side-by-side
 * comparison of {@link Peers} with the rest.
 */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) throws Exception {
    if (arguments.length > 0 && arguments[0].equals("peers")) {
      Peers.compare(Arrays.copyOfRange(arguments, 1, arguments.length));
    } else {
      org.openjdk.jmh.Main.main(arguments);
    }
  }
}
