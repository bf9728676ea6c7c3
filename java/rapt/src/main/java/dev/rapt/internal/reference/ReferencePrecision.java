// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference;

/** What the reference rounds its intermediate results to. */
public enum ReferencePrecision {
  /** Nothing is rounded: the definition. */
  DOUBLE,
  /**
   * Every intermediate is rounded to binary32. Its distance from {@link #DOUBLE} is the yardstick
   * for what a backend that computes in f32 may deviate.
   */
  F32;

  /** The value after rounding. */
  double round(double value) {
    return this == F32 ? (float) value : value;
  }
}
