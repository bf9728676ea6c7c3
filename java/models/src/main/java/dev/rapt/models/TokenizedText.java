// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import java.util.List;

/**
 * One text as the model sees it, [CLS] and [SEP] included. Lists and arrays have one entry per
 * token. The arrays are not copied: leave them unchanged.
 *
 * @param ids vocabulary indices
 * @param tokens vocabulary entries; a piece that continues a word starts with {@code ##}
 * @param labels what to show for a token: the token, or the text that it stands for where that is
 *     [UNK]
 * @param words index of the word a token belongs to, -1 for [CLS] and [SEP]
 * @param truncated true if the text had more tokens than the model takes
 */
public record TokenizedText(
    int[] ids, List<String> tokens, List<String> labels, int[] words, boolean truncated) {

  /** Number of tokens. */
  public int length() {
    return ids.length;
  }
}
