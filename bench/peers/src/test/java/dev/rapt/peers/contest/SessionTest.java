// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** ONNX Runtime and plain Java beside Rapt: who can do what, and that their results agree. */
class SessionTest {
  private static final String ATTENTION = "ORT Attention";
  private static final String MULTI_HEAD = "ORT MultiHeadAttention";
  private static final String GROUP_QUERY = "ORT GroupQueryAttention";

  @Test
  void fullAttention() {
    Shape shape = Shape.attention("full", 2, 4, 4, 33, 33, 16);
    assertReady(World.ONNX_RUNTIME, shape, DType.F32, Set.of(Session.RAPT, ATTENTION, MULTI_HEAD));
    assertReady(World.ONNX_RUNTIME, shape, DType.F16, Set.of(Session.RAPT, ATTENTION, MULTI_HEAD));
  }

  @Test
  void causalAttentionWithGroupedHeads() {
    Shape shape = Shape.attention("causal", 2, 4, 2, 33, 33, 16).withCausal(0);
    assertReady(World.ONNX_RUNTIME, shape, DType.F32, Set.of(Session.RAPT, ATTENTION, GROUP_QUERY));
  }

  @Test
  void aWindow() {
    Shape shape = Shape.attention("window", 1, 2, 2, 65, 65, 16).withCausal(16);
    assertReady(World.ONNX_RUNTIME, shape, DType.F32, Set.of(Session.RAPT, GROUP_QUERY));
  }

  @Test
  void decodingWalksThroughCopiesOfTheCache() throws InterruptedException {
    Shape shape = Shape.attention("decode", 2, 4, 2, 1, 8192, 128);
    try (Session session = new Session(World.ONNX_RUNTIME, shape, DType.F32, 1)) {
      assertEquals(Set.of(Session.RAPT, ATTENTION, GROUP_QUERY), ready(session));
      // 2 * 2 * 8192 * 128 elements of 4 bytes, keys and values: 32 MiB.
      assertEquals(8, session.copies());
      assertEquals(3, session.round(List.copyOf(ready(session)), false, 0.01).size());
    }
  }

  @Test
  void aLayerWithItsProjections() {
    Shape shape = Shape.attention("layer", 2, 4, 4, 24, 24, 8).withProjections();
    assertReady(World.ONNX_RUNTIME, shape, DType.F32, Set.of(Session.RAPT, ATTENTION, MULTI_HEAD));
    assertReady(World.JAVA, shape, DType.BF16, Set.of(Session.RAPT, "plain Java"));
  }

  @Test
  void theTwoWaysOfLlamaCpp() {
    Set<String> both = Set.of(Session.RAPT, "llama.cpp", "llama.cpp flash");
    Shape full = Shape.attention("full", 2, 4, 2, 33, 65, 16);
    assertReady(World.LLAMA_CPP, full, DType.F16, both);
    assertReady(World.LLAMA_CPP, full, DType.BF16, both);
    assertReady(World.LLAMA_CPP, full, DType.F32, Set.of(Session.RAPT, "llama.cpp"));
    Shape window = Shape.attention("window", 1, 2, 2, 65, 65, 32).withCausal(16);
    assertReady(World.LLAMA_CPP, window, DType.F16, both);
    assertReady(World.LLAMA_CPP, window, DType.F32, Set.of(Session.RAPT, "llama.cpp"));
    Shape decode = Shape.attention("decode", 2, 8, 2, 1, 100, 128);
    assertReady(World.LLAMA_CPP, decode, DType.F16, both);
  }

  @Test
  void whatAPeerLacksIsSaidAndNotFatal() {
    Shape shape = Shape.attention("full", 1, 2, 2, 16, 16, 16);
    try (Session session = new Session(World.ONNX_RUNTIME, shape, DType.BF16, 1)) {
      Map<String, String> reasons = new LinkedHashMap<>();
      session.entrants().forEach(entrant -> reasons.put(entrant.name(), entrant.reason()));
      assertEquals(
          Map.of(
              Session.RAPT,
              "",
              ATTENTION,
              "not implemented for BF16",
              MULTI_HEAD,
              "not implemented for BF16",
              GROUP_QUERY,
              "GroupQueryAttention is always causal"),
          reasons);
    }
  }

  @Test
  void aRoundGivesEachItsTurn() throws InterruptedException {
    Shape shape = Shape.attention("small", 1, 2, 2, 16, 16, 16);
    try (Session session = new Session(World.JAVA, shape, DType.F16, 1)) {
      List<String> both = List.of(Session.RAPT, "plain Java");
      Map<String, double[]> first = session.round(both, false, 0.01);
      assertEquals(both, List.copyOf(first.keySet()));
      first.values().forEach(samples -> assertEquals(1, samples.length));
      Map<String, double[]> second = session.round(both, true, 0.01);
      assertEquals(both.reversed(), List.copyOf(second.keySet()));
      assertTrue(second.get(Session.RAPT).length > 1);
      assertEquals(
          Set.of(Session.RAPT), session.round(List.of(Session.RAPT), false, 0.01).keySet());
    }
  }

  private static void assertReady(World world, Shape shape, DType dtype, Set<String> names) {
    try (Session session = new Session(world, shape, dtype, 2)) {
      assertEquals(names, ready(session), () -> session.entrants().toString());
    }
  }

  private static Set<String> ready(Session session) {
    return Set.copyOf(
        session.entrants().stream().filter(Entrant::isReady).map(Entrant::name).toList());
  }
}
