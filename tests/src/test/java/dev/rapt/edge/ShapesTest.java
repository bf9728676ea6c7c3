// SPDX-License-Identifier: Apache-2.0
package dev.rapt.edge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.Causal;
import dev.rapt.DType;
import dev.rapt.Merge;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import dev.rapt.check.AttentionCall;
import dev.rapt.check.AttentionCall.Actual;
import dev.rapt.check.AttentionCase;
import dev.rapt.check.ErrorBound;
import dev.rapt.check.Judge;
import dev.rapt.check.Tier;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Sizes of zero and one, shared and broadcast memory, offsets beyond int32, very long sequences.
 */
class ShapesTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b0 h2 q5 k7 d16 lse weights(softmax)",
        "b2 h2 q0 k7 d16 lse weights(softmax)",
        "b0 h2 q0 k0 d16 lse weights(softmax) causal(bottom)"
      })
  void nothingToDoSucceeds(String name) {
    try (AttentionCall call = new AttentionCall(AttentionCase.parse(name))) {
      for (Tier tier : Tier.usable()) {
        assertEquals(0, call.run(tier.device()).output().length);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b2 h4/2 q5 k0 d16/24 lse weights(softmax)",
        "b2 h4/2 q50 k0 d16 lse causal(bottom) sinks(h)",
        "b1 h1 q1 k0 d64 lse window(1,1)"
      })
  void noKeysGiveZeroAndMinusInfinity(String name) {
    try (AttentionCall call = new AttentionCall(AttentionCase.parse(name))) {
      for (Tier tier : Tier.usable()) {
        Actual actual = call.run(tier.device());
        for (float value : actual.output()) {
          assertEquals(0f, value);
        }
        for (float value : actual.lse()) {
          assertEquals(Float.NEGATIVE_INFINITY, value);
        }
      }
    }
  }

  @Test
  void emptyTensorsNeedNoMemory() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor none = Tensor.of(MemorySegment.NULL, DType.F32, 1, 2, 0, 8);
      Tensor query = Tensor.allocate(arena, DType.F32, 1, 2, 3, 8);
      Tensor output = Tensor.allocate(arena, DType.F32, 1, 2, 3, 8);
      float[] poison = new float[48];
      Arrays.fill(poison, Float.NaN);
      for (Tier tier : Tier.usable()) {
        output.copyFrom(poison);
        Attention attention = Attention.builder().build();
        attention.run(tier.device(), query, none, none, output);
        assertArrayEquals(new float[48], output.toFloatArray(), tier.toString());
        attention.run(tier.device(), none, query, query, none);
      }
    }
  }

  /** A size of zero leaves nothing to do, however large the others are. */
  @ParameterizedTest
  @ValueSource(longs = {1L << 31, 1L << 40})
  void nothingToDoSucceedsWhateverTheOtherSizes(long large) {
    Tensor noQueries = Tensor.of(MemorySegment.NULL, DType.F32, 0, 2, large, 8);
    Tensor noKeys = Tensor.of(MemorySegment.NULL, DType.F32, 0, 2, 3, 8);
    Tensor noParts = Tensor.of(MemorySegment.NULL, DType.F32, large, 0, 2, 3, 8);
    Tensor noLse = Tensor.of(MemorySegment.NULL, DType.F32, large, 0, 2, 3);
    for (Tier tier : Tier.usable()) {
      Attention attention = Attention.builder().build();
      Plan plan = attention.plan(tier.device(), noQueries, noKeys, noKeys, noQueries);
      assertTrue(plan.supported(), plan::reason);
      attention.run(tier.device(), noQueries, noKeys, noKeys, noQueries);
      attention.run(tier.device(), noKeys, noQueries, noQueries, noKeys);
      Merge.run(tier.device(), noParts, noLse, noKeys, null);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h1 q1 k1 d1 lse weights(softmax)",
        "b1 h1 q1 k1 d64 lse",
        "b1 h1 q1 k40 d1 lse",
        "b1 h1 q40 k1 d1 lse",
        "b1 h1 q40 k1 d64 causal(top) lse",
        "b5 h3 q1 k1 d3/7 lse"
      })
  void lengthsOfOne(String name) {
    Judge.everyTier(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h2 q20 k40 d8/200 lse",
        "b1 h2/1 q1 k300 d1/1024 lse",
        "b1 h2 q20 k40 d1024/1 lse"
      })
  void valueDimFarFromHeadDim(String name) {
    Judge.everyTier(name);
  }

  @Test
  void masksAndBiasesExpandedByZeroStrides() {
    AttentionCase c = AttentionCase.parse("b2 h3 q21 k50 d16 mask(b,1,1,k) bias(h,q,1)");
    try (AttentionCall call = new AttentionCall(c)) {
      AttentionTensors t = call.tensors();
      AttentionTensors expanded =
          t.toBuilder()
              .mask(t.mask().expand(2, 3, 21, 50))
              .bias(t.bias().reshape(1, 3, 21, 1).expand(2, 3, 21, 50))
              .build();
      for (Tier tier : Tier.usable()) {
        float[] expected = call.run(tier.device()).output();
        call.attention().run(tier.device(), expanded);
        assertArrayEquals(expected, t.output().toFloatArray(), tier.toString());
      }
    }
  }

  @Test
  void oneTensorAsQueryKeyAndValue() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = Tensor.allocate(arena, DType.F32, 1, 2, 40, 16);
      x.copyFrom(ramp(2 * 40 * 16));
      Tensor copyOfKey = Tensor.copyOf(arena, x.toFloatArray(), 1, 2, 40, 16);
      Tensor narrow = x.slice(3, 0, 5);
      Tensor copyOfValue = Tensor.copyOf(arena, narrow.toFloatArray(), 1, 2, 40, 5);
      Tensor shared = Tensor.allocate(arena, DType.F32, 1, 2, 40, 5);
      Tensor apart = Tensor.allocate(arena, DType.F32, 1, 2, 40, 5);
      Attention attention = Attention.builder().causal(Causal.TOP_LEFT).build();
      for (Tier tier : Tier.usable()) {
        attention.run(tier.device(), x, x, narrow, shared);
        attention.run(tier.device(), x, copyOfKey, copyOfValue, apart);
        assertArrayEquals(apart.toFloatArray(), shared.toFloatArray(), tier.toString());
      }
    }
  }

  /** Batches and heads that lie more than 2^31 elements apart, in a sparse file. */
  @Test
  void offsetsBeyondInt32(@TempDir Path folder) throws IOException {
    long far = (1L << 31) + 24;
    long[] strides = {far, far / 2, 8, 1};
    long[] shape = {2, 2, 5, 8};
    long one = 2 * far * Float.BYTES;
    try (Arena arena = Arena.ofShared();
        FileChannel file =
            FileChannel.open(
                folder.resolve("sparse"),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      MemorySegment memory = file.map(FileChannel.MapMode.READ_WRITE, 0, 4 * one, arena);
      Tensor[] wide = new Tensor[4];
      Tensor[] compact = new Tensor[4];
      for (int i = 0; i < 4; i++) {
        wide[i] = Tensor.of(memory.asSlice(i * one, one), 0, DType.F32, shape, strides);
        compact[i] = Tensor.allocate(arena, DType.F32, shape);
        float[] values = ramp(2 * 2 * 5 * 8);
        values[i] = 3;
        wide[i].copyFrom(values);
        compact[i].copyFrom(values);
      }
      for (Tier tier : Tier.usable()) {
        Attention attention = Attention.builder().causal(Causal.BOTTOM_RIGHT).build();
        attention.run(tier.device(), wide[0], wide[1], wide[2], wide[3]);
        attention.run(tier.device(), compact[0], compact[1], compact[2], compact[3]);
        assertArrayEquals(compact[3].toFloatArray(), wide[3].toFloatArray(), tier.toString());
      }
    }
  }

  @Test
  void scratchDoesNotGrowWithTheSequences() {
    Attention attention = Attention.builder().causal(Causal.BOTTOM_RIGHT).build();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment row = arena.allocate(64 * Float.BYTES, 64);
      Tensor output = Tensor.allocate(arena, DType.F32, 1, 8, 131_072, 64);
      for (Tier tier : Tier.usableNative()) {
        for (int queries : new int[] {1, 4, 1024, 131_072}) {
          Plan shorter =
              plan(attention, tier, row, output.slice(2, 0, queries), Math.max(queries, 8192));
          Plan longer = plan(attention, tier, row, output.slice(2, 0, queries), 131_072);
          assertTrue(shorter.supported() && longer.supported(), longer::reason);
          assertEquals(shorter.scratchBytes(), longer.scratchBytes(), tier + ": " + longer.name());
          assertTrue(longer.scratchBytes() <= 64 << 20, tier + ": " + longer.scratchBytes());
        }
      }
    }
  }

  /** Rows far into a sequence of 131,072, against the same rows alone with the keys they see. */
  @Test
  void aLongSequenceIsTheSameAsItsParts() {
    int length = 131_072;
    int window = 64;
    int rows = 40;
    Attention whole = Attention.builder().causal(Causal.TOP_LEFT).window(window - 1, 0).build();
    Attention part = Attention.builder().causal(Causal.BOTTOM_RIGHT).window(window - 1, 0).build();
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = Tensor.copyOf(arena, ramp(length * 8), 1, 1, length, 8);
      Tensor out = Tensor.allocate(arena, DType.F32, 1, 1, length, 8);
      Tensor own = Tensor.allocate(arena, DType.F32, 1, 1, rows, 8);
      for (Tier tier : Tier.usableNative()) {
        whole.run(tier.device(2), x, x, x, out);
        for (long first : new long[] {window, 65_500, length - rows}) {
          Tensor keys = x.slice(2, first - window, first + rows);
          part.run(tier.device(), x.slice(2, first, first + rows), keys, keys, own);
          float[] within = out.slice(2, first, first + rows).toFloatArray();
          ErrorBound.checkReordered(tier + ", rows from " + first, own.toFloatArray(), within);
        }
      }
    }
  }

  private static Plan plan(
      Attention attention, Tier tier, MemorySegment row, Tensor output, long k) {
    // Every row of the sequence is the same memory: a plan reads no data.
    long[] strides = {0, 0, 0, 1};
    Tensor query = Tensor.of(row, DType.F32, output.shape(), strides);
    Tensor key = Tensor.of(row, DType.F32, new long[] {1, 8, k, 64}, strides);
    return attention.plan(tier.device(Tier.SEVERAL_THREADS), query, key, key, output);
  }

  private static float[] ramp(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (i * 37 % 101 - 50) / 40f;
    }
    return values;
  }
}
