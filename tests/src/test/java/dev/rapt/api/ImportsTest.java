// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rapt.*;
import java.io.*;
import java.lang.foreign.*;
import java.nio.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.*;
import java.util.stream.*;
import org.junit.jupiter.api.Test;

/** That dev.rapt has no name that hides one of the JDK where both are imported as a whole. */
class ImportsTest {
  @Test
  void compilesBesideTheJdk() {
    Stream<String> words = Stream.of("a", "b");
    try (Arena arena = Arena.ofConfined();
        Device device = Device.java()) {
      Tensor x = Tensor.allocate(arena, DType.F32, 2, 4);
      Place place = device;
      Attention.builder().build().run(place, x, x, x, Tensor.allocate(arena, DType.F32, 2, 4));
    }
    assertEquals(List.of("a", "b"), words.toList());
  }
}
