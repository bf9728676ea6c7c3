// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Writes GGUF files of version 3, as the format's specification lays them out. */
public final class GgufWriter {
  private static final int ALIGNMENT = 32;

  private final ByteArrayOutputStream metadata = new ByteArrayOutputStream();
  private final List<Stored> tensors = new ArrayList<>();
  private int keys;

  private record Stored(String name, GgufType type, long[] shape, byte[] bytes) {}

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static byte[] string(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return buffer(8 + bytes.length).putLong(bytes.length).put(bytes).array();
  }

  private GgufWriter value(String key, int type, byte[] content) {
    metadata.writeBytes(string(key));
    metadata.writeBytes(buffer(4).putInt(type).array());
    metadata.writeBytes(content);
    keys++;
    return this;
  }

  public GgufWriter uint32(String key, int value) {
    return value(key, 4, buffer(4).putInt(value).array());
  }

  public GgufWriter uint64(String key, long value) {
    return value(key, 10, buffer(8).putLong(value).array());
  }

  public GgufWriter uint8(String key, int value) {
    return value(key, 0, new byte[] {(byte) value});
  }

  public GgufWriter float32(String key, double value) {
    return value(key, 6, buffer(4).putFloat((float) value).array());
  }

  public GgufWriter bool(String key, boolean value) {
    return value(key, 7, new byte[] {(byte) (value ? 1 : 0)});
  }

  public GgufWriter string(String key, String value) {
    return value(key, 8, string(value));
  }

  public GgufWriter strings(String key, List<String> values) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(buffer(12).putInt(8).putLong(values.size()).array());
    values.forEach(value -> bytes.writeBytes(string(value)));
    return value(key, 9, bytes.toByteArray());
  }

  public GgufWriter floats(String key, float... values) {
    ByteBuffer bytes = buffer(12 + 4 * values.length).putInt(6).putLong(values.length);
    for (float value : values) {
      bytes.putFloat(value);
    }
    return value(key, 9, bytes.array());
  }

  public GgufWriter ints(String key, int... values) {
    ByteBuffer bytes = buffer(12 + 4 * values.length).putInt(5).putLong(values.length);
    for (int value : values) {
      bytes.putInt(value);
    }
    return value(key, 9, bytes.array());
  }

  /** Row-major, the size of a row last. */
  public GgufWriter tensor(String name, GgufType type, byte[] bytes, long... shape) {
    tensors.add(new Stored(name, type, shape, bytes));
    return this;
  }

  public GgufWriter tensor(String name, float[] values, long... shape) {
    ByteBuffer bytes = buffer(4 * values.length);
    for (float value : values) {
      bytes.putFloat(value);
    }
    return tensor(name, GgufType.F32, bytes.array(), shape);
  }

  /** The whole file. */
  public byte[] bytes() {
    ByteArrayOutputStream file = header();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (Stored tensor : tensors) {
      pad(data);
      data.writeBytes(tensor.bytes);
    }
    pad(file);
    file.writeBytes(data.toByteArray());
    return file.toByteArray();
  }

  /** How many of its bytes come before the data. */
  public int headerBytes() {
    return header().size();
  }

  private ByteArrayOutputStream header() {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    file.writeBytes(buffer(20).putInt(3).putLong(tensors.size()).putLong(keys).array());
    file.writeBytes(metadata.toByteArray());
    long offset = 0;
    for (Stored tensor : tensors) {
      offset += -offset & ALIGNMENT - 1;
      file.writeBytes(string(tensor.name));
      file.writeBytes(buffer(4).putInt(tensor.shape.length).array());
      for (int i = tensor.shape.length - 1; i >= 0; i--) {
        file.writeBytes(buffer(8).putLong(tensor.shape[i]).array());
      }
      file.writeBytes(buffer(12).putInt(tensor.type.id()).putLong(offset).array());
      offset += tensor.bytes.length;
    }
    return file;
  }

  private static void pad(ByteArrayOutputStream bytes) {
    while (bytes.size() % ALIGNMENT != 0) {
      bytes.write(0);
    }
  }
}
