// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.Tensor;
import java.util.Map;

/**
 * What the native corpus drew for a number.
 *
 * @param drawn its integers and numbers by name; absent ones are 0
 * @param arrays its arrays by name; absent ones are no part of the call
 */
record Problem(
    int number, String operation, Map<String, String> drawn, Map<String, ProblemArray> arrays) {

  long integer(String name) {
    return Long.parseLong(drawn.getOrDefault(name, "0"));
  }

  boolean is(String name) {
    return integer(name) != 0;
  }

  /** Written in hexadecimal, so that no bit is lost. */
  double real(String name) {
    return Double.parseDouble(drawn.getOrDefault(name, "0"));
  }

  boolean has(String array) {
    return arrays.containsKey(array);
  }

  /**
   * Whether the call is written as briefly as the API allows: without the dimension of a batch of
   * one, of one group of scales, and of what is broadcast. Every other problem.
   */
  boolean isBrief() {
    return number % 2 == 1;
  }

  /** The last {@code rank} dimensions of an array; null where it is absent. */
  Tensor last(String array, int rank) {
    return tensor(array, ProblemArray.RANK - rank, ProblemArray.RANK);
  }

  /** The same where the first of them is the batch, which a brief call of one sample leaves out. */
  Tensor batched(String array, int rank) {
    return batched(array, ProblemArray.RANK - rank, ProblemArray.RANK);
  }

  /** The same of the dimensions {@code from} (inclusive) to {@code to} (exclusive). */
  Tensor batched(String array, int from, int to) {
    return tensor(array, isBrief() && integer("batch") == 1 ? from + 1 : from, to);
  }

  /** All dimensions of an array that broadcasts; null where it is absent. */
  Tensor broadcast(String array) {
    return isBrief() && has(array) ? arrays.get(array).unexpanded() : last(array, 4);
  }

  private Tensor tensor(String array, int from, int to) {
    return has(array) ? arrays.get(array).tensor(from, to) : null;
  }
}
