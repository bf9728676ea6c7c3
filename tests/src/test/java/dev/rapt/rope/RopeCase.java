// SPDX-License-Identifier: Apache-2.0
package dev.rapt.rope;

import dev.rapt.DType;
import dev.rapt.check.Layout;

/**
 * One rotary embedding.
 *
 * @param rotaryDim 0 = all of headDim
 * @param layout of input and output
 * @param tableLayout of cosine, sine and positions
 * @param input the input's storage type
 */
public record RopeCase(
    int batch,
    int heads,
    int length,
    int headDim,
    int rotaryDim,
    boolean interleaved,
    Angles angles,
    boolean inPlace,
    Layout layout,
    Layout tableLayout,
    DType input,
    DType cosine,
    DType sine,
    DType output) {

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
        batch,
        heads,
        length,
        headDim,
        0,
        false,
        Angles.POSITIONS,
        false,
        Layout.BHSD,
        Layout.BHSD,
        DType.F32,
        DType.F32,
        DType.F32,
        DType.F32);
  }

  public RopeCase rotary(int newRotaryDim) {
    return new RopeCase(
        batch,
        heads,
        length,
        headDim,
        newRotaryDim,
        interleaved,
        angles,
        inPlace,
        layout,
        tableLayout,
        input,
        cosine,
        sine,
        output);
  }

  public RopeCase paired(boolean newInterleaved) {
    return new RopeCase(
        batch,
        heads,
        length,
        headDim,
        rotaryDim,
        newInterleaved,
        angles,
        inPlace,
        layout,
        tableLayout,
        input,
        cosine,
        sine,
        output);
  }

  RopeCase by(Angles newAngles) {
    return new RopeCase(
        batch,
        heads,
        length,
        headDim,
        rotaryDim,
        interleaved,
        newAngles,
        inPlace,
        layout,
        tableLayout,
        input,
        cosine,
        sine,
        output);
  }

  /** In place where the output has the input's type. */
  RopeCase inPlace(boolean newInPlace) {
    return new RopeCase(
        batch,
        heads,
        length,
        headDim,
        rotaryDim,
        interleaved,
        angles,
        newInPlace && input == output,
        layout,
        tableLayout,
        input,
        cosine,
        sine,
        output);
  }

  RopeCase laidOut(Layout newLayout, Layout newTableLayout) {
    return new RopeCase(
        batch,
        heads,
        length,
        headDim,
        rotaryDim,
        interleaved,
        angles,
        inPlace,
        newLayout,
        newTableLayout,
        input,
        cosine,
        sine,
        output);
  }

  public RopeCase typed(DType newInput, DType newCosine, DType newSine, DType newOutput) {
    return new RopeCase(
        batch,
        heads,
        length,
        headDim,
        rotaryDim,
        interleaved,
        angles,
        inPlace && newInput == newOutput,
        layout,
        tableLayout,
        newInput,
        newCosine,
        newSine,
        newOutput);
  }

  /** R / 2. */
  int pairs() {
    return (rotaryDim == 0 ? headDim : rotaryDim) / 2;
  }
}
