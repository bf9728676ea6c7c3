// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Counts the calls in flight on a closeable thing, without allocation; closing waits for them.
 *
 * <p>One word: the number of calls, and the sign bit once closing has begun.
 */
public final class Lifetime {
  private static final long CLOSED = Long.MIN_VALUE;
  private static final long POLL_NANOS = 1_000_000;

  private final String what;
  private final AtomicLong state = new AtomicLong();
  private volatile @Nullable Thread closer;
  private boolean destroyed;

  /** A lifetime; {@code what} names the thing in messages, for example "device". */
  public Lifetime(String what) {
    this.what = what;
  }

  /** Begins a call; every success needs one {@link #exit()}. */
  public void enter() {
    if (state.getAndIncrement() < 0) {
      exit();
      throw new IllegalStateException(what + " is closed");
    }
  }

  /** Ends a call. */
  public void exit() {
    if (state.decrementAndGet() == CLOSED) {
      LockSupport.unpark(closer); // null is fine: a refused call can pass before the closer waits
    }
  }

  /** Whether closing has begun. */
  public boolean isClosed() {
    return state.get() < 0;
  }

  /**
   * Refuses new calls, waits for those in flight and runs {@code destroy}, once; further calls wait
   * for the first and do nothing. Interruption does not cut the wait short, because the memory is
   * in use; it stays pending.
   */
  public synchronized void close(Runnable destroy) {
    if (destroyed) {
      return;
    }
    closer = Thread.currentThread();
    state.accumulateAndGet(CLOSED, (current, bit) -> current | bit);
    boolean interrupted = false;
    while (state.get() != CLOSED) {
      LockSupport.parkNanos(this, POLL_NANOS);
      interrupted |= Thread.interrupted();
    }
    destroyed = true;
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    destroy.run();
  }
}
