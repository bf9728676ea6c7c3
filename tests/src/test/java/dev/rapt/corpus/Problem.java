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

  /** These dimensions of an array, outermost first; null where it is absent. */
  Tensor tensor(String array, int... dims) {
    return has(array) ? arrays.get(array).tensor(dims) : null;
  }

  /** The last {@code rank} dimensions of an array; null where it is absent. */
  Tensor last(String array, int rank) {
    return has(array) ? arrays.get(array).last(rank) : null;
  }
}
