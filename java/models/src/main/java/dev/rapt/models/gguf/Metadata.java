// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.gguf;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The key-value pairs of a file. Immutable. */
final class Metadata {
  /** A key's length, one byte, type and value. */
  private static final int LEAST_BYTES = 8 + 1 + 4 + 1;

  private static final int MOST_KEY_BYTES = 65_535;

  /**
   * A value.
   *
   * @param content a Long for every integer, Double, Boolean, String or GgufArray
   */
  private record Value(ValueType type, Object content) {}

  private final Map<String, Value> values = new LinkedHashMap<>();

  private Metadata() {}

  static Metadata read(Header header, long count) throws GgufException {
    Metadata metadata = new Metadata();
    for (long i = 0; i < count; i++) {
      String key = header.readString("key " + i);
      if (key.isEmpty() || key.length() > MOST_KEY_BYTES) {
        throw new GgufException(
            "key " + i + " has " + key.length() + " characters; allowed: 1 to " + MOST_KEY_BYTES);
      }
      String what = GgufException.quoted(key);
      ValueType type = ValueType.of(header.readInt("the type of " + what), what);
      if (metadata.values.put(key, new Value(type, content(type, header, what))) != null) {
        throw new GgufException("the key " + what + " stands twice in the file; allowed: once");
      }
    }
    return metadata;
  }

  static long readCount(Header header) throws GgufException {
    return header.readCount("the number of keys", LEAST_BYTES);
  }

  private static Object content(ValueType type, Header header, String what) throws GgufException {
    return switch (type) {
      case FLOAT32 -> (double) header.readFloat(what);
      case FLOAT64 -> header.readDouble(what);
      case BOOL -> header.readBoolean(what);
      case STRING -> header.readString(what);
      case ARRAY -> GgufArray.read(what, header);
      default -> integer(type, header, what);
    };
  }

  static long integer(ValueType type, Header header, String what) throws GgufException {
    return switch (type) {
      case UINT8 -> Byte.toUnsignedLong(header.readByte(what));
      case INT8 -> header.readByte(what);
      case UINT16 -> Short.toUnsignedLong(header.readShort(what));
      case INT16 -> header.readShort(what);
      case UINT32 -> Integer.toUnsignedLong(header.readInt(what));
      case INT32 -> header.readInt(what);
      case INT64 -> header.readLong(what);
      case UINT64 -> {
        long value = header.readLong(what);
        if (value < 0) {
          throw new GgufException(
              what + " is " + Long.toUnsignedString(value) + "; allowed: less than 2⁶³");
        }
        yield value;
      }
      case FLOAT32, FLOAT64, BOOL, STRING, ARRAY ->
          throw new GgufException(what + " is a " + type + "; allowed: an integer");
    };
  }

  Set<String> keys() {
    return Collections.unmodifiableSet(values.keySet());
  }

  @Nullable Long integer(String key) throws GgufException {
    Value value = values.get(key);
    return value == null ? null : (Long) check(key, value, value.type.isInteger(), "an integer");
  }

  /** An integer counts as a number too. */
  @Nullable Double number(String key) throws GgufException {
    Value value = values.get(key);
    if (value == null) {
      return null;
    }
    boolean fits = value.type.isFloating() || value.type.isInteger();
    return ((Number) check(key, value, fits, "a number")).doubleValue();
  }

  @Nullable Boolean bool(String key) throws GgufException {
    Value value = values.get(key);
    return value == null
        ? null
        : (Boolean) check(key, value, value.type == ValueType.BOOL, "a bool");
  }

  @Nullable String string(String key) throws GgufException {
    Value value = values.get(key);
    return value == null
        ? null
        : (String) check(key, value, value.type == ValueType.STRING, "a string");
  }

  @Nullable GgufArray array(String key) throws GgufException {
    Value value = values.get(key);
    return value == null
        ? null
        : (GgufArray) check(key, value, value.type == ValueType.ARRAY, "an array");
  }

  private static Object check(String key, Value value, boolean fits, String allowed)
      throws GgufException {
    if (!fits) {
      throw new GgufException(key + " is of type " + value.type + "; allowed: " + allowed);
    }
    return value.content;
  }
}
