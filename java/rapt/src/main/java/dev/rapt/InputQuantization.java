// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/** What a projection with quantised weights multiplies; the weights are packed for it. */
public enum InputQuantization {
  /**
   * The input as it is, in f32: the results are those of the weights that the matrix stands for.
   */
  NONE,
  /**
   * The input rounded to signed bytes, in integers: faster where reading weights or arithmetic
   * takes the time, and less exact. Each 32 neighbours of a row have a scale, their largest
   * magnitude over 127, and an element is off by half of its scale at most. Neighbours with a NaN
   * or an infinity among them make all results of their row NaN.
   */
  I8_BLOCKS
}
