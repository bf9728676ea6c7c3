// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import dev.rapt.cli.terminal.Printable;
import java.util.Locale;

/**
 * One word attending to another in one head.
 *
 * @param from the word that looks
 * @param to the word looked at
 * @param weight attention weight, 0 to 1
 * @param head where
 */
public record Link(Word from, Word to, float weight, Head head) {
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s -> %s %.2f (%s)",
        Printable.isolated(from.text()),
        Printable.isolated(to.text()),
        weight,
        head);
  }
}
