// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.call.Backend;
import dev.rapt.internal.call.CallFrame;
import org.jspecify.annotations.Nullable;

/**
 * Where a call runs: a {@link Device}, on which it is complete on return, or a {@link CudaStream},
 * on which it is enqueued after other work. Closing a tensor's memory waits for enqueued work.
 *
 * {@snippet :
 * static void attend(Place place, Tensor query, Tensor key, Tensor value, Tensor output) {
 *   Attention.builder().causal(Causal.BOTTOM_RIGHT).build().run(place, query, key, value, output);
 * }
 * }
 */
public abstract sealed class Place permits Device, CudaStream {
  Place() {}

  /** The device that computes: this one, or the stream's. */
  public abstract Device device();

  /** The calls. */
  abstract Backend backend();

  /** Begins a call, so that closing waits for its {@link #exit()}. */
  abstract void enter();

  /** Ends a call. */
  abstract void exit();

  /**
   * Refuses a tensor that does not lie where this place computes. A stream also notes in the
   * tensor's memory that closing it must wait; so this comes before the call, whatever becomes of
   * it.
   */
  abstract void admit(String name, @Nullable Tensor tensor);

  /** Notes that work here uses a thing; to be called before the work is enqueued. */
  void note(PendingWork pending) {}

  /** Checks and runs a call. */
  final void run(CallFrame call) {
    OperandChecks.check(call);
    OperandChecks.admit(this, call);
    enter();
    try {
      backend().run(call);
    } catch (IllegalStateException closed) {
      throw OperandChecks.closedMeanwhile(closed, call);
    } finally {
      exit();
    }
  }

  /** What {@link #run} would do. */
  final Plan plan(CallFrame call) {
    OperandChecks.check(call);
    OperandChecks.admit(this, call);
    enter();
    try {
      return backend().plan(call);
    } finally {
      exit();
    }
  }
}
