// SPDX-License-Identifier: Apache-2.0
package dev.rapt.jmh;

import java.lang.foreign.Arena;
import java.util.function.BiFunction;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** What every benchmark sets up: the operands of a shape and the call on them. */
@State(Scope.Benchmark)
public abstract class Setting {
  /** Threads that work on one call. */
  @Param("1")
  public int threads;

  private Arena arena;
  private RaptCall call;

  /** Opens what {@code opener} makes of the shape and its operands, and warms its caches. */
  void open(String label, BiFunction<Shape, Operands, RaptCall> opener) {
    Shape shape = Shape.of(label);
    arena = Arena.ofShared();
    call = opener.apply(shape, new Operands(arena, shape));
    call.run();
  }

  void run() {
    call.run();
  }

  @TearDown(Level.Trial)
  public void close() {
    call.close();
    arena.close();
  }
}
