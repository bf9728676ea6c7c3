// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is in a file is found, and what is wrong with one is said. */
class GgufFileTest {
  @TempDir private Path folder;

  private static GgufFile of(byte[] bytes) throws GgufException {
    return GgufFile.of(MemorySegment.ofArray(bytes));
  }

  private static GgufWriter small() {
    return new GgufWriter()
        .string("general.architecture", "llama")
        .uint32("a.count", 7)
        .float32("a.rate", 0.5)
        .bool("a.flag", true)
        .uint8("a.byte", 200)
        .uint64("a.long", 1L << 40)
        .strings("a.words", List.of("one", "", "drei ü"))
        .floats("a.floats", 1, -2)
        .ints("a.ints", -1, 5)
        .tensor("vector", new float[] {1, 2, 3}, 3)
        .tensor("matrix", new float[] {1, 2, 3, 4, 5, 6}, 2, 3)
        .tensor("blocks", GgufType.Q8_0, new byte[34 * 4], 2, 64);
  }

  @Test
  void findsWhatIsThere() throws IOException {
    Path path = Files.write(folder.resolve("small.gguf"), small().bytes());
    try (GgufFile file = GgufFile.open(path)) {
      assertEquals("llama", file.string("general.architecture"));
      assertEquals(7, file.integer("a.count"));
      assertEquals(7.0, file.number("a.count"));
      assertEquals(0.5, file.number("a.rate"));
      assertEquals(true, file.bool("a.flag"));
      assertEquals(200, file.integer("a.byte"));
      assertEquals(1L << 40, file.integer("a.long"));
      assertEquals(List.of("one", "", "drei ü"), file.array("a.words").strings());
      assertArrayEquals(new float[] {1, -2}, file.array("a.floats").floats());
      assertArrayEquals(new int[] {-1, 5}, file.array("a.ints").integers());
      assertNull(file.integer("a.nothing"));
      assertNull(file.tensor("nothing"));
      assertEquals(9, file.keys().size());
      GgufTensor matrix = file.tensor("matrix");
      assertEquals("matrix, F32 (2, 3)", matrix.toString());
      assertEquals(2, matrix.rows());
      assertEquals(6, matrix.segment().getAtIndex(ValueLayout.JAVA_FLOAT, 5));
      assertTrue(matrix.segment().isReadOnly());
      assertEquals(68, file.tensor("blocks").rowBytes());
      assertEquals(3, file.tensors().size());
    }
  }

  @Test
  void valuesOfOtherTypesAreNamed() throws GgufException {
    GgufFile file = of(small().bytes());
    says("a.rate is of type float32; allowed: an integer", () -> file.integer("a.rate"));
    says("a.count is of type uint32; allowed: a string", () -> file.string("a.count"));
    says("a.count is of type uint32; allowed: a bool", () -> file.bool("a.count"));
    says("a.flag is of type bool; allowed: a number", () -> file.number("a.flag"));
    says("a.flag is of type bool; allowed: an array", () -> file.array("a.flag"));
    says("is an array of string; allowed: one of integers", () -> file.array("a.words").integers());
    says("is an array of int32; allowed: one of strings", () -> file.array("a.ints").strings());
    says(
        "is an array of int32; allowed: one of floating-point numbers",
        () -> file.array("a.ints").floats());
  }

  /** Changes to the bytes of a file, and what is said of each. */
  static Stream<Arguments> broken() {
    byte[] name = "vector".getBytes();
    int at = indexOf(small().bytes(), name) + name.length;
    int matrix = indexOf(small().bytes(), "matrix".getBytes());
    int count = indexOf(small().bytes(), "a.count".getBytes()) + 7;
    int words = indexOf(small().bytes(), "a.words".getBytes()) + 7;
    return Stream.of(
        change(
            "begins with the bytes 58 47 55 46; allowed: 47 47 55 46", b -> b.put(0, (byte) 'X')),
        change("GGUF of version 2; allowed: version 3", b -> b.putInt(4, 2)),
        change("the file is big-endian; allowed: little-endian", b -> b.putInt(4, 3 << 24)),
        change("the number of tensors is 18446744073709551615", b -> b.putLong(8, -1)),
        change("the number of tensors is 1152921504606846976", b -> b.putLong(8, 1L << 60)),
        change("the number of keys is 4294967296; allowed: at most ", b -> b.putLong(16, 1L << 32)),
        change("the length of key 0 is 9223372036854775807", b -> b.putLong(24, Long.MAX_VALUE)),
        change("key 0 has 0 characters; allowed: 1 to 65535", b -> b.putLong(24, 0)),
        change("key 0 at byte 32 is not UTF-8", b -> b.put(32, (byte) 0xff)),
        change("'a.count' is of type 13; allowed: 0 to 12", b -> b.putInt(count, 13)),
        change(
            "'a.count' is 4; allowed in a bool: 0 and 1",
            b -> b.putInt(count, 7).put(count + 4, (byte) 4)),
        change("'a.words' is one of arrays", b -> b.putInt(words + 4, 9)),
        change("the length of the array 'a.words' is", b -> b.putLong(words + 8, 1L << 40)),
        change("vector has 0 dimensions; allowed: 1 to 4", b -> b.putInt(at, 0)),
        change("vector has 5 dimensions", b -> b.putInt(at, 5)),
        change("vector has the size 0 in a dimension", b -> b.putLong(at + 4, 0)),
        change("vector has the size 18446744073709551615", b -> b.putLong(at + 4, -1)),
        change("vector is of type 4; allowed", b -> b.putInt(at + 12, 4)),
        change(
            "vector is Q8_0 and has rows of 3; allowed: multiples of 32",
            b -> b.putInt(at + 12, 8)),
        change("vector lies at offset 4; allowed: multiples", b -> b.putLong(at + 16, 4)),
        change("vector lies at offset 18446744073709551584", b -> b.putLong(at + 16, -32)),
        change(
            "vector has 12 bytes from offset 1048576 on; allowed: within",
            b -> b.putLong(at + 16, 1 << 20)),
        change("vector has 4611686018427387904 bytes", b -> b.putLong(at + 4, 1L << 60)),
        change("vector has more than 2⁶³ bytes", b -> b.putLong(at + 4, 1L << 62)),
        change("within vector, which ends at 44", b -> b.putLong(at + 16, 32)),
        change("the tensor vector stands twice", b -> put(b, matrix, name)),
        change("'a.count' stands twice", b -> put(b, words - 7, "a.count".getBytes())));
  }

  private static void put(ByteBuffer buffer, int at, byte[] bytes) {
    buffer.position(at).put(bytes);
  }

  private static Arguments change(String expected, Consumer<ByteBuffer> change) {
    return Arguments.of(expected, change);
  }

  private static int indexOf(byte[] bytes, byte[] part) {
    for (int i = 0; ; i++) {
      if (Arrays.equals(bytes, i, i + part.length, part, 0, part.length)) {
        return i;
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("broken")
  void saysWhatIsWrong(String expected, Consumer<ByteBuffer> change) {
    byte[] bytes = small().bytes();
    change.accept(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    says(expected, () -> of(bytes));
  }

  @Test
  void everyCutIsSeen() throws IOException {
    byte[] bytes = small().bytes();
    for (int length = 0; length < bytes.length; length++) {
      byte[] cut = Arrays.copyOf(bytes, length);
      String message = assertThrows(GgufException.class, () -> of(cut)).getMessage();
      assertTrue(
          message.contains("the file ends at byte " + length) || message.contains("allowed"),
          message);
    }
    Path empty = Files.write(folder.resolve("empty.gguf"), new byte[0]);
    says("the file ends at byte 0, within the magic number", () -> GgufFile.open(empty));
  }

  @Test
  void alignmentsAreChecked() {
    for (int alignment : new int[] {0, 4, 24, -8}) {
      byte[] bytes = small().uint32("general.alignment", alignment).bytes();
      says(
          "general.alignment is "
              + Integer.toUnsignedString(alignment)
              + "; allowed: powers of two from 8 to 2³⁰",
          () -> of(bytes));
    }
  }

  private interface Call {
    void run() throws IOException;
  }

  private static void says(String expected, Call call) {
    String message = assertThrows(GgufException.class, call::run).getMessage();
    assertTrue(message.contains(expected), message);
  }
}
