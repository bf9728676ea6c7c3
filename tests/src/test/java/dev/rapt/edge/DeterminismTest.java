// SPDX-License-Identifier: Apache-2.0
package dev.rapt.edge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rapt.Device;
import dev.rapt.check.AttentionCall;
import dev.rapt.check.AttentionCall.Actual;
import dev.rapt.check.AttentionCase;
import dev.rapt.check.AttentionProblem;
import dev.rapt.check.Tier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The same inputs give the same bits: run to run, on any number of threads, from many callers. */
class DeterminismTest {
  static Stream<String> cases() {
    return Stream.of(
        "b2 h4/2 q150 k300 d64 causal(bottom) lse",
        "b1 h3 q97 k513 d40/24 mask(q,k) weights(softmax) lse",
        "b1 h4/1 q1 k5001 d64 lse",
        "b2 h8/2 q3 k2050 d32 causal(bottom) window(900,0) sinks(h) lse");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void sameBitsRunToRun(String name) {
    try (AttentionCall call = new AttentionCall(AttentionCase.parse(name))) {
      for (Tier tier : Tier.usable()) {
        Device device = tier.device(Tier.SEVERAL_THREADS);
        Actual first = call.run(device);
        for (int repeat = 0; repeat < (tier == Tier.JAVA ? 2 : 20); repeat++) {
          first.checkSameBits(call.run(device), tier + ", repeat " + repeat);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void sameBitsForAnyNumberOfThreads(String name) {
    try (AttentionCall call = new AttentionCall(AttentionCase.parse(name))) {
      for (Tier tier : Tier.usableNative()) {
        Actual one = call.run(tier.device());
        for (int threads : new int[] {2, 4, 7, 16}) {
          try (Device device = tier.open(threads)) {
            assertEquals(threads, device.threads());
            one.checkSameBits(call.run(device), tier + " with " + threads + " threads");
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void aBatchEntryGetsTheSameBitsAlone(String name) {
    AttentionCase one = AttentionCase.parse(name.replaceFirst("b\\d+", "b1"));
    AttentionCase many = AttentionCase.parse(name.replaceFirst("b\\d+", "b3"));
    AttentionProblem single = one.problem();
    AttentionProblem batch = many.problem();
    // Entry 1 of 3 is the single problem; masks and sinks are shared by all entries.
    System.arraycopy(
        single.query(), 0, batch.query(), single.query().length, single.query().length);
    System.arraycopy(single.key(), 0, batch.key(), single.key().length, single.key().length);
    System.arraycopy(
        single.value(), 0, batch.value(), single.value().length, single.value().length);
    if (batch.mask() != null) {
      System.arraycopy(single.mask().data(), 0, batch.mask().data(), 0, batch.mask().data().length);
    }
    if (batch.sinks() != null) {
      for (int i = 0; i < batch.sinks().length; i++) {
        batch.sinks()[i] = single.sinks()[i % single.sinks().length];
      }
    }
    try (AttentionCall alone = new AttentionCall(one, single);
        AttentionCall together = new AttentionCall(many, batch)) {
      for (Tier tier : Tier.usable()) {
        float[] expected = alone.run(tier.device()).output();
        float[] all = together.run(tier.device(2)).output();
        float[] middle = Arrays.copyOfRange(all, expected.length, 2 * expected.length);
        assertArrayEquals(expected, middle, tier + ": alone against in a batch");
      }
    }
  }

  @Test
  void eightThreadsOnOneDeviceGetTheBitsOfOne() throws Exception {
    try (ExecutorService callers = Executors.newFixedThreadPool(8)) {
      checkCallers(callers, 8);
    }
  }

  @Test
  void virtualThreadsOnOneDeviceGetTheBitsOfOne() throws Exception {
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      checkCallers(callers, 40);
    }
  }

  /** Each caller runs its own tensors, different sizes side by side. */
  private static void checkCallers(ExecutorService callers, int count) throws Exception {
    List<String> names = cases().toList();
    for (Tier tier : Tier.usable()) {
      try (Device device = tier.open(tier == Tier.JAVA ? 1 : Tier.SEVERAL_THREADS)) {
        CyclicBarrier start = new CyclicBarrier(count);
        List<Future<?>> running = new ArrayList<>();
        for (int caller = 0; caller < count; caller++) {
          String name = names.get(caller % names.size());
          running.add(
              callers.submit(
                  () -> {
                    try (AttentionCall call = new AttentionCall(AttentionCase.parse(name))) {
                      Actual expected = call.run(tier.device());
                      start.await();
                      for (int repeat = 0; repeat < (tier == Tier.JAVA ? 1 : 5); repeat++) {
                        expected.checkSameBits(call.run(device), tier + ", " + name);
                      }
                    }
                    return null;
                  }));
        }
        for (Future<?> one : running) {
          one.get();
        }
      }
    }
  }
}
