// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import java.util.List;

/**
 * What a call may throw: exactly this exception, whose message has all of these words and, where
 * any are given, one of those.
 */
record Expect(Class<? extends Throwable> type, List<String> all, List<String> any) {
  static Expect illegal(String... all) {
    return of(IllegalArgumentException.class, all);
  }

  static Expect of(Class<? extends Throwable> type, String... all) {
    return new Expect(type, List.of(all), List.of());
  }

  /** The same exception, which also says one of these. */
  Expect or(String... any) {
    return new Expect(type, all, List.of(any));
  }

  boolean fits(Throwable thrown) {
    String message = String.valueOf(thrown.getMessage());
    return (thrown.getClass() == type || isIndex(thrown))
        && all.stream().allMatch(message::contains)
        && (any.isEmpty() || any.stream().anyMatch(message::contains));
  }

  /** Arrays and strings throw kinds of their own. */
  private boolean isIndex(Throwable thrown) {
    return type == IndexOutOfBoundsException.class && type.isInstance(thrown);
  }

  @Override
  public String toString() {
    return type.getSimpleName() + all + (any.isEmpty() ? "" : " and one of " + any);
  }
}
