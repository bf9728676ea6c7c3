// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.Plan;
import dev.rapt.Tensor;
import dev.rapt.internal.AttentionOptions;
import dev.rapt.internal.Backend;
import dev.rapt.internal.MultiHeadModel;
import dev.rapt.internal.Projection;
import dev.rapt.internal.RotaryOptions;
import dev.rapt.internal.ffi.rapt_h;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Calls on a rapt_context, synchronous or on one of its streams.
 *
 * <p>Every run passes the tensors' segments to the downcall once more, through arguments that the
 * native side ignores: the linker keeps their arenas open until the call returns, so that another
 * thread's close throws instead of pulling the memory from under a kernel. What happens after a
 * call on a stream returns is the business of whoever enqueued it.
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
  public void attention(
      AttentionOptions options,
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights,
      @Nullable Tensor keyScale,
      @Nullable Tensor valueScale) {
    CallFrame frame = CallFrame.take();
    try {
      MemorySegment call = frame.attention;
      AttentionStruct.write(
          call,
          stream,
          options,
          query,
          key,
          value,
          output,
          mask,
          bias,
          alibiSlopes,
          sinks,
          lse,
          weights,
          keyScale,
          valueScale);
      frame.checkArguments(
          HeldCall.run(
              context,
              rapt_h.RAPT_SDPA(),
              call,
              frame.error,
              query,
              key,
              keyScale,
              value,
              valueScale,
              output,
              mask,
              bias,
              alibiSlopes,
              sinks,
              lse,
              weights,
              null));
    } finally {
      frame.give();
    }
  }

  @Override
  public Plan attentionPlan(
      AttentionOptions options,
      Tensor query,
      Tensor key,
      Tensor value,
      @Nullable Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights,
      @Nullable Tensor keyScale,
      @Nullable Tensor valueScale) {
    CallFrame frame = CallFrame.take();
    try {
      MemorySegment call = frame.attention;
      AttentionStruct.write(
          call,
          stream,
          options,
          query,
          key,
          value,
          output,
          mask,
          bias,
          alibiSlopes,
          sinks,
          lse,
          weights,
          keyScale,
          valueScale);
      frame.checkArguments(rapt_h.rapt_sdpa_plan(context, call, frame.plan, frame.error));
      return frame.readPlan();
    } finally {
      frame.give();
    }
  }

  @Override
  public Projection projection(Tensor weight, @Nullable Tensor bias) {
    return NativeProjection.create(context, weight, bias);
  }

  @Override
  public void linear(Projection projection, Tensor input, Tensor output) {
    CallFrame frame = CallFrame.take();
    try {
      LinearStruct.write(frame.linear, stream, projection, input, output);
      frame.checkArguments(
          HeldCall.run(
              context,
              rapt_h.RAPT_LINEAR(),
              frame.linear,
              frame.error,
              input,
              output,
              null,
              null,
              null,
              null,
              null,
              null,
              null,
              null,
              null,
              null,
              null));
    } finally {
      frame.give();
    }
  }

  @Override
  public Plan linearPlan(Projection projection, Tensor input, Tensor output) {
    CallFrame frame = CallFrame.take();
    try {
      LinearStruct.write(frame.linear, stream, projection, input, output);
      frame.checkArguments(rapt_h.rapt_linear_plan(context, frame.linear, frame.plan, frame.error));
      return frame.readPlan();
    } finally {
      frame.give();
    }
  }

  @Override
  public void multiHead(
      MultiHeadModel model,
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor keyPaddingMask,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights) {
    CallFrame frame = CallFrame.take();
    try {
      MemorySegment call = frame.multiHead;
      MultiHeadStruct.write(call, stream, model, query, key, value, output);
      MultiHeadStruct.writeOptional(
          call, mask, bias, keyPaddingMask, alibiSlopes, sinks, lse, weights, model);
      frame.checkArguments(
          HeldCall.run(
              context,
              rapt_h.RAPT_MHA(),
              call,
              frame.error,
              query,
              key,
              value,
              output,
              mask,
              bias,
              keyPaddingMask,
              model.biasKey(),
              model.biasValue(),
              alibiSlopes,
              sinks,
              lse,
              weights));
    } finally {
      frame.give();
    }
  }

  @Override
  public Plan multiHeadPlan(
      MultiHeadModel model,
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor keyPaddingMask,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights) {
    CallFrame frame = CallFrame.take();
    try {
      MemorySegment call = frame.multiHead;
      MultiHeadStruct.write(call, stream, model, query, key, value, output);
      MultiHeadStruct.writeOptional(
          call, mask, bias, keyPaddingMask, alibiSlopes, sinks, lse, weights, model);
      frame.checkArguments(rapt_h.rapt_mha_plan(context, call, frame.plan, frame.error));
      return frame.readPlan();
    } finally {
      frame.give();
    }
  }

  @Override
  public void rotary(
      RotaryOptions options,
      Tensor input,
      Tensor cosine,
      Tensor sine,
      @Nullable Tensor positions,
      Tensor output) {
    CallFrame frame = CallFrame.take();
    try {
      MemorySegment call = frame.rope;
      RopeStruct.write(call, stream, options, input, cosine, sine, positions, output);
      frame.checkArguments(
          HeldCall.run(
              context,
              rapt_h.RAPT_ROPE(),
              call,
              frame.error,
              input,
              output,
              cosine,
              sine,
              positions,
              null,
              null,
              null,
              null,
              null,
              null,
              null,
              null));
    } finally {
      frame.give();
    }
  }

  @Override
  public Plan rotaryPlan(
      RotaryOptions options,
      Tensor input,
      Tensor cosine,
      Tensor sine,
      @Nullable Tensor positions,
      Tensor output) {
    CallFrame frame = CallFrame.take();
    try {
      MemorySegment call = frame.rope;
      RopeStruct.write(call, stream, options, input, cosine, sine, positions, output);
      frame.checkArguments(rapt_h.rapt_rope_plan(context, call, frame.plan, frame.error));
      return frame.readPlan();
    } finally {
      frame.give();
    }
  }

  @Override
  public void close() {
    if (stream.equals(MemorySegment.NULL)) { // otherwise the context is another's
      rapt_h.rapt_context_destroy(context);
    }
  }
}
