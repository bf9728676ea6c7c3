// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.cpu;

import dev.rapt.CpuOptions;
import dev.rapt.Isa;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import dev.rapt.internal.AttentionOptions;
import dev.rapt.internal.Backend;
import dev.rapt.internal.MultiHeadModel;
import dev.rapt.internal.Projection;
import dev.rapt.internal.ffi.rapt_context_info;
import dev.rapt.internal.ffi.rapt_context_options;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.natives.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * A rapt_context of the CPU.
 *
 * <p>Every run passes the tensors' segments to the downcall once more, through arguments that the
 * native side ignores: the linker keeps their arenas open until the call returns, so that another
 * thread's close throws instead of pulling the memory from under a kernel.
 */
public final class CpuBackend implements Backend {
  private final MemorySegment context;
  private final int threads;
  private final Isa isa;

  private CpuBackend(MemorySegment context, int threads, Isa isa) {
    this.context = context;
    this.threads = threads;
    this.isa = isa;
  }

  /** Creates a context; throws RaptException where library or tier cannot be used. */
  public static CpuBackend open(CpuOptions options) {
    NativeLibrary.require();
    CallFrame frame = CallFrame.take();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment struct = rapt_context_options.allocate(arena);
      rapt_context_options.struct_size(struct, struct.byteSize());
      rapt_context_options.device(struct, rapt_h.RAPT_DEVICE_CPU());
      rapt_context_options.threads(struct, options.threads());
      rapt_context_options.isa(struct, CpuCapabilities.code(options.isa()));
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      frame.check(rapt_h.rapt_context_create(struct, out, frame.error));
      MemorySegment context = out.get(ValueLayout.ADDRESS, 0);
      MemorySegment info = rapt_context_info.allocate(arena);
      rapt_context_info.struct_size(info, info.byteSize());
      frame.check(rapt_h.rapt_context_get_info(context, info, frame.error));
      Isa isa = CpuCapabilities.isa(rapt_context_info.isa(info));
      return new CpuBackend(
          context, rapt_context_info.threads(info), isa == null ? Isa.PORTABLE : isa);
    } finally {
      frame.give();
    }
  }

  /** Threads that work on one call, the calling thread among them. */
  public int threads() {
    return threads;
  }

  /** The tier. */
  public Isa isa() {
    return isa;
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
      @Nullable Tensor weights) {
    CallFrame frame = CallFrame.take();
    try {
      MemorySegment call = frame.attention;
      AttentionStruct.write(
          call, options, query, key, value, output, mask, bias, alibiSlopes, sinks, lse, weights);
      frame.check(
          rapt_h.rapt_attention_run_held(
              context,
              call,
              frame.error,
              query.segment(),
              key.segment(),
              value.segment(),
              output.segment(),
              held(mask),
              held(bias),
              held(alibiSlopes),
              held(sinks),
              held(lse),
              held(weights)));
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
      @Nullable Tensor weights) {
    CallFrame frame = CallFrame.take();
    try {
      MemorySegment call = frame.attention;
      AttentionStruct.write(
          call, options, query, key, value, output, mask, bias, alibiSlopes, sinks, lse, weights);
      frame.check(rapt_h.rapt_attention_plan(context, call, frame.plan, frame.error));
      return frame.readPlan();
    } finally {
      frame.give();
    }
  }

  @Override
  public Projection projection(Tensor weight, @Nullable Tensor bias) {
    return CpuProjection.create(context, weight, bias);
  }

  @Override
  public void linear(Projection projection, Tensor input, Tensor output) {
    CallFrame frame = CallFrame.take();
    try {
      LinearStruct.write(frame.linear, projection, input, output);
      frame.check(
          rapt_h.rapt_linear_run_held(
              context, frame.linear, frame.error, input.segment(), output.segment()));
    } finally {
      frame.give();
    }
  }

  @Override
  public Plan linearPlan(Projection projection, Tensor input, Tensor output) {
    CallFrame frame = CallFrame.take();
    try {
      LinearStruct.write(frame.linear, projection, input, output);
      frame.check(rapt_h.rapt_linear_plan(context, frame.linear, frame.plan, frame.error));
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
      MultiHeadStruct.write(call, model, query, key, value, output);
      MultiHeadStruct.writeOptional(
          call, mask, bias, keyPaddingMask, alibiSlopes, sinks, lse, weights, model);
      frame.check(
          rapt_h.rapt_mha_run_held(
              context,
              call,
              frame.error,
              query.segment(),
              key.segment(),
              value.segment(),
              output.segment(),
              held(mask),
              held(bias),
              held(keyPaddingMask),
              held(model.biasKey()),
              held(model.biasValue()),
              held(alibiSlopes),
              held(sinks),
              held(lse),
              held(weights)));
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
      MultiHeadStruct.write(call, model, query, key, value, output);
      MultiHeadStruct.writeOptional(
          call, mask, bias, keyPaddingMask, alibiSlopes, sinks, lse, weights, model);
      frame.check(rapt_h.rapt_mha_plan(context, call, frame.plan, frame.error));
      return frame.readPlan();
    } finally {
      frame.give();
    }
  }

  @Override
  public void close() {
    rapt_h.rapt_context_destroy(context);
  }

  private static MemorySegment held(@Nullable Tensor tensor) {
    return tensor == null ? MemorySegment.NULL : tensor.segment();
  }
}
