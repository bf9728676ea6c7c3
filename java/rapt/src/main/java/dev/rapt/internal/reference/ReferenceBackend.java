// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference;

import dev.rapt.InputQuantization;
import dev.rapt.Plan;
import dev.rapt.QuantizedMatrix;
import dev.rapt.RaptException;
import dev.rapt.RaptStatus;
import dev.rapt.Tensor;
import dev.rapt.internal.call.Backend;
import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.PackedWeights;
import dev.rapt.internal.ops.AppendOperation;
import dev.rapt.internal.ops.GeluOperation;
import dev.rapt.internal.ops.LinearOperation;
import dev.rapt.internal.ops.MergeOperation;
import dev.rapt.internal.ops.MhaOperation;
import dev.rapt.internal.ops.NormOperation;
import dev.rapt.internal.ops.RopeOperation;
import dev.rapt.internal.ops.SdpaOperation;
import dev.rapt.internal.reference.append.ReferenceAppend;
import dev.rapt.internal.reference.gelu.ReferenceGelu;
import dev.rapt.internal.reference.linear.ReferenceLinear;
import dev.rapt.internal.reference.linear.ReferenceWeights;
import dev.rapt.internal.reference.merge.ReferenceMerge;
import dev.rapt.internal.reference.mha.ReferenceMha;
import dev.rapt.internal.reference.norm.ReferenceNorm;
import dev.rapt.internal.reference.rope.ReferenceRope;
import dev.rapt.internal.reference.sdpa.ReferenceSdpa;
import org.jspecify.annotations.Nullable;

/** The reference as a backend: one thread, the caller's. */
public final class ReferenceBackend implements Backend {
  /**
   * What a Java array holds on every JVM, less the two keys that multi-head attention may append.
   */
  private static final long MAX_SIZE = Integer.MAX_VALUE - 10;

  @Override
  public void run(CallFrame call) {
    Plan plan = plan(call);
    if (!plan.supported()) {
      throw new RaptException(RaptStatus.UNSUPPORTED, plan.reason());
    }
    if (isEmpty(call)) {
      return;
    }
    switch (call.operation()) {
      case AppendOperation append -> new ReferenceAppend(append, call).run();
      case GeluOperation gelu -> ReferenceGelu.run(gelu, call);
      case LinearOperation linear -> ReferenceLinear.run(linear, call);
      case MergeOperation merge -> ReferenceMerge.run(merge, call);
      case MhaOperation mha -> new ReferenceMha(mha, call).run();
      case NormOperation norm -> ReferenceNorm.run(norm, call);
      case RopeOperation rope -> new ReferenceRope(rope, call).run();
      case SdpaOperation sdpa -> ReferenceSdpa.run(sdpa, call);
      default -> throw new AssertionError(call.operation());
    }
  }

  @Override
  public Plan plan(CallFrame call) {
    String reason = "";
    for (int i = 0; i < call.table().sizes() && !isEmpty(call); i++) {
      if (call.size(i) > MAX_SIZE) {
        reason = call.table().words(i) + " " + call.size(i) + " exceeds a Java array";
      }
    }
    return new Plan(call.table().word() + "_reference_f64_java", reason.isEmpty(), reason, 0, 1);
  }

  /** Whether nothing is to be written: such a call succeeds, however large its other sizes are. */
  private static boolean isEmpty(CallFrame call) {
    for (int left = call.present() & call.table().writtenSlots(); left != 0; left &= left - 1) {
      boolean empty = false;
      for (long size : call.required(Integer.numberOfTrailingZeros(left)).shape()) {
        empty |= size == 0;
      }
      if (!empty) {
        return false;
      }
    }
    return true;
  }

  @Override
  public PackedWeights pack(Tensor weight, @Nullable Tensor bias) {
    return new ReferenceWeights(weight, bias);
  }

  @Override
  public PackedWeights pack(
      QuantizedMatrix weight, @Nullable Tensor bias, InputQuantization input) {
    return new ReferenceWeights(weight, bias, input);
  }

  @Override
  public void close() {
    // Everything is on the Java heap.
  }
}
