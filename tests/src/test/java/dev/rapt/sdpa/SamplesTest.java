// SPDX-License-Identifier: Apache-2.0
package dev.rapt.sdpa;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.Causal;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Quantization;
import dev.rapt.Tensor;
import dev.rapt.WeightsStage;
import dev.rapt.check.Tier;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Samples of different lengths in one call: each gives what it gives alone, on every device. */
class SamplesTest {
  private static final int HEADS = 4;
  private static final int KV_HEADS = 2;
  private static final int DIM = 16;
  private static final int[] QUERIES = {1, 0, 19, 2, 1};
  private static final int[] KEYS = {33, 5, 40, 0, 70};

  /** What is asked of the attention. */
  enum Options {
    PLAIN(Attention.builder()),
    BOTTOM_RIGHT(Attention.builder().causal(Causal.BOTTOM_RIGHT)),
    WINDOW(Attention.builder().causal(Causal.BOTTOM_RIGHT).window(7, -1).softcap(3)),
    RAW(Attention.builder().weightsStage(WeightsStage.RAW)),
    BIAS(Attention.builder().causal(Causal.BOTTOM_RIGHT).weightsStage(WeightsStage.BIAS));

    final Attention attention;

    Options(Attention.Builder builder) {
      attention = builder.build();
    }
  }

  /** The tensors of a sample alone, and of all of them in one call. */
  private static final class Batch {
    final Arena arena;
    final Random random = new Random(7);
    final boolean weights;
    final Tensor[] queries = new Tensor[QUERIES.length];
    final Tensor[] keys = new Tensor[QUERIES.length];
    final Tensor[] scales = new Tensor[QUERIES.length];
    final DType dtype;

    Batch(Arena arena, DType dtype, boolean weights) {
      this.arena = arena;
      this.weights = weights;
      this.dtype = dtype;
      for (int b = 0; b < QUERIES.length; b++) {
        queries[b] = random(HEADS, QUERIES[b]);
        Tensor key = random(KV_HEADS, KEYS[b]);
        if (dtype == DType.I8) {
          keys[b] = Tensor.allocate(arena, DType.I8, 1, KV_HEADS, KEYS[b], DIM);
          scales[b] = Tensor.allocate(arena, DType.F32, 1, KV_HEADS, KEYS[b]);
          Quantization.symmetric(key, keys[b], scales[b]);
        } else {
          keys[b] = key.toType(arena, dtype);
        }
      }
    }

    private Tensor random(long heads, long rows) {
      Tensor tensor = Tensor.allocate(arena, DType.F32, 1, heads, rows, DIM);
      float[] data = new float[(int) tensor.elements()];
      for (int i = 0; i < data.length; i++) {
        data[i] = random.nextFloat(-1, 1);
      }
      tensor.copyFrom(data);
      return tensor;
    }

    AttentionTensors alone(int b) {
      Tensor output = Tensor.allocate(arena, DType.F32, 1, HEADS, QUERIES[b], DIM);
      AttentionTensors.Builder builder =
          AttentionTensors.builder(queries[b], keys[b], keys[b], output)
              .lse(Tensor.allocate(arena, DType.F32, 1, HEADS, QUERIES[b]))
              .keyScale(scales[b])
              .valueScale(scales[b]);
      if (weights) {
        builder.weights(Tensor.allocate(arena, DType.F32, 1, HEADS, QUERIES[b], KEYS[b]));
      }
      return builder.build();
    }

    /** Ragged queries, each sample's behind one token that no sample has. */
    AttentionTensors.Builder ragged(Tensor key, Tensor scale) {
      long tokens = start(QUERIES, QUERIES.length);
      Tensor query = Tensor.allocate(arena, DType.F32, 1, HEADS, tokens, DIM);
      query.fill(Float.NaN);
      for (int b = 0; b < QUERIES.length; b++) {
        rows(query, QUERIES, b).copyFrom(queries[b]);
      }
      Tensor output = Tensor.allocate(arena, DType.F32, 1, HEADS, tokens, DIM);
      Tensor lse = Tensor.allocate(arena, DType.F32, 1, HEADS, tokens);
      AttentionTensors.Builder builder =
          AttentionTensors.builder(query, key, key, output)
              .lse(lse)
              .keyScale(scale)
              .valueScale(scale)
              .queryStarts(starts(QUERIES), 19);
      output.fill(-7);
      if (weights) {
        builder.weights(Tensor.allocate(arena, DType.F32, 1, HEADS, tokens, 70));
      }
      return builder;
    }

    Tensor starts(int[] of) {
      long[] starts = new long[of.length + 1];
      for (int b = 0; b <= of.length; b++) {
        starts[b] = start(of, b);
      }
      return Tensor.copyOf(arena, starts, starts.length);
    }

    AttentionTensors raggedKeys() {
      long tokens = start(KEYS, KEYS.length);
      Tensor key = poisoned(1, tokens);
      Tensor scale = dtype == DType.I8 ? nan(1, tokens) : null;
      for (int b = 0; b < KEYS.length; b++) {
        rows(key, KEYS, b).copyFrom(keys[b]);
        if (scale != null) {
          rows(scale, KEYS, b).copyFrom(scales[b]);
        }
      }
      return ragged(key, scale).keyStarts(starts(KEYS), 70).build();
    }

    AttentionTensors paged(int size) {
      int most = (70 + size - 1) / size;
      Tensor table = Tensor.allocate(arena, DType.I32, KEYS.length, most);
      table.fillLong(-1);
      int pages = KEYS.length * most;
      Tensor key = poisoned(pages, size);
      Tensor scale = dtype == DType.I8 ? nan(pages, size) : null;
      int next = pages;
      for (int b = 0; b < KEYS.length; b++) {
        for (int n = 0; n * size < KEYS[b]; n++) {
          table.setLong(--next, b, n);
          int from = n * size;
          int to = Math.min(KEYS[b], from + size);
          key.slice(0, next, next + 1).slice(2, 0, to - from).copyFrom(keys[b].slice(2, from, to));
          if (scale != null) {
            scale
                .slice(0, next, next + 1)
                .slice(2, 0, to - from)
                .copyFrom(scales[b].slice(2, from, to));
          }
        }
      }
      long[] lengths = new long[KEYS.length];
      for (int b = 0; b < KEYS.length; b++) {
        lengths[b] = KEYS[b];
      }
      return ragged(key, scale)
          .keyLengths(Tensor.copyOf(arena, lengths, lengths.length))
          .pageTable(table, 70)
          .build();
    }

    private Tensor poisoned(long first, long rows) {
      Tensor key = Tensor.allocate(arena, dtype, first, KV_HEADS, rows, DIM);
      if (dtype != DType.I8) {
        key.fill(Float.NaN);
      }
      return key;
    }

    private Tensor nan(long first, long rows) {
      Tensor scale = Tensor.allocate(arena, DType.F32, first, KV_HEADS, rows);
      scale.fill(Float.NaN);
      return scale;
    }
  }

  private static long start(int[] of, int b) {
    long start = 1;
    for (int i = 0; i < b; i++) {
      start += of[i];
    }
    return start;
  }

  private static Tensor rows(Tensor ragged, int[] of, int b) {
    return ragged.slice(2, start(of, b), start(of, b + 1));
  }

  /** Runs the batch on every device, and each sample by itself. */
  private static void check(Options options, Batch batch, AttentionTensors all) {
    float[] expected = null;
    for (Tier tier : Tier.usable()) {
      options.attention.run(tier.device(3), all);
      for (int b = 0; b < QUERIES.length; b++) {
        String where = tier + ", sample " + b;
        AttentionTensors alone = batch.alone(b);
        options.attention.run(tier.device(1), alone);
        same(alone.output(), rows(all.output(), QUERIES, b), where);
        same(alone.lse(), rows(all.lse(), QUERIES, b), where);
        if (batch.weights) {
          Tensor weights = rows(all.weights(), QUERIES, b);
          same(alone.weights(), weights.slice(3, 0, KEYS[b]), where);
          float missing = options == Options.RAW || options == Options.BIAS ? -1 / 0f : 0;
          for (float weight : weights.slice(3, KEYS[b], 70).toFloatArray()) {
            assertEquals(missing, weight, where);
          }
        }
      }
      assertEquals(-7, all.output().get(0, 0, 0, 0), "a token of no sample");
      float[] output = all.output().toFloatArray();
      if (expected != null) {
        assertArrayEquals(expected, output, 2e-5f, tier.toString());
      }
      expected = output;
    }
  }

  private static void same(Tensor alone, Tensor inBatch, String where) {
    assertArrayEquals(alone.toFloatArray(), inBatch.toFloatArray(), where);
  }

  @ParameterizedTest
  @EnumSource(Options.class)
  void ragged(Options options) {
    for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16, DType.I8}) {
      for (boolean weights : new boolean[] {false, true}) {
        try (Arena arena = Arena.ofConfined()) {
          Batch batch = new Batch(arena, dtype, weights);
          check(options, batch, batch.raggedKeys());
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 16, 32, 1000})
  void paged(int size) {
    for (Options options : Options.values()) {
      for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16, DType.I8}) {
        try (Arena arena = Arena.ofConfined()) {
          Batch batch = new Batch(arena, dtype, options == Options.RAW);
          check(options, batch, batch.paged(size));
        }
      }
    }
  }

  @Test
  void keyLengthsHideWhatIsBehindThem() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor query = Tensor.allocate(arena, DType.F32, 3, 1, 2, 8);
      Tensor key = Tensor.allocate(arena, DType.F32, 3, 1, 9, 8);
      key.fill(Float.NaN);
      int[] lengths = {9, 4, 0};
      for (int b = 0; b < 3; b++) {
        key.slice(0, b, b + 1).slice(2, 0, lengths[b]).fill(b + 1);
      }
      Tensor output = Tensor.allocate(arena, DType.F32, 3, 1, 2, 8);
      AttentionTensors tensors =
          AttentionTensors.builder(query, key, key, output)
              .keyLengths(Tensor.copyOf(arena, lengths, 3))
              .build();
      for (Tier tier : Tier.usable()) {
        Attention.builder().build().run(tier.device(), tensors);
        for (int b = 0; b < 3; b++) {
          assertEquals(b < 2 ? b + 1 : 0, output.get(b, 0, 1, 7), tier.toString());
        }
        // The struct is used again; a call of the usual kind must not see these lengths.
        Tensor plain = Tensor.allocate(arena, DType.F32, 3, 1, 2, 8);
        Attention.builder().build().run(tier.device(), query, query, query, plain);
        assertEquals(0, plain.get(2, 0, 1, 7));
      }
    }
  }

  @Test
  void badInputIsNamedAndChangesNothing() {
    try (Arena arena = Arena.ofConfined()) {
      Batch batch = new Batch(arena, DType.F32, false);
      AttentionTensors ragged = batch.raggedKeys();
      AttentionTensors paged = batch.paged(16);
      paged.output().fill(5);
      ragged.output().fill(5);
      for (Tier tier : Tier.usable()) {
        Device device = tier.device();
        Tensor starts = batch.starts(QUERIES);
        starts.setLong(0, 1);
        rejected(
            "query_starts(1) is 0; allowed: 1 to 24",
            device,
            ragged.toBuilder().queryStarts(starts, 19).build());
        rejected(
            "query_starts(3) is 21, 19 behind the one before it; allowed: 0 to query_len, 18",
            device,
            ragged.toBuilder().queryStarts(batch.starts(QUERIES), 18).build());
        Tensor far = batch.starts(KEYS);
        far.setLong(150, 5);
        rejected(
            "key_starts(5) is 150; allowed: 79 to 149",
            device,
            ragged.toBuilder().keyStarts(far, 70).build());
        rejected(
            "key_lengths(0) is 34; allowed: 0 to 33",
            device,
            ragged.toBuilder()
                .keyLengths(Tensor.copyOf(arena, new int[] {34, 0, 0, 0, 0}, 5))
                .build());
        rejected(
            "key_lengths(4) is 71; allowed: 0 to 70",
            device,
            paged.toBuilder()
                .keyLengths(Tensor.copyOf(arena, new int[] {0, 0, 0, 0, 71}, 5))
                .build());
        Tensor table = paged.pageTable().contiguousCopy(arena);
        table.setLong(25, 4, 4);
        rejected(
            "page_table(4, 4) is 25; allowed: 0 to 24",
            device,
            paged.toBuilder().pageTable(table, 70).build());
      }
      for (AttentionTensors tensors : new AttentionTensors[] {ragged, paged}) {
        for (float element : tensors.output().toFloatArray()) {
          assertEquals(5, element);
        }
      }
    }
  }

  @Test
  void shapesThatDoNotFit() {
    try (Arena arena = Arena.ofConfined();
        Device device = Device.java()) {
      Batch batch = new Batch(arena, DType.F32, false);
      AttentionTensors ragged = batch.raggedKeys();
      AttentionTensors paged = batch.paged(16);
      rejected(
          "the longest query is 25; allowed: 0 to 24",
          device,
          ragged.toBuilder().queryStarts(batch.starts(QUERIES), 25).build());
      rejected(
          "the longest key is 81; allowed: 0 to 80",
          device,
          paged.toBuilder().pageTable(paged.pageTable(), 81).build());
      rejected("keyLengths is missing", device, paged.toBuilder().keyLengths(null).build());
      rejected("allowed: one", device, paged.toBuilder().keyStarts(batch.starts(KEYS), 70).build());
      rejected(
          "key is F32",
          device,
          ragged.toBuilder()
              .keyStarts(null, 0)
              .keyLengths(Tensor.allocate(arena, DType.I32, 5))
              .build());
      rejected(
          "allowed: 1, because queryStarts divides its tokens",
          device,
          AttentionTensors.builder(
                  ragged.query().expand(2, HEADS, 24, DIM),
                  ragged.key(),
                  ragged.key(),
                  Tensor.allocate(arena, DType.F32, 2, HEADS, 24, DIM))
              .queryStarts(batch.starts(QUERIES), 19)
              .build());
    }
  }

  private static void rejected(String part, Device device, AttentionTensors tensors) {
    Attention attention = Attention.builder().build();
    String message =
        assertThrows(IllegalArgumentException.class, () -> attention.run(device, tensors))
            .getMessage();
    assertTrue(message.contains(part), message);
  }

  /** A tensor that is taken back takes nothing else with it. */
  @Test
  void whatIsAbsentHasNoLength() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor rows = Tensor.allocate(arena, DType.F32, 1, 1, 1, 4);
      Tensor table = Tensor.allocate(arena, DType.I32, 1, 2);
      AttentionTensors.Builder builder = AttentionTensors.builder(rows, rows, rows, rows);
      assertEquals(8, builder.pageTable(table, 8).keyStarts(null, 0).build().longestKey());
      assertEquals(5, builder.pageTable(null, 0).keyStarts(table, 5).build().longestKey());
    }
  }
}
