// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Append;
import dev.rapt.AppendTensors;
import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.Causal;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;
import dev.rapt.check.Tier;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Steps against each text alone, in one piece of memory: the bits are the same. */
class StepTest {
  private static final int LAYERS = 2;
  private static final int HEADS = 4;
  private static final int KV_HEADS = 2;
  private static final int DIM = 16;
  private static final int VALUE_DIM = 8;
  private static final int LONGEST = 160;

  private static final Attention CAUSAL = Attention.builder().causal(Causal.BOTTOM_RIGHT).build();
  private static final Append ROTARY = Append.builder().interleaved(true).rotaryDim(8).build();

  /** What a token's rows are: drawn from its number, the layer and what they are for. */
  private static Tensor rows(Arena arena, List<Integer> tokens, int layer, int heads, int width) {
    float[] data = new float[heads * tokens.size() * width];
    for (int i = 0; i < tokens.size(); i++) {
      Random random = new Random(((tokens.get(i) * 31L + layer) * 31 + heads) * 31 + width);
      for (int head = 0; head < heads; head++) {
        for (int d = 0; d < width; d++) {
          data[(head * tokens.size() + i) * width + d] = random.nextFloat(-2, 2);
        }
      }
    }
    return Tensor.copyOf(arena, data, 1, heads, tokens.size(), width);
  }

  /** A text that is known: its tokens, and its sequence in the cache under test. */
  private record Text(Sequence sequence, List<Integer> tokens) {
    Text(KvCache cache) {
      this(cache.newSequence(), new ArrayList<>());
    }

    Text fork() {
      return new Text(sequence.fork(), new ArrayList<>(tokens));
    }
  }

  /** The cache under test, and what is computed beside it. */
  private static final class World implements AutoCloseable {
    final Arena arena = Arena.ofShared();
    final Device device;
    final DType dtype;
    final KvCache cache;
    final Step step;
    final RotaryEmbedding.Tables angles;
    final Random random = new Random(5);

    World(Device device, DType dtype, int pageSize) {
      this.device = device;
      this.dtype = dtype;
      cache =
          KvCache.builder()
              .layers(LAYERS)
              .kvHeads(KV_HEADS)
              .headDim(DIM)
              .valueDim(VALUE_DIM)
              .dtype(dtype)
              .groups(2)
              .pageSize(pageSize)
              .pages(5 * LONGEST / pageSize + 4) // one for each text, where all fits in one
              .build();
      Rows.poison(cache);
      step = cache.newStep(device, 4, 2 * LONGEST);
      angles = RotaryEmbedding.tables(arena, LONGEST, 8);
    }

    /** One step of these texts, of so many drawn tokens each, compared layer by layer. */
    void step(List<Text> texts, int... counts) {
      List<Integer> batch = new ArrayList<>();
      for (int i = 0; i < texts.size(); i++) {
        List<Integer> more =
            IntStream.range(0, counts[i]).mapToObj(n -> random.nextInt(1000)).toList();
        texts.get(i).tokens.addAll(more);
        batch.addAll(more);
        step.add(texts.get(i).sequence, counts[i]);
      }
      step.plan();
      try (Arena local = Arena.ofShared()) {
        for (int layer = 0; layer < LAYERS; layer++) {
          Tensor query = rows(local, batch, layer, HEADS, DIM);
          Tensor output = Tensor.allocate(local, DType.F32, 1, HEADS, batch.size(), VALUE_DIM);
          output.fill(-7);
          step.append(
              layer,
              ROTARY,
              angles,
              rows(local, batch, layer, KV_HEADS, DIM),
              rows(local, batch, layer, KV_HEADS, VALUE_DIM),
              query);
          step.run(layer, CAUSAL, query, output);
          int first = 0;
          for (int i = 0; i < texts.size(); i++) {
            assertArrayEquals(
                alone(texts.get(i).tokens, counts[i], layer),
                output.slice(2, first, first + counts[i]).toFloatArray(),
                "text " + i + ", layer " + layer);
            first += counts[i];
          }
        }
      }
      step.commit();
    }

    /** The output of a text's last tokens, its keys in one piece. */
    float[] alone(List<Integer> tokens, int last, int layer) {
      try (Arena local = Arena.ofShared()) {
        int size = tokens.size();
        Tensor keys = Tensor.allocate(local, dtype, 1, KV_HEADS, size, DIM);
        Tensor values = Tensor.allocate(local, dtype, 1, KV_HEADS, size, VALUE_DIM);
        boolean bytes = dtype == DType.I8;
        Tensor keyScale = bytes ? Tensor.allocate(local, DType.F32, 1, KV_HEADS, size, 2) : null;
        Tensor valueScale = bytes ? Tensor.allocate(local, DType.F32, 1, KV_HEADS, size, 2) : null;
        Tensor query = rows(local, tokens.subList(size - last, size), layer, HEADS, DIM);
        for (int part = 0; part < 2; part++) {
          int from = part == 0 ? 0 : size - last;
          int to = part == 0 ? size - last : size;
          long[] places = IntStream.range(from, to).asLongStream().toArray();
          Tensor slots = Tensor.copyOf(local, places, 1, places.length);
          List<Integer> some = tokens.subList(from, to);
          ROTARY.run(
              device,
              AppendTensors.builder(
                      rows(local, some, layer, KV_HEADS, DIM),
                      rows(local, some, layer, KV_HEADS, VALUE_DIM),
                      slots,
                      keys,
                      values)
                  .keyScale(keyScale)
                  .valueScale(valueScale)
                  .tables(angles)
                  .positions(slots)
                  .query(part == 0 ? null : query)
                  .build());
        }
        Tensor output = Tensor.allocate(local, DType.F32, 1, HEADS, last, VALUE_DIM);
        CAUSAL.run(
            device,
            AttentionTensors.builder(query, keys, values, output)
                .keyScale(keyScale)
                .valueScale(valueScale)
                .build());
        return output.toFloatArray();
      }
    }

    @Override
    public void close() {
      step.close();
      cache.close();
      arena.close();
    }
  }

  static Stream<Arguments> worlds() {
    return Tier.usable().stream()
        .flatMap(
            tier ->
                Stream.of(DType.F32, DType.F16, DType.BF16, DType.I8)
                    .flatMap(
                        dtype -> Stream.of(1, 3, 16, 1000).map(n -> Arguments.of(tier, dtype, n))));
  }

  /** Prompts beside single tokens, forks beside their parents, and texts that were cut. */
  @ParameterizedTest
  @MethodSource("worlds")
  void everyTextIsAsIfAlone(Tier tier, DType dtype, int pageSize) {
    for (int threads : new int[] {1, Tier.SEVERAL_THREADS}) {
      if (tier == Tier.JAVA && threads > 1) {
        continue;
      }
      try (World world = new World(tier.device(threads), dtype, pageSize)) {
        Text a = new Text(world.cache);
        Text b = new Text(world.cache);
        world.step(List.of(a), 37);
        world.step(List.of(a, b), 1, 70);
        Text c = b.fork();
        Text d = a.fork();
        world.step(List.of(d, a, b, c), 1, 1, 1, 1);
        c.sequence.truncate(50);
        c.tokens.subList(50, c.tokens.size()).clear();
        world.step(List.of(c, b, a), 19, 1, 40);
        a.sequence.close();
        world.step(List.of(b, c, d), 2, 1, 3);
      }
    }
  }

  /** Of a rolled-back step nothing is left, and what it wrote is nobody's. */
  @Test
  void rollbackLeavesNothing() {
    try (World world = new World(Tier.usable().getLast().device(), DType.F32, 4)) {
      Text a = new Text(world.cache);
      world.step(List.of(a), 10);
      Text b = a.fork();
      CacheStatistics before = world.cache.statistics();
      world.step.add(a.sequence, 7);
      world.step.add(b.sequence, 7);
      world.step.plan();
      try (Arena local = Arena.ofShared()) {
        Tensor nan = Tensor.allocate(local, DType.F32, 1, KV_HEADS, 14, DIM);
        Tensor nanValues = Tensor.allocate(local, DType.F32, 1, KV_HEADS, 14, VALUE_DIM);
        nan.fill(Float.NaN);
        nanValues.fill(Float.NaN);
        world.step.append(0, nan, nanValues);
      }
      world.step.rollback();
      assertEquals(before, world.cache.statistics());
      assertEquals(10, a.sequence.length());
      world.step(List.of(a, b), 3, 1);
      try (Step left = world.cache.newStep(world.device, 1, 9)) {
        left.add(a.sequence, 9);
      }
      assertEquals(13, a.sequence.length());
      world.step(List.of(b, a), 1, 2);
    }
  }

  @Test
  void nothingCommitsByHalves() {
    try (KvCache cache = Rows.cache(4, 4);
        Device device = Device.java();
        Step step = cache.newStep(device, 2, 8);
        Arena arena = Arena.ofShared()) {
      Sequence text = cache.newSequence();
      Tensor keys = Tensor.allocate(arena, DType.F32, 1, Rows.HEADS, 2, Rows.KEY_DIM);
      Tensor values = Tensor.allocate(arena, DType.F32, 1, Rows.HEADS, 2, Rows.VALUE_DIM);
      state("the step is not planned; allowed: plan() first", step::commit);
      state("the step is not planned", () -> step.append(0, keys, values));
      step.add(text, 2);
      step.plan();
      state("the step is planned; allowed: commit or rollback first", step::plan);
      state("the step is planned", () -> step.add(text, 1));
      step.append(0, keys, values);
      step.run(0, CAUSAL, keys, values);
      String missing =
          "layer 1 has no keys of this step; allowed: append to it first, in a model of 2 layers";
      state(missing, () -> step.run(1, CAUSAL, keys, values));
      state(missing, step::commit);
      assertThrows(IndexOutOfBoundsException.class, () -> step.append(2, keys, values));
      assertThrows(
          IllegalArgumentException.class,
          () -> step.append(1, keys.slice(2, 0, 1), values.slice(2, 0, 1)));
      state(missing, step::commit);
      step.append(1, keys, values);
      step.commit();
      assertEquals(2, text.length());
      step.add(text, 2);
      step.plan();
      state("layer 0 has no keys of this step", step::commit);
    }
  }

  private static void state(String part, Runnable call) {
    String message = assertThrows(IllegalStateException.class, call::run).getMessage();
    assertTrue(message.contains(part), message);
  }

  @Test
  void tablesSayWhereEverythingIs() {
    try (KvCache cache = Rows.cache(20, 2);
        Device device = Device.java();
        Step step = cache.newStep(device, 3, 30);
        Sequence a = cache.newSequence();
        Sequence b = cache.newSequence()) {
      Rows.append(step, a, 1, 2, 3);
      step.add(a, 2);
      step.add(b, 1);
      step.plan();
      assertArrayEquals(new long[] {3, 4, 0}, step.positions().toLongArray());
      assertArrayEquals(new long[] {3, 4, 6}, step.slots().toLongArray());
      assertArrayEquals(new int[] {0, 2, 3}, step.queryStarts().toIntArray());
      assertArrayEquals(new int[] {5, 1}, step.keyLengths().toIntArray());
      assertArrayEquals(
          new int[] {0, 1, 2}, step.pageTable().select(0, 0).slice(0, 0, 3).toIntArray());
      assertEquals(3, step.pageTable().getLong(1, 0));
      Rows.write(step, 4, 5, 6);
      step.commit();
      step.add(a, 23);
      step.plan();
      assertEquals(16, step.pageTable().size(1));
      step.rollback();
      step.plan();
      step.commit();
    }
  }
}
