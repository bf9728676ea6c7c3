// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cuda;

import dev.rapt.CudaDevice;
import dev.rapt.CudaEvent;
import dev.rapt.CudaStream;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.Plan;
import dev.rapt.RaptException;
import dev.rapt.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/**
 * What attention takes on this GPU, one line of JSON for each shape and type: {@code CudaTimes
 * FILE}, or {@code CudaTimes describe}. Ends with status 1 where a result was wrong.
 *
 * <p>A time is the device's own between two events with many calls between them, over their number:
 * at least {@link #WINDOW_MS} of work, so that neither a launch nor an event shows; the median of
 * {@link #WINDOWS} such times. Where the caller takes longer than the GPU, the time is the
 * caller's: {@code host_us} tells.
 */
public final class CudaTimes {
  private static final double WINDOW_MS = 20;
  private static final int WINDOWS = 5;
  private static final int MOST_CALLS = 20_000;
  private static final double HOST_MS = 50;
  private static final int MOST_HOST_CALLS = 1000;

  /** Few enough in the queue never to wait for room in it. */
  private static final int IN_QUEUE = 16;

  private static final long COPY_BYTES = 1L << 30;

  private interface Call {
    void enqueue(CudaStream stream);
  }

  /** Milliseconds of one call: the median window, the best and the worst. */
  private record Time(double median, double least, double most, int calls) {
    String json() {
      return json(
          "\"ms\": %.5f, \"ms_least\": %.5f, \"ms_most\": %.5f, \"calls\": %d",
          median, least, most, calls);
    }

    private static String json(String format, Object... values) {
      return String.format(Locale.ROOT, format, values);
    }
  }

  private final CudaDevice device;
  private boolean good = true;

  private CudaTimes(CudaDevice device) {
    this.device = device;
  }

  public static void main(String[] arguments) throws IOException {
    try (CudaDevice device = Device.cuda()) {
      if (arguments[0].equals("describe")) {
        System.out.println("self-check: " + device.selfCheck());
        System.out.println(device.description());
        return;
      }
      CudaTimes times = new CudaTimes(device);
      times.copy();
      for (TimedShape shape : TimedShape.read(Path.of(arguments[0]))) {
        for (String type : shape.types()) {
          times.attention(shape, type);
        }
      }
      if (!times.good) {
        System.err.println("not every shape has a time");
        System.exit(1);
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
      Time time = time(stream -> stream.copy(source, target), 1);
      print(
          "{\"shape\": \"copy\", \"who\": \"driver\", %s, \"gb_per_s\": %.1f}",
          time.json(), 2 * bytes / time.median() / 1e6);
    }
  }

  private void attention(TimedShape shape, String type) {
    String head =
        "\"shape\": \"" + shape.name() + "\", \"who\": \"rapt\", \"dtype\": \"" + type + "\"";
    try (TimedCall call = new TimedCall(device, shape, type)) {
      Plan plan = call.plan();
      head += ", \"plan\": \"" + plan.name() + "\"";
      if (!plan.supported()) {
        fail(head, "refused", plan.reason());
        return;
      }
      double error = firstRun(call);
      if (!(error <= TimedReference.allowed(TimedShape.queryType(type)))) {
        fail(head, "wrong", "off by " + error);
        return;
      }
      Time time = time(call::enqueue, call.sets());
      String rate =
          shape.isDecode()
              ? String.format(
                  Locale.ROOT,
                  ", \"gb_per_s\": %.1f",
                  shape.keyAndValueBytes(type) / time.median() / 1e6)
              : "";
      print(
          "{%s, %s, \"sets\": %d, \"error\": %.2e, \"tflop_per_s\": %.2f%s, \"host_us\": %.2f}",
          head,
          time.json(),
          call.sets(),
          error,
          shape.flops() / time.median() / 1e9,
          rate,
          hostMicros(call::enqueue, time.median()));
    } catch (RaptException failed) {
      fail(head, "failed", failed.getMessage());
    }
  }

  /** Every set once; how far off some of the rows are. */
  private double firstRun(TimedCall call) {
    try (CudaStream stream = device.newStream()) {
      for (int i = 0; i < call.sets(); i++) {
        call.enqueue(stream);
      }
      stream.synchronize();
    }
    return call.error();
  }

  private void fail(String head, String key, String text) {
    good = false;
    print("{%s, \"%s\": \"%s\"}", head, key, text.replace("\"", "'"));
  }

  private static void print(String format, Object... values) {
    System.out.printf(Locale.ROOT, format + "%n", values);
  }

  private Time time(Call call, int warmUps) {
    try (CudaStream stream = device.newStream();
        CudaEvent start = device.newEvent();
        CudaEvent end = device.newEvent()) {
      window(call, stream, start, end, Math.min(warmUps, 3));
      double one = window(call, stream, start, end, 1);
      // Launches of a few are slower than those of many.
      int calls = count(WINDOW_MS / one);
      calls = count(WINDOW_MS / window(call, stream, start, end, Math.min(calls, 100)));
      double[] all = new double[WINDOWS];
      for (int i = 0; i < WINDOWS; i++) {
        all[i] = window(call, stream, start, end, calls);
      }
      Arrays.sort(all);
      return new Time(all[WINDOWS / 2], all[0], all[WINDOWS - 1], calls);
    }
  }

  private static int count(double calls) {
    return (int) Math.clamp(Math.ceil(calls), 1, MOST_CALLS);
  }

  /** Milliseconds of one of so many calls. */
  private static double window(
      Call call, CudaStream stream, CudaEvent start, CudaEvent end, int calls) {
    stream.record(start);
    for (int i = 0; i < calls; i++) {
      call.enqueue(stream);
    }
    stream.record(end);
    end.synchronize();
    return end.millisecondsSince(start) / calls;
  }

  /** How long the caller is busy with one call. */
  private double hostMicros(Call call, double milliseconds) {
    try (CudaStream stream = device.newStream()) {
      double[] all = new double[(int) Math.clamp(HOST_MS / milliseconds, 3, MOST_HOST_CALLS)];
      for (int i = 0; i < all.length; i++) {
        long start = System.nanoTime();
        call.enqueue(stream);
        all[i] = (System.nanoTime() - start) / 1e3;
        if (i % IN_QUEUE == IN_QUEUE - 1) {
          stream.synchronize();
        }
      }
      stream.synchronize();
      Arrays.sort(all);
      return all[all.length / 2];
    }
  }
}
