// SPDX-License-Identifier: Apache-2.0
package dev.rapt.jmh;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The cost of a call from Java, in nanoseconds: next to no work, so what is left is checks and
 * downcall. {@code rapt-bench call --head-dim 8} makes the same call from C; on a busy machine
 * compare its median with that of {@code rapt bench --peers --shapes tiny}.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 10, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "--enable-native-access=ALL-UNNAMED",
      "--sun-misc-unsafe-memory-access=allow" // JMH itself still uses it
    })
public class CallBenchmark {

  /** Rapt on the best CPU tier, one thread unless asked otherwise. */
  public static class Tiny extends Setting {
    @Setup(Level.Trial)
    public void open() {
      open(Shape.TINY.label, (s, operands) -> RaptCall.cpu(s, operands, threads));
    }
  }

  @Benchmark
  public void tinyAttention(Tiny setting) {
    setting.run();
  }
}
