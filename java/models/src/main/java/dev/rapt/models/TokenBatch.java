// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Several texts as the rows of one matrix, a row per token and none for padding. So nothing that a
 * text is computed from depends on the texts beside it. Texts of equal length stand together, for
 * devices whose attention takes only such in one call. Immutable, thread-safe.
 */
public final class TokenBatch {
  /**
   * Texts of equal length, row behind row.
   *
   * @param firstRow row of the first token
   * @param size number of texts
   * @param length tokens of each
   */
  record Group(int firstRow, int size, int length) {
    int rows() {
      return size * length;
    }
  }

  private final List<TokenizedText> texts;
  private final List<Group> groups = new ArrayList<>();

  /** For each text, the row of its first token. */
  private final int[] firstRows;

  // For each row.
  private final int[] ids;
  private final int[] positions;

  private TokenBatch(List<TokenizedText> texts) {
    this.texts = List.copyOf(texts);
    int tokens = Math.toIntExact(texts.stream().mapToLong(TokenizedText::length).sum());
    firstRows = new int[texts.size()];
    ids = new int[tokens];
    positions = new int[tokens];
    List<Integer> order =
        IntStream.range(0, texts.size())
            .boxed()
            .sorted(Comparator.comparingInt(this::length))
            .toList();
    int row = 0;
    for (int text : order) {
      firstRows[text] = row;
      int length = length(text);
      for (int position = 0; position < length; position++) {
        ids[row] = texts.get(text).ids()[position];
        positions[row++] = position;
      }
      add(firstRows[text], length);
    }
  }

  private void add(int firstRow, int length) {
    if (!groups.isEmpty() && groups.getLast().length() == length) {
      Group last = groups.removeLast();
      groups.add(new Group(last.firstRow(), last.size() + 1, length));
    } else {
      groups.add(new Group(firstRow, 1, length));
    }
  }

  /**
   * Puts one or more texts side by side.
   *
   * @throws IllegalArgumentException if there is no text
   */
  public static TokenBatch of(List<TokenizedText> texts) {
    if (texts.isEmpty()) {
      throw new IllegalArgumentException("a batch needs at least one text");
    }
    return new TokenBatch(texts);
  }

  /** Number of texts. */
  public int size() {
    return texts.size();
  }

  /** Tokens of all texts together. */
  public int tokens() {
    return ids.length;
  }

  /** Tokens of one text. */
  public int length(int text) {
    return texts.get(text).length();
  }

  /** Tokens of the longest text. */
  int longest() {
    return groups.getLast().length();
  }

  /** The row of a text's first token; the others follow. */
  int firstRow(int text) {
    return firstRows[text];
  }

  /** The vocabulary index of a row's token. */
  int id(int row) {
    return ids[row];
  }

  /** The position of a row's token in its text. */
  int position(int row) {
    return positions[row];
  }

  /** The texts by their lengths; together they cover every row once. */
  List<Group> groups() {
    return List.copyOf(groups);
  }
}
