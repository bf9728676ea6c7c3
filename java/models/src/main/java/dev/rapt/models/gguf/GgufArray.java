// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.gguf;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * An array of a file's metadata, such as its vocabulary. It stays in the file until it is asked
 * for. Immutable; valid as long as the file is open.
 */
public final class GgufArray {
  private final String key;
  private final ValueType type;
  private final int size;
  private final MemorySegment content;

  private GgufArray(String key, ValueType type, int size, MemorySegment content) {
    this.key = key;
    this.type = type;
    this.size = size;
    this.content = content;
  }

  /** Checks and passes over an array whose type and length come next. */
  static GgufArray read(String key, Header header) throws GgufException {
    String what = "the array " + key;
    ValueType type = ValueType.of(header.readInt("the type of " + what), "an element of " + what);
    if (type == ValueType.ARRAY) {
      throw new GgufException(what + " is one of arrays; allowed: arrays of numbers and strings");
    }
    long size = header.readCount("the length of " + what, type.leastBytes());
    if (size > Integer.MAX_VALUE - 8) {
      throw new GgufException(what + " has " + size + " elements; allowed: less than 2³¹");
    }
    long from = header.at();
    for (long i = 0; type == ValueType.STRING && i < size; i++) {
      header.skipString("an element of " + what);
    }
    if (type != ValueType.STRING) {
      header.take(what, size * type.leastBytes());
    }
    return new GgufArray(key, type, (int) size, header.slice(from, header.at() - from));
  }

  /** The number of elements. */
  public int size() {
    return size;
  }

  /** The elements of an array of strings. */
  public List<String> strings() throws GgufException {
    check(type == ValueType.STRING, "strings");
    Header elements = new Header(content);
    List<String> strings = new ArrayList<>(size);
    for (int i = 0; i < size; i++) {
      strings.add(elements.readString(key + "[" + i + "]"));
    }
    return strings;
  }

  /** The elements of an array of floating-point numbers. */
  public float[] floats() throws GgufException {
    check(type.isFloating(), "floating-point numbers");
    Header elements = new Header(content);
    float[] floats = new float[size];
    for (int i = 0; i < size; i++) {
      floats[i] =
          type == ValueType.FLOAT32 ? elements.readFloat(key) : (float) elements.readDouble(key);
    }
    return floats;
  }

  /** The elements of an array of integers, which must be ints. */
  public int[] integers() throws GgufException {
    check(type.isInteger(), "integers");
    Header elements = new Header(content);
    int[] integers = new int[size];
    for (int i = 0; i < size; i++) {
      String what = key + "[" + i + "]";
      long value = Metadata.integer(type, elements, what);
      if (value != (int) value) {
        throw new GgufException(what + " is " + value + "; allowed: integers of 32 bits");
      }
      integers[i] = (int) value;
    }
    return integers;
  }

  private void check(boolean fits, String allowed) throws GgufException {
    if (!fits) {
      throw new GgufException(key + " is an array of " + type + "; allowed: one of " + allowed);
    }
  }

  /** For example {@code array of 32000 string}. */
  @Override
  public String toString() {
    return "array of " + size + " " + type;
  }
}
