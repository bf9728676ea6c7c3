// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A call and what must come of it.
 *
 * @param kind of call
 * @param faults what is wrong with it
 * @param expected any of them; none = the call must succeed
 * @param afterwards what is wrong after a refusal, for example that something was written; null =
 *     nothing
 */
record Attempt(
    String kind,
    List<String> faults,
    Runnable call,
    List<Expect> expected,
    Supplier<@Nullable String> afterwards) {
  /** A call that is wrong in one way, and writes nothing anywhere. */
  Attempt(String kind, Enum<?> fault, Runnable call, Expect... expected) {
    this(kind, List.of(fault.name()), call, List.of(expected), () -> null);
  }

  /** What went wrong; null = nothing. */
  @Nullable String failure() {
    try {
      call.run();
    } catch (Throwable thrown) { // whatever it is, it is compared with what was promised
      return judge(thrown);
    }
    return expected.isEmpty() ? afterwards.get() : "succeeded; expected " + expected;
  }

  private @Nullable String judge(Throwable thrown) {
    if (expected.stream().noneMatch(expect -> expect.fits(thrown))) {
      return "threw " + thrown + "; expected " + (expected.isEmpty() ? "success" : expected);
    }
    return afterwards.get();
  }
}
