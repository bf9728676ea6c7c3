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
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Scaled dot-product attention by Rapt and by its pure Java reference; {@code rapt bench --peers}
 * has the other libraries.
 *
 * <p>{@code java -jar bench/jmh/target/rapt-jmh.jar -prof gc Sdpa}; {@code -p shape=bert-base -p
 * threads=2} narrows it. Add {@code -prof gc} to see what a call allocates: nothing, for Rapt.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "--enable-native-access=ALL-UNNAMED",
      "--sun-misc-unsafe-memory-access=allow" // JMH itself still uses it
    })
public class SdpaBenchmark {

  /** Rapt on the best CPU tier. */
  public static class Rapt extends Setting {
    @Param({"bert-base", "minilm", "llama-3-8b-prefill", "llama-3-8b-decode", "tiny"})
    public String shape;

    @Setup(Level.Trial)
    public void open() {
      open(shape, (s, operands) -> RaptCall.cpu(s, operands, threads));
    }
  }

  /** The pure Java reference: always one thread, and so slow that only small shapes make sense. */
  public static class PureJava extends Setting {
    @Param({"minilm", "tiny"})
    public String shape;

    @Setup(Level.Trial)
    public void open() {
      open(shape, RaptCall::java);
    }
  }

  @Benchmark
  public void rapt(Rapt setting) {
    setting.run();
  }

  @Benchmark
  public void pureJava(PureJava setting) {
    setting.run();
  }
}
