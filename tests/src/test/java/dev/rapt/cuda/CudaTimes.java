// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cuda;

import dev.rapt.Attention;
import dev.rapt.Causal;
import dev.rapt.CudaDevice;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.Event;
import dev.rapt.Plan;
import dev.rapt.RaptException;
import dev.rapt.Status;
import dev.rapt.Stream;
import dev.rapt.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;

/**
 * What attention takes on this GPU, shape by shape, one line of JSON each: {@code CudaTimes FILE
 * [RUNS]} with the shapes as tab-separated values, or {@code CudaTimes describe}. Times are the
 * device's own, between two events; the median of all runs.
 */
public final class CudaTimes {
  private static final int WARM_UPS = 3;
  private static final int HOST_CALLS = 1000;
  private static final int BLOCK = 1 << 22;
  private static final long COPY_BYTES = 1L << 30;

  record Shape(
      String name,
      long batch,
      long heads,
      long kvHeads,
      long queryLen,
      long kvLen,
      long headDim,
      boolean causal) {
    static Shape parse(String line) {
      String[] f = line.split("\t");
      long[] n = Arrays.stream(f, 1, 8).mapToLong(Long::parseLong).toArray();
      return new Shape(f[0], n[0], n[1], n[2], n[3], n[4], n[5], n[6] != 0);
    }

    double flops() {
      double all = 4.0 * batch * heads * queryLen * kvLen * headDim;
      return causal && queryLen == kvLen ? all / 2 : all;
    }

    double keyAndValueBytes() {
      return 2.0 * 2 * batch * kvHeads * kvLen * headDim;
    }
  }

  private interface Call {
    void enqueue(Stream stream);
  }

  private final CudaDevice device;
  private final int runs;

  private CudaTimes(CudaDevice device, int runs) {
    this.device = device;
    this.runs = runs;
  }

  public static void main(String[] arguments) throws IOException {
    try (CudaDevice device = Device.cuda()) {
      if (arguments[0].equals("describe")) {
        System.out.println(device.description());
        return;
      }
      int runs = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 20;
      CudaTimes times = new CudaTimes(device, runs);
      times.copy();
      for (String line : Files.readAllLines(Path.of(arguments[0]))) {
        if (!line.startsWith("#")) {
          times.attention(Shape.parse(line), DType.BF16);
          times.attention(Shape.parse(line), DType.F16);
        }
      }
    } catch (RaptException failed) {
      System.err.println(failed.getMessage());
      System.exit(1);
    }
  }

  /** The ceiling of everything that only reads: a copy reads and writes each byte once. */
  private void copy() {
    long bytes = Math.min(COPY_BYTES, device.memoryInfo().free() / 4);
    try (DeviceMemory from = device.allocate(bytes);
        DeviceMemory to = device.allocate(bytes)) {
      Tensor source = from.tensor(DType.BOOL, bytes);
      Tensor target = to.tensor(DType.BOOL, bytes);
      double ms = median(stream -> stream.copy(source, target));
      System.out.printf(
          Locale.ROOT,
          "{\"shape\": \"copy\", \"who\": \"driver\", \"ms\": %.5f, \"gb_per_s\": %.1f}%n",
          ms,
          2 * bytes / ms / 1e6);
    }
  }

  private void attention(Shape s, DType dtype) {
    Attention attention =
        Attention.builder().causal(s.causal() ? Causal.BOTTOM_RIGHT : Causal.NONE).build();
    long[] query = {s.batch(), s.heads(), s.queryLen(), s.headDim()};
    long[] key = {s.batch(), s.kvHeads(), s.kvLen(), s.headDim()};
    try (DeviceMemory q = random(dtype, query);
        DeviceMemory k = random(dtype, key);
        DeviceMemory v = random(dtype, key);
        DeviceMemory o = device.allocate(dtype, query)) {
      Tensor qt = q.tensor(dtype, query);
      Tensor kt = k.tensor(dtype, key);
      Tensor vt = v.tensor(dtype, key);
      Tensor ot = o.tensor(dtype, query);
      Plan plan = attention.plan(device, qt, kt, vt);
      if (!plan.supported()) {
        throw new RaptException(Status.UNSUPPORTED, plan.reason());
      }
      Call call = stream -> attention.run(stream, qt, kt, vt, ot);
      double ms = median(call);
      System.out.printf(
          Locale.ROOT,
          "{\"shape\": \"%s\", \"who\": \"rapt\", \"dtype\": \"%s\", \"plan\": \"%s\", \"ms\":"
              + " %.5f, \"tflop_per_s\": %.2f, \"gb_per_s\": %.1f, \"host_us\": %.2f}%n",
          s.name(),
          dtype.name().toLowerCase(Locale.ROOT),
          plan.name(),
          ms,
          s.flops() / ms / 1e9,
          s.keyAndValueBytes() / ms / 1e6,
          hostMicros(call));
    }
  }

  private double median(Call call) {
    try (Stream stream = device.newStream();
        Event start = device.newEvent();
        Event end = device.newEvent()) {
      double[] all = new double[runs];
      for (int run = -WARM_UPS; run < runs; run++) {
        stream.record(start);
        call.enqueue(stream);
        stream.record(end);
        end.synchronize();
        if (run >= 0) {
          all[run] = end.millisecondsSince(start);
        }
      }
      Arrays.sort(all);
      return all[runs / 2];
    }
  }

  /** How long the caller is busy with one call, with few enough in the queue never to wait. */
  private double hostMicros(Call call) {
    try (Stream stream = device.newStream()) {
      double[] all = new double[Math.max(1, HOST_CALLS * Math.min(runs, 20) / 20)];
      for (int i = 0; i < all.length; i++) {
        long start = System.nanoTime();
        call.enqueue(stream);
        all[i] = (System.nanoTime() - start) / 1e3;
        if (i % 16 == 15) {
          stream.synchronize();
        }
      }
      stream.synchronize();
      Arrays.sort(all);
      return all[all.length / 2];
    }
  }

  /** Normally distributed values, a block of them over and over. */
  private DeviceMemory random(DType dtype, long[] shape) {
    Random random = new Random(1);
    DeviceMemory memory = device.allocate(dtype, shape);
    long elements = memory.bytes() / dtype.bytes();
    float[] values = new float[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
      values[i] = (float) random.nextGaussian();
    }
    try (Arena arena = Arena.ofConfined()) {
      Tensor block = Tensor.copyOf(arena, dtype, values, BLOCK);
      for (long from = 0; from < elements; from += BLOCK) {
        long count = Math.min(BLOCK, elements - from);
        Tensor part = memory.tensor(from, dtype, new long[] {count}, new long[] {1});
        device.copy(block.slice(0, 0, count), part);
      }
    }
    return memory;
  }
}
