// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Linear;
import dev.rapt.QuantizedMatrix;
import dev.rapt.Tensor;
import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufFile;
import dev.rapt.models.gguf.GgufTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Takes the tensors of a file as a model's weights, and knows at the end which ones nobody took.
 * Not thread-safe.
 */
final class Weights {
  private final GgufFile file;
  private final Device device;
  private final Set<String> taken = new HashSet<>();

  Weights(GgufFile file, Device device) {
    this.file = file;
    this.device = device;
  }

  /**
   * The projection of {@code name.weight} and, if there is one, {@code name.bias}, packed for the
   * device. F32, F16, BF16, Q8_0 and Q4_0 are read from where they lie in the file, others widened
   * to F32 first.
   */
  Linear linear(String name, long in, long out) throws GgufException {
    GgufTensor weight = required(name + ".weight", out, in);
    try (Arena arena = Arena.ofShared()) {
      Tensor bias = has(name + ".bias") ? bias(arena, name + ".bias", out) : null;
      return switch (weight.type()) {
        case F32 -> dense(weight, DType.F32, bias);
        case F16 -> dense(weight, DType.F16, bias);
        case BF16 -> dense(weight, DType.BF16, bias);
        case Q8_0 -> blocks(weight, QuantizedMatrix.Format.Q8_0, bias);
        case Q4_0 -> blocks(weight, QuantizedMatrix.Format.Q4_0, bias);
        default -> Linear.of(device, widened(arena, weight), bias);
      };
    }
  }

  private Linear dense(GgufTensor weight, DType dtype, @Nullable Tensor bias) {
    Tensor tensor = Tensor.of(weight.segment(), dtype, weight.rows(), weight.columns());
    return Linear.of(device, tensor, bias);
  }

  private Linear blocks(GgufTensor weight, QuantizedMatrix.Format format, @Nullable Tensor bias) {
    QuantizedMatrix matrix =
        QuantizedMatrix.of(weight.segment(), format, weight.rows(), weight.columns());
    return Linear.of(device, matrix, bias);
  }

  private static Tensor widened(Arena arena, GgufTensor weight) throws GgufException {
    StoredRows rows = StoredRows.of(weight);
    int columns = (int) weight.columns();
    Tensor wide = Tensor.allocate(arena, DType.F32, weight.rows(), columns);
    MemorySegment to = wide.segment();
    IntStream.range(0, (int) weight.rows())
        .parallel()
        .forEach(
            row -> {
              float[] values = new float[columns];
              rows.read(row, values);
              long at = (long) row * columns * Float.BYTES;
              MemorySegment.copy(values, 0, to, ValueLayout.JAVA_FLOAT, at, columns);
            });
    return wide;
  }

  private Tensor bias(Arena arena, String name, long size) throws GgufException {
    return Tensor.copyOf(arena, vector(name, size), size);
  }

  /** A tensor of one dimension, copied. */
  float[] vector(String name, long size) throws GgufException {
    float[] values = new float[(int) size];
    StoredRows.of(required(name, size)).read(0, values);
    return values;
  }

  /** A matrix whose rows are looked up, in the file. */
  GgufTensor matrix(String name, long columns) throws GgufException {
    GgufTensor found = file.tensor(name);
    return required(name, found == null ? 1 : found.rows(), columns);
  }

  boolean has(String name) {
    return file.tensor(name) != null;
  }

  private GgufTensor required(String name, long... shape) throws GgufException {
    GgufTensor tensor = file.tensor(name);
    if (tensor == null) {
      throw new GgufException("the file has no tensor " + name + ", which its model needs");
    }
    if (!Arrays.equals(tensor.shape(), shape)) {
      throw new GgufException(tensor + "; allowed by the file's metadata: " + text(shape));
    }
    if (LongStream.of(shape).anyMatch(size -> size > 1 << 24)) {
      throw new GgufException(tensor + "; allowed: sizes up to 2²⁴");
    }
    taken.add(name);
    return tensor;
  }

  private static String text(long[] shape) {
    String sizes = Arrays.toString(shape);
    return "(" + sizes.substring(1, sizes.length() - 1) + ")";
  }

  /** Refuses a file with tensors that the model does not have: it would compute something else. */
  void checkAllTaken() throws GgufException {
    for (GgufTensor tensor : file.tensors()) {
      if (!taken.contains(tensor.name())) {
        throw new GgufException(
            "the file has the tensor "
                + tensor
                + ", which is not supported; allowed: the tensors of a plain Llama");
      }
    }
  }
}
