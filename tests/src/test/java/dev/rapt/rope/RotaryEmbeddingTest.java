// SPDX-License-Identifier: Apache-2.0
package dev.rapt.rope;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.CpuOptions;
import dev.rapt.CudaDevice;
import dev.rapt.CudaStream;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Plan;
import dev.rapt.RotaryEmbedding;
import dev.rapt.RotaryEmbedding.Tables;
import dev.rapt.Tensor;
import dev.rapt.check.Cuda;
import dev.rapt.check.Judge;
import dev.rapt.check.RunningCall;
import dev.rapt.check.Tier;
import dev.rapt.check.Values;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rotary embedding beyond the matrix: tables, what is refused and how, what closes when. */
class RotaryEmbeddingTest {
  private static final int TABLE = 8;

  private final Arena arena = Arena.ofShared();
  private final RotaryEmbedding rope = RotaryEmbedding.builder().build();
  private final Tensor x = f32(2, 3, 4, 6);
  private final Tensor out = f32(2, 3, 4, 6);
  private final Tensor cosine = f32(TABLE, 3);
  private final Tensor sine = f32(TABLE, 3);
  private final Tensor positions = Tensor.allocate(arena, DType.I64, 2, 4);

  @AfterEach
  void close() {
    arena.close();
  }

  private Tensor f32(long... shape) {
    return Tensor.allocate(arena, DType.F32, shape);
  }

  @Test
  void tablesHoldTheAnglesOfTheirPositions() {
    for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
      RotaryEmbedding.Tables tables = RotaryEmbedding.tables(arena, dtype, 3000, 16, 500_000);
      assertArrayEquals(new long[] {3000, 8}, tables.cosine().shape());
      for (int p : new int[] {0, 1, 2, 77, 2999}) {
        for (int i = 0; i < 8; i++) {
          double angle = p / Math.pow(500_000, i / 8.0);
          assertEquals(Values.round(Math.cos(angle), dtype), tables.cosine().get(p, i), 1e-12);
          assertEquals(Values.round(Math.sin(angle), dtype), tables.sine().get(p, i), 1e-12);
        }
      }
    }
    RotaryEmbedding.Tables usual = RotaryEmbedding.tables(arena, 4, 4);
    assertEquals((float) Math.cos(0.03), usual.cosine().get(3, 1));
    assertEquals(DType.F32, usual.sine().dtype());
  }

  /** A long context's angles are off by half a unit in double, and those are large numbers. */
  @Test
  void longTablesAreAsExactAsTheirAngles() {
    int length = 131_072;
    for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
      double half = dtype == DType.F32 ? 0x1p-25 : dtype == DType.F16 ? 0x1p-12 : 0x1p-9;
      Tables tables = RotaryEmbedding.tables(arena, dtype, length, 8, 10_000);
      Tables shorter = RotaryEmbedding.tables(arena, dtype, 300, 8, 10_000);
      for (int pair = 0; pair < 4; pair++) {
        for (int p = 0; p < length; p += p < 1024 ? 1 : 61) {
          double angle = p / Math.pow(10_000, pair / 4.0);
          float cosine = tables.cosine().get(p, pair);
          float sine = tables.sine().get(p, pair);
          String where = dtype + " position " + p + ", pair " + pair;
          assertEquals(Math.cos(angle), cosine, half + 0x1p-34, where);
          assertEquals(Math.sin(angle), sine, half + 0x1p-34, where);
          if (p < 300) {
            assertEquals(cosine, shorter.cosine().get(p, pair), where);
            assertEquals(sine, shorter.sine().get(p, pair), where);
          }
        }
      }
    }
  }

  /** The stride of a dimension of one element, like the batch of a single sequence, is anything. */
  @Test
  void turnsInPlaceWhateverStridesSayNothing() {
    float[] rows = Values.normal(new Random(1), 24, 1);
    Tensor tokens = Tensor.copyOf(arena, rows, 1, 1, 4, 6);
    Tensor same = Tensor.of(tokens.segment(), DType.F32, tokens.shape(), new long[] {1, 2, 6, 1});
    RotaryEmbedding.Tables tables = RotaryEmbedding.tables(arena, 4, 6);
    Tensor expected = f32(1, 1, 4, 6);
    Judge.everyTier(
        tier -> {
          tokens.copyFrom(rows);
          rope.run(tier.device(), tokens, tables, expected);
          rope.run(tier.device(), tokens, tables, same);
          assertArrayEquals(expected.toFloatArray(), tokens.toFloatArray(), tier.toString());
        });
  }

  /** The point of it: scores depend on how far apart two tokens are, and on nothing else. */
  @Test
  void scoresDependOnDistancesOnly() {
    Random random = new Random(1);
    float[] row = Values.normal(random, 32, 1);
    Tensor tokens = f32(1, 1, 40, 32);
    for (int s = 0; s < 40; s++) {
      tokens.slice(2, s, s + 1).copyFrom(row);
    }
    RotaryEmbedding.Tables tables = RotaryEmbedding.tables(arena, 40, 32);
    for (boolean interleaved : new boolean[] {false, true}) {
      RotaryEmbedding embedding = RotaryEmbedding.builder().interleaved(interleaved).build();
      Judge.everyTier(
          tier -> {
            Tensor turned = f32(1, 1, 40, 32);
            embedding.run(tier.device(), tokens, tables, turned);
            assertArrayEquals(row, Arrays.copyOf(turned.toFloatArray(), 32), 0f, "position 0");
            for (int distance : new int[] {0, 1, 9}) {
              assertEquals(
                  dot(turned, 2, 2 + distance), dot(turned, 30, 30 + distance), 1e-3, tier + "");
            }
            assertTrue(dot(turned, 2, 2) > dot(turned, 2, 11) + 1, "nearer is not less");
          });
    }
  }

  private static double dot(Tensor rows, long i, long j) {
    double sum = 0;
    for (long d = 0; d < rows.size(3); d++) {
      sum += (double) rows.get(0, 0, i, d) * rows.get(0, 0, j, d);
    }
    return sum;
  }

  @Test
  void whatIsNotFiniteStaysInItsPair() {
    cosine.copyFrom(Values.normal(new Random(2), 3 * TABLE, 1));
    sine.copyFrom(Values.normal(new Random(3), 3 * TABLE, 1));
    x.set(Float.NaN, 1, 2, 3, 1);
    x.set(Float.POSITIVE_INFINITY, 0, 0, 0, 5);
    Judge.everyTier(
        tier -> {
          rope.run(tier.device(), x, new Tables(cosine, sine), positions, out);
          float[] result = out.toFloatArray();
          for (int i = 0; i < result.length; i++) {
            boolean hit = i == 139 || i == 142 || i == 2 || i == 5;
            assertEquals(!hit, Float.isFinite(result[i]), tier + " element " + i);
          }
        });
  }

  @Test
  void refusesPositionsOutsideTheTables() {
    for (long bad : new long[] {TABLE, -1, Long.MIN_VALUE, Long.MAX_VALUE}) {
      positions.setLong(TABLE - 1, 0, 2);
      positions.setLong(bad, 1, 3);
      out.copyFrom(new float[144]);
      x.copyFrom(Values.normal(new Random(4), 144, 1));
      for (Tier tier : Tier.usable()) {
        String message = rejected("positions(1, 3) is " + bad, "0 to 7", () -> run(tier.device()));
        assertFalse(message.isEmpty());
        assertArrayEquals(new float[144], out.toFloatArray(), tier + " wrote something");
      }
    }
    positions.setLong(0, 1, 3);
    Judge.everyTier(tier -> run(tier.device()));
  }

  private void run(Device device) {
    rope.run(device, x, new Tables(cosine, sine), positions, out);
  }

  @Test
  void checksShapesAndTypes() {
    Device d = Tier.JAVA.device();
    Tensor ints = positions;
    Tensor bools = Tensor.allocate(arena, DType.BOOL, 2, 3, 4, 6);
    Tensor bytes = Tensor.allocate(arena, DType.I8, TABLE, 3);
    rejected("input", "rank 4", () -> rope.run(d, f32(6), new Tables(cosine, sine), ints, out));
    rejected(
        "input", "F32, F16 or BF16", () -> rope.run(d, bools, new Tables(cosine, sine), ints, out));
    rejected(
        "input",
        "1 to",
        () -> rope.run(d, f32(2, 0, 4, 6), new Tables(cosine, sine), ints, f32(2, 0, 4, 6)));
    rejected(
        "size 1025",
        "1 to 1024",
        () -> rope.run(d, f32(1, 1, 1, 1025), new Tables(cosine, sine), ints, out));
    rejected(
        "output", "F32, F16 or BF16", () -> rope.run(d, x, new Tables(cosine, sine), ints, bools));
    rejected(
        "output", "size 5", () -> rope.run(d, x, new Tables(cosine, sine), ints, f32(2, 3, 5, 6)));
    rejected(
        "cosine", "rank 2", () -> rope.run(d, x, new Tables(f32(1, TABLE, 3), sine), ints, out));
    rejected(
        "cosine",
        "pairs that turn",
        () -> rope.run(d, x, new Tables(f32(TABLE, 6), sine), ints, out));
    rejected(
        "cosine", "F32, F16 or BF16", () -> rope.run(d, x, new Tables(bytes, sine), ints, out));
    rejected("cosine", "1 to", () -> rope.run(d, x, new Tables(f32(0, 3), f32(0, 3)), ints, out));
    rejected(
        "sine",
        "the rows of cosine",
        () -> rope.run(d, x, new Tables(cosine, f32(7, 3)), ints, out));
    rejected("sine", "size 2", () -> rope.run(d, x, new Tables(cosine, f32(TABLE, 2)), ints, out));
    rejected("cosine", "the length of input", () -> rope.run(d, x, new Tables(cosine, sine), out));
    Tensor rows = f32(2, 4, 3);
    rope.run(d, x, new Tables(rows, rows), out);
    rope.run(d, x, new Tables(f32(4, 3), rows), out);
    rejected("cosine", "rank 3", () -> rope.run(d, x, new Tables(f32(4), rows), out));
    rejected(
        "sine", "the batch of input", () -> rope.run(d, x, new Tables(rows, f32(1, 4, 3)), out));
    rejected(
        "positions", "I32 or I64", () -> rope.run(d, x, new Tables(cosine, sine), f32(2, 4), out));
    Tensor few = Tensor.allocate(arena, DType.I64, 2, 3);
    rejected(
        "positions",
        "the length of input",
        () -> rope.run(d, x, new Tables(cosine, sine), few, out));
    Tensor one = Tensor.allocate(arena, DType.I64, 1, 4);
    rejected(
        "positions",
        "the batch of input",
        () -> rope.run(d, x, new Tables(cosine, sine), one, out));
    rope.run(d, x, new Tables(cosine, sine), one.select(0, 0), out);
    rejected(
        "positions",
        "rank 2",
        () -> rope.run(d, x, new Tables(cosine, sine), one.reshape(1, 1, 4), out));
  }

  @Test
  void checksOptions() {
    RotaryEmbedding.Builder builder = RotaryEmbedding.builder();
    rejected("rotaryDim is 3", "even", () -> builder.rotaryDim(3));
    rejected("rotaryDim is -2", "even", () -> builder.rotaryDim(-2));
    rejected("rotaryDim is 1026", "1024", () -> builder.rotaryDim(1026));
    RotaryEmbedding wide = builder.rotaryDim(8).build();
    Device d = Tier.JAVA.device();
    rejected(
        "rotaryDim is 8",
        "head dimension 6",
        () -> wide.run(d, x, new Tables(cosine, sine), positions, out));
    Tensor odd = f32(2, 3, 4, 5);
    rejected(
        "rotaryDim is 0, which stands for all 5",
        "even",
        () -> rope.run(d, odd, new Tables(cosine, sine), positions, f32(2, 3, 4, 5)));
    rejected("length is 0", "1 or more", () -> RotaryEmbedding.tables(arena, 0, 4));
    rejected("rotaryDim is 5", "even", () -> RotaryEmbedding.tables(arena, 3, 5));
    rejected("dtype is I8", "F32", () -> RotaryEmbedding.tables(arena, DType.I8, 3, 4, 10));
    for (double theta : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      rejected(
          "theta is " + theta,
          "positive",
          () -> RotaryEmbedding.tables(arena, DType.F32, 3, 4, theta));
    }
    named("input", () -> rope.run(d, null, new Tables(cosine, sine), positions, out));
    named("sine", () -> rope.run(d, x, new Tables(cosine, null), positions, out));
    named("output", () -> rope.plan(d, x, new Tables(cosine, sine), null));
    named("place", () -> rope.run(null, x, new Tables(cosine, sine), positions, out));
  }

  /** In place is the same elements, and not merely the same memory. */
  @Test
  void checksWhatOverlaps() {
    Tensor table = f32(2, 4, 3);
    Tensor buffer = f32(2, 3, 5, 6);
    Tensor first = buffer.slice(2, 0, 4);
    Tensor second = buffer.slice(2, 1, 5);
    Tensor square = f32(1, 3, 3, 6);
    Tensor turned = square.permute(0, 2, 1, 3);
    Tensor half = Tensor.of(x.segment(), DType.F16, x.shape());
    for (Tier tier : Tier.usable()) {
      Device d = tier.device();
      rope.run(d, first, new Tables(table, table), first);
      rope.run(d, first, new Tables(table, table), buffer.slice(2, 0, 4));
      rejected(
          "output", "overlaps input", () -> rope.run(d, first, new Tables(table, table), second));
      rejected("output", "overlaps input", () -> rope.run(d, x, new Tables(table, table), half));
      Tensor rows = table.slice(0, 0, 1).slice(1, 0, 3);
      rejected(
          "output", "overlaps input", () -> rope.run(d, square, new Tables(rows, rows), turned));
    }
    Device d = Tier.JAVA.device();
    Tensor shared = Tensor.of(x.segment(), DType.F32, TABLE, 3);
    rejected(
        "output", "overlaps cosine", () -> rope.run(d, x, new Tables(shared, sine), positions, x));
    rejected(
        "output", "overlaps sine", () -> rope.run(d, x, new Tables(cosine, shared), positions, x));
    Tensor own = Tensor.of(x.segment(), DType.I64, 2, 4);
    rejected(
        "output", "overlaps positions", () -> rope.run(d, x, new Tables(cosine, sine), own, x));
    Tensor repeated = f32(1, 3, 4, 6).expand(2, 3, 4, 6);
    rejected(
        "output",
        "twice",
        () -> rope.run(d, repeated, new Tables(cosine, sine), positions, repeated));
  }

  @Test
  void plansWithoutRunning() {
    for (Tier tier : Tier.usable()) {
      positions.setLong(99, 0, 0);
      Plan plan = rope.plan(tier.device(), x, new Tables(cosine, sine), positions, out);
      assertTrue(plan.supported(), plan.toString());
      assertTrue(plan.name().startsWith("rope_"), plan.toString());
      assertTrue(plan.name().contains(tier.name().toLowerCase(Locale.ROOT)), plan.toString());
      assertEquals(0, plan.scratchBytes(), plan.toString());
    }
  }

  @Test
  void closedDevicesAndMemoryAreRefused() {
    Device device = Device.cpu(CpuOptions.builder().threads(1).build());
    Arena other = Arena.ofShared();
    Tensor gone = Tensor.allocate(other, DType.I64, 2, 4);
    other.close();
    String message =
        assertThrows(
                IllegalStateException.class,
                () -> rope.run(device, x, new Tables(cosine, sine), gone, out))
            .getMessage();
    assertTrue(message.contains("positions"), message);
    device.close();
    assertEquals(
        "device is closed",
        assertThrows(IllegalStateException.class, () -> run(device)).getMessage());
    assertThrows(
        IllegalStateException.class,
        () -> rope.plan(device, x, new Tables(cosine, sine), positions, out));
  }

  /** A quarter of a turn twice, in place, is a sign; a bad position spoils its token alone. */
  @Test
  void runsOnStreamsOneAfterTheOther() {
    float[] data = Values.normal(new Random(5), 144, 1);
    float[] quarter = new float[3 * TABLE];
    Arrays.fill(quarter, 1);
    try (CudaDevice device = Cuda.open();
        CudaStream stream = device.newStream()) {
      Tensor there = onDevice(device, Tensor.copyOf(arena, data, 2, 3, 4, 6));
      Tensor zeros = onDevice(device, f32(TABLE, 3));
      Tensor ones = onDevice(device, Tensor.copyOf(arena, quarter, TABLE, 3));
      Tensor rows = onDevice(device, positions);
      rope.run(stream, there, new Tables(zeros, ones), rows, there);
      rope.run(stream, there, new Tables(zeros, ones), rows, there);
      stream.synchronize();
      device.copy(there, out);
      float[] turned = out.toFloatArray();
      positions.setLong(TABLE, 1, 2);
      device.copy(positions, rows);
      rope.run(stream, there, new Tables(zeros, ones), rows, there);
      stream.synchronize();
      device.copy(there, out);
      for (int i = 0; i < 144; i++) {
        assertEquals(-data[i], turned[i], "element " + i);
        boolean spoilt = i / 72 == 1 && i / 6 % 4 == 2;
        assertEquals(spoilt, Float.isNaN(out.toFloatArray()[i]), "element " + i);
      }
      rejected(
          "positions",
          "cuda:0",
          () -> rope.run(device, there, new Tables(ones, ones), positions, there));
      rejected(
          "cosine", "cuda:0", () -> rope.run(stream, there, new Tables(cosine, ones), rows, there));
    }
  }

  private static Tensor onDevice(CudaDevice device, Tensor host) {
    Tensor tensor = device.allocate(host.dtype(), host.shape()).tensor(host.dtype(), host.shape());
    device.copy(host, tensor);
    return tensor;
  }

  /** Each tensor in turn lies in an arena that another thread tries to close. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4})
  @Timeout(value = 600, unit = TimeUnit.SECONDS)
  void memoryClosedUnderARunningCall(int which) throws Exception {
    try (Device device = Device.cpu(CpuOptions.builder().threads(1).build())) {
      RunningCall.holdsItsMemory(
          (size, memory, lent) -> {
            Tensor[] t = {
              Tensor.allocate(memory, DType.F32, 1, 8, 4096 * size, 64),
              Tensor.allocate(memory, DType.F32, 1, 32),
              Tensor.allocate(memory, DType.F32, 1, 32),
              Tensor.allocate(memory, DType.I64, 1, 4096 * size),
              Tensor.allocate(memory, DType.F32, 1, 8, 4096 * size, 64)
            };
            Tensor output = t[4];
            t[which] = lent.apply(t[which]);
            return new RunningCall(
                output, () -> rope.run(device, t[0], new Tables(t[1], t[2]), t[3], t[4]));
          });
    }
  }

  private static void named(String argument, Runnable action) {
    assertEquals(argument, assertThrows(NullPointerException.class, action::run).getMessage());
  }

  /** The message names the argument (or its value) and what was allowed. */
  private static String rejected(String name, String allowed, Runnable action) {
    String message = assertThrows(IllegalArgumentException.class, action::run).getMessage();
    assertTrue(message.contains(name), name + " not in: " + message);
    assertTrue(message.contains(allowed), allowed + " not in: " + message);
    return message;
  }
}
