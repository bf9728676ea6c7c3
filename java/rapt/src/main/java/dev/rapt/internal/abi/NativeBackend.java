// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.InputQuantization;
import dev.rapt.Plan;
import dev.rapt.QuantizedMatrix;
import dev.rapt.Tensor;
import dev.rapt.internal.call.Backend;
import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.HeldCall;
import dev.rapt.internal.call.PackedWeights;
import dev.rapt.internal.call.Structs;
import dev.rapt.internal.ffi.rapt_h;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Calls on a rapt_context, synchronous or on one of its streams.
 *
 * <p>A run holds the memory of its tensors until the downcall returns. What happens after a call on
 * a stream returns is the business of whoever enqueued it.
 */
public class NativeBackend implements Backend {
  private final MemorySegment context;
  private final MemorySegment stream;

  /** Calls that are complete on return. */
  NativeBackend(MemorySegment context) {
    this(context, MemorySegment.NULL);
  }

  /** Calls that are only enqueued on {@code stream}; closing this does not close the stream. */
  NativeBackend(MemorySegment context, MemorySegment stream) {
    this.context = context;
    this.stream = stream;
  }

  /** The rapt_context. */
  final MemorySegment context() {
    return context;
  }

  @Override
  public void run(CallFrame call) {
    Structs structs = call.structs();
    structs.checkArguments(HeldCall.run(context, call, structs.write(call, stream)));
  }

  @Override
  public Plan plan(CallFrame call) {
    Structs structs = call.structs();
    MemorySegment struct = structs.write(call, stream);
    structs.checkArguments(
        rapt_h.rapt_plan_call(context, call.table().number(), struct, structs.plan, structs.error));
    return structs.readPlan();
  }

  @Override
  public PackedWeights pack(Tensor weight, @Nullable Tensor bias) {
    return NativeWeights.create(context, weight, bias);
  }

  @Override
  public PackedWeights pack(
      QuantizedMatrix weight, @Nullable Tensor bias, InputQuantization input) {
    return NativeWeights.create(context, weight, bias, input);
  }

  @Override
  public void close() {
    if (stream.equals(MemorySegment.NULL)) { // otherwise the context is another's
      rapt_h.rapt_context_destroy(context);
    }
  }
}
