// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A size that the shapes of an operation's operands speak of.
 *
 * @param letter how shapes name it, for example {@code Hq}
 * @param words what it is, for error sentences
 * @param field the offset of its int64 in the operation's struct; null = it is not there
 * @param least the smallest size allowed
 * @param most the largest one
 * @param dropped tensors of a rank that is lower by this number, or more, leave the dimension out:
 *     it is 1; 0 = none may
 */
record Dimension(
    String letter, String words, @Nullable LongSupplier field, long least, long most, int dropped) {

  /** Whether tensors that miss so many dimensions miss this one. */
  boolean missingIn(int missing) {
    return dropped != 0 && dropped <= missing;
  }
}
