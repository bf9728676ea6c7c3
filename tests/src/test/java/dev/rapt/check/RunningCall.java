// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;

/**
 * A call on a thread of its own that is known to be running, however busy the machine is: its
 * output is poison at first, so the call has begun once some of that is gone, and has not ended
 * while some is left. What happens between a look that finds the one and a look that finds the
 * other happens during the call.
 */
public final class RunningCall {
  private static final VarHandle BITS = ValueLayout.JAVA_INT.varHandle();

  /** A NaN with a payload that no arithmetic on zeros gives. */
  private static final int POISON = 0x7fc5dead;

  /** Elements that are looked at, evenly spread, since kernels write in an order of their own. */
  private static final int SAMPLES = 64;

  private static final int MEETINGS = 5;
  private static final int LARGEST = 16;

  /** Asleep in between, so that looking takes no CPU from the call and is on time. */
  private static final int POLL_NANOS = 20_000;

  private final Tensor output;
  private final Runnable call;
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final Thread thread;

  /** A call that writes all of this contiguous f32 output. */
  public RunningCall(Tensor output, Runnable call) {
    this.output = output;
    this.call = call;
    thread =
        Thread.ofPlatform()
            .unstarted(
                () -> {
                  try {
                    call.run();
                  } catch (Throwable thrown) {
                    failure.set(thrown);
                  }
                });
  }

  /** Starts the call and returns when it has written something, or has ended. */
  public void start() throws InterruptedException {
    for (int i = 0; i < SAMPLES; i++) {
      BITS.setVolatile(output.segment(), at(i), POISON);
    }
    thread.start();
    while (poisoned() == SAMPLES && thread.isAlive()) {
      Thread.sleep(0, POLL_NANOS);
    }
  }

  /** Whether the call has something left to write: after {@link #start}, that it is running. */
  public boolean isRunning() {
    return poisoned() > 0 && thread.isAlive();
  }

  /** Waits for the call, which must have returned normally. */
  public void end() throws InterruptedException {
    thread.join();
    assertNull(failure.get());
    assertTrue(poisoned() == 0, "the call has not written all of its output");
  }

  private int poisoned() {
    int count = 0;
    for (int i = 0; i < SAMPLES; i++) {
      count += (int) BITS.getVolatile(output.segment(), at(i)) == POISON ? 1 : 0;
    }
    return count;
  }

  private long at(int sample) {
    return sample * (output.elements() - 1) / (SAMPLES - 1) * Float.BYTES;
  }

  /** Something that is to happen during a call. */
  @FunctionalInterface
  public interface Meeting {
    /** Tries with a call that takes {@code size} times as long; whether the two have met. */
    boolean met(long size) throws Exception;
  }

  /** Tries with longer and longer calls until meetings were seen; the test's timeout bounds it. */
  public static void meet(Meeting meeting) throws Exception {
    long size = 1;
    for (int met = 0; met < MEETINGS; ) {
      if (meeting.met(size)) {
        met++;
      } else {
        size = Math.min(2 * size, LARGEST);
      }
    }
  }

  /** A call, some of whose memory is another arena's. */
  @FunctionalInterface
  public interface Borrower {
    /** The call, its tensors from the arena, and some of them as {@code lent} gives them back. */
    RunningCall prepare(long size, Arena arena, UnaryOperator<Tensor> lent);
  }

  /** Checks that the arena of what was lent cannot be closed while the call is running. */
  public static void holdsItsMemory(Borrower borrower) throws Exception {
    meet(
        size -> {
          Arena lender = Arena.ofShared();
          try (Arena arena = Arena.ofShared()) {
            RunningCall running = borrower.prepare(size, arena, tensor -> of(lender, tensor));
            boolean refused;
            boolean met;
            try {
              running.start();
              refused = refuses(lender);
              met = running.isRunning();
            } finally {
              running.thread.join();
            }
            assertTrue(refused || !met, "an arena was closed under a running call");
            running.end();
            assertTrue(!lender.scope().isAlive() || !refuses(lender), "held after the call");
            assertThrows(IllegalStateException.class, running.call::run);
            return met;
          }
        });
  }

  /** The memory stays, so that a call which does not hold it fails the test and not the JVM. */
  @SuppressWarnings("restricted")
  private static Tensor of(Arena lender, Tensor tensor) {
    MemorySegment segment = tensor.segment().reinterpret(lender, null);
    return Tensor.of(segment, tensor.dtype(), tensor.shape());
  }

  private static boolean refuses(Arena arena) {
    try {
      arena.close();
      return false;
    } catch (IllegalStateException inUse) {
      return true;
    }
  }
}
