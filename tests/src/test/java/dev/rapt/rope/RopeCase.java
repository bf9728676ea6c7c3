// SPDX-License-Identifier: Apache-2.0
package dev.rapt.rope;

import dev.rapt.DType;
import dev.rapt.check.Layout;

/**
 * One rotary embedding.
 *
 * @param inPlace whether the output is the input, whose type it then has
 */
public record RopeCase(
    Sizes sizes, Pairing pairing, Angles angles, boolean inPlace, Layouts layouts, Types types) {

  /** B, H, S and D. */
  record Sizes(int batch, int heads, int length, int headDim) {}

  /**
   * Which elements of a row turn together.
   *
   * @param rotaryDim 0 = all of headDim
   * @param interleaved neighbours, and not halves
   */
  record Pairing(int rotaryDim, boolean interleaved) {}

  /** How input and output lie in memory, and how cosine, sine and positions do. */
  record Layouts(Layout rows, Layout tables) {}

  /** Storage types. */
  record Types(DType input, DType cosine, DType sine, DType output) {}

  /** Rows of the tables, where positions choose among them. */
  static final int TABLE_LENGTH = 11;

  /** Where a token finds its cosines and sines. */
  public enum Angles {
    /** In the row of a table that its position (B, S) names. */
    POSITIONS,
    /** The same with positions (S), for all of the batch. */
    SHARED_POSITIONS,
    /** In its own row of (B, S, R / 2). */
    ROWS,
    /** In its own row of (S, R / 2), for all of the batch. */
    SHARED_ROWS;

    boolean positions() {
      return this == POSITIONS || this == SHARED_POSITIONS;
    }

    boolean shared() {
      return this == SHARED_POSITIONS || this == SHARED_ROWS;
    }
  }

  public static RopeCase of(int batch, int heads, int length, int headDim) {
    return new RopeCase(
        new Sizes(batch, heads, length, headDim),
        new Pairing(0, false),
        Angles.POSITIONS,
        false,
        new Layouts(Layout.BHSD, Layout.BHSD),
        new Types(DType.F32, DType.F32, DType.F32, DType.F32));
  }

  public RopeCase rotary(int rotaryDim) {
    Pairing part = new Pairing(rotaryDim, pairing.interleaved);
    return new RopeCase(sizes, part, angles, inPlace, layouts, types);
  }

  public RopeCase paired(boolean interleaved) {
    Pairing pairs = new Pairing(pairing.rotaryDim, interleaved);
    return new RopeCase(sizes, pairs, angles, inPlace, layouts, types);
  }

  RopeCase by(Angles newAngles) {
    return new RopeCase(sizes, pairing, newAngles, inPlace, layouts, types);
  }

  /** In place where the output has the input's type. */
  RopeCase inPlace(boolean newInPlace) {
    boolean possible = newInPlace && types.input == types.output;
    return new RopeCase(sizes, pairing, angles, possible, layouts, types);
  }

  RopeCase laidOut(Layout rows, Layout tables) {
    return new RopeCase(sizes, pairing, angles, inPlace, new Layouts(rows, tables), types);
  }

  public RopeCase typed(DType input, DType cosine, DType sine, DType output) {
    Types newTypes = new Types(input, cosine, sine, output);
    return new RopeCase(sizes, pairing, angles, inPlace && input == output, layouts, newTypes);
  }

  int batch() {
    return sizes.batch;
  }

  int heads() {
    return sizes.heads;
  }

  int length() {
    return sizes.length;
  }

  int headDim() {
    return sizes.headDim;
  }

  int rotaryDim() {
    return pairing.rotaryDim;
  }

  boolean interleaved() {
    return pairing.interleaved;
  }

  Layout layout() {
    return layouts.rows;
  }

  Layout tableLayout() {
    return layouts.tables;
  }

  DType input() {
    return types.input;
  }

  DType cosine() {
    return types.cosine;
  }

  DType sine() {
    return types.sine;
  }

  DType output() {
    return types.output;
  }

  /** R / 2. */
  int pairs() {
    return (rotaryDim() == 0 ? headDim() : rotaryDim()) / 2;
  }
}
