// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cuda;

import dev.rapt.AttentionTensors;
import dev.rapt.CudaDevice;
import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;

/**
 * Some rows of a large problem in double: a look at what is timed, so that no wrong result has a
 * time. The matrix is the test.
 */
final class TimedReference {
  private static final int ROWS = 8;

  private final CudaDevice device;
  private final TimedShape shape;
  private final byte[] mask;

  /** mask is (Sq, Skv), 1 = attend, or null. */
  TimedReference(CudaDevice device, TimedShape shape, byte[] mask) {
    this.device = device;
    this.shape = shape;
    this.mask = mask;
  }

  /** What a row may be off by, in the length of its difference over its own length. */
  static double allowed(DType dtype) {
    return switch (dtype) {
      case F32 -> 1e-4;
      case F16 -> 2e-3;
      default -> 1e-2;
    };
  }

  /** The worst row of the first head of the first sequence and of the last of the last. */
  double error(AttentionTensors t) {
    return Math.max(error(t, 0, 0), error(t, shape.batch() - 1, shape.heads() - 1));
  }

  private double error(AttentionTensors t, long b, long h) {
    long kv = h / (shape.heads() / shape.kvHeads());
    float[] key = operand(t.key(), t.keyScale(), b, kv);
    float[] value = operand(t.value(), t.valueScale(), b, kv);
    Tensor queries = t.query().select(0, b).select(0, h);
    Tensor outputs = t.output().select(0, b).select(0, h);
    double worst = 0;
    int rows = (int) Math.min(ROWS, shape.queryLen());
    for (int n = 0; n < rows; n++) {
      long i = rows == 1 ? 0 : n * (shape.queryLen() - 1) / (rows - 1);
      double[] expected = row(floats(queries.slice(0, i, i + 1)), key, value, i);
      worst = Math.max(worst, distance(floats(outputs.slice(0, i, i + 1)), expected));
    }
    return worst;
  }

  /** NaN is as far as can be. */
  private static double distance(float[] actual, double[] expected) {
    double difference = 0;
    double length = 0;
    for (int c = 0; c < expected.length; c++) {
      difference += (actual[c] - expected[c]) * (actual[c] - expected[c]);
      length += expected[c] * expected[c];
    }
    double distance = length > 0 ? Math.sqrt(difference / length) : Math.sqrt(difference);
    return Double.isNaN(distance) ? Double.POSITIVE_INFINITY : distance;
  }

  private double[] row(float[] query, float[] key, float[] value, long i) {
    int d = query.length;
    double[] total = new double[d];
    double sum = 0;
    double max = Double.NEGATIVE_INFINITY;
    for (long j = shape.firstKey(i); j < shape.endKey(i); j++) {
      if (mask != null && mask[(int) (i * shape.kvLen() + j)] == 0) {
        continue;
      }
      int at = (int) j * d;
      double score = 0;
      for (int c = 0; c < d; c++) {
        score += (double) query[c] * key[at + c];
      }
      score /= Math.sqrt(d);
      if (shape.softcap() > 0) {
        score = shape.softcap() * Math.tanh(score / shape.softcap());
      }
      double higher = Math.max(max, score);
      double shrink = Math.exp(max - higher);
      double weight = Math.exp(score - higher);
      sum = sum * shrink + weight;
      for (int c = 0; c < d; c++) {
        total[c] = total[c] * shrink + weight * value[at + c];
      }
      max = higher;
    }
    for (int c = 0; c < d; c++) {
      total[c] = sum > 0 ? total[c] / sum : 0;
    }
    return total;
  }

  /** (Skv, D) of one head, as what it stands for. */
  private float[] operand(Tensor tensor, Tensor scale, long b, long h) {
    Tensor rows = tensor.select(0, b).select(0, h);
    if (scale == null) {
      return floats(rows);
    }
    float[] scales = floats(scale.select(0, b).select(0, h));
    try (Arena arena = Arena.ofConfined()) {
      byte[] bytes = fetch(arena, rows).toByteArray();
      float[] values = new float[bytes.length];
      int d = bytes.length / scales.length;
      for (int i = 0; i < bytes.length; i++) {
        values[i] = bytes[i] * scales[i / d];
      }
      return values;
    }
  }

  private float[] floats(Tensor remote) {
    try (Arena arena = Arena.ofConfined()) {
      return fetch(arena, remote).toFloatArray();
    }
  }

  private Tensor fetch(Arena arena, Tensor remote) {
    Tensor local = Tensor.allocate(arena, remote.dtype(), remote.shape());
    device.copy(remote, local);
    return local;
  }
}
