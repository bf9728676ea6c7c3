// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Choosing shapes, and the work they stand for. */
class ShapesTest {
  @Test
  void namesAreUnique() {
    assertEquals(Shapes.ALL.size(), new HashSet<>(Shapes.names()).size());
  }

  @Test
  void globsPickInTheOrderOfTheList() {
    assertEquals(
        List.of("bert-base", "decode-1k", "decode-4k"),
        Shapes.matching(List.of("decode-?k", "bert-base", "decode-4k")).stream()
            .map(Shape::name)
            .toList());
    assertEquals(Shapes.ALL, Shapes.matching(List.of("*")));
  }

  @Test
  void aDotIsNoWildcard() {
    assertThrows(IllegalArgumentException.class, () -> Shapes.matching(List.of("bert.base")));
  }

  @Test
  void anUnknownNameIsNamed() {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> Shapes.matching(List.of("bert-base", "none")));
    assertTrue(e.getMessage().contains("none") && e.getMessage().contains("bert-base"));
  }

  @Test
  void operationsCountVisiblePairsOnly() {
    assertEquals(4.0 * 2 * 3 * (5 * 7) * 8, shape(2, 5, 7, false, 0).flops());
    // Queries 0 to 4 of 5 see 3, 4, 5, 6, 7 of 7 keys, or at most 4.
    assertEquals(4.0 * 2 * 3 * (3 + 4 + 5 + 6 + 7) * 8, shape(2, 5, 7, true, 0).flops());
    assertEquals(4.0 * 2 * 3 * (3 + 4 + 4 + 4 + 4) * 8, shape(2, 5, 7, true, 4).flops());
  }

  @Test
  void aLayerAddsItsFourProjections() {
    Shape layer = Shape.attention("layer", 1, 2, 2, 6, 6, 4).withProjections();
    assertEquals(4.0 * 2 * 36 * 4 + 4 * (2.0 * 6 * 8 * 8), layer.flops());
    assertEquals(2 * (2 * 6 * 8 + 4 * 8 * 8), layer.bytes(2));
  }

  @Test
  void bytesAreThoseOfEachTensorOnce() {
    Shape grouped = Shape.attention("grouped", 2, 6, 3, 1, 100, 8);
    assertEquals(4 * 8 * (2 * 2 * 6 + 2 * 2 * 3 * 100), grouped.bytes(4));
    assertTrue(grouped.decodes());
    // Queries 93 to 99, each with a window of 4, see keys 90 to 99.
    assertEquals(4 * 8 * (2 * 2 * 3 * 7 + 2 * 2 * 3 * 10), shape(2, 7, 100, true, 4).bytes(4));
  }

  @Test
  void sizesThatDoNotFitAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> Shape.attention("odd", 1, 3, 2, 1, 1, 1));
    assertThrows(
        IllegalArgumentException.class,
        () -> Shape.attention("layer", 1, 2, 2, 3, 4, 1).withProjections());
  }

  private static Shape shape(int batch, int queries, int keys, boolean causal, int window) {
    Shape shape = Shape.attention("test", batch, 3, 3, queries, keys, 8);
    return causal ? shape.withCausal(window) : shape;
  }
}
