// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import java.util.Locale;

/**
 * One word attending to another in one head.
 *
 * @param from the word that looks
 * @param to the word looked at
 * @param weight attention weight, 0 to 1
 * @param layer counted from 0
 * @param head counted from 0
 */
public record Link(Word from, Word to, float weight, int layer, int head) {
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s -> %s %.2f (layer %d, head %d)",
        from.text(),
        to.text(),
        weight,
        layer,
        head);
  }
}
