// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtException.OrtErrorCode;
import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.peers.contest.Agreement.Verdict;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One shape in one world: opens the contenders, judges their results, and times them in turns. */
public final class Session implements AutoCloseable {
  /** The name that Rapt has in every world. */
  public static final String RAPT = "Rapt";

  /** More floating-point operations than this, the pure Java reference is not asked for. */
  private static final double MAX_JAVA_FLOPS = 1e9;

  private interface Opener {
    Contender open() throws OrtException;
  }

  private final Arena arena = Arena.ofShared();
  private final Operands operands;
  private final Map<String, Contender> contenders = new LinkedHashMap<>();
  private final List<Entrant> entrants = new ArrayList<>();
  private final Map<String, Double> expected = new HashMap<>();

  /** Opens and judges; every result is right or its contender out. */
  public Session(World world, Shape shape, DType dtype, int threads) {
    operands = new Operands(arena, shape, dtype);
    Expectation expectation = new Expectation(arena, operands);
    openers(world, shape, threads).forEach((name, opener) -> enter(name, opener, expectation));
  }

  /** Who takes part and who does not, Rapt first. */
  public List<Entrant> entrants() {
    return Collections.unmodifiableList(entrants);
  }

  /** Copies of keys and values that calls walk through, so that decoding reads from memory. */
  public int copies() {
    return operands.copies();
  }

  /**
   * A turn for each contender; the first round makes one timed call each, and tells what to expect.
   *
   * @param only the names to time
   * @param reverse whether the order is turned round
   * @param seconds of one turn
   * @return seconds per call by name, one figure per sample
   */
  public Map<String, double[]> round(List<String> only, boolean reverse, double seconds)
      throws InterruptedException {
    List<String> names = new ArrayList<>(contenders.keySet());
    names.retainAll(only);
    if (reverse) {
      Collections.reverse(names);
    }
    Map<String, double[]> samples = new LinkedHashMap<>();
    for (String name : names) {
      double[] turn =
          Turn.take(
              contenders.get(name), operands.copies(), expected.getOrDefault(name, 0.0), seconds);
      expected.putIfAbsent(name, turn[0]);
      samples.put(name, turn);
    }
    return samples;
  }

  @Override
  public void close() {
    contenders.values().forEach(Contender::close);
    arena.close();
  }

  private void enter(String name, Opener opener, Expectation expectation) {
    Contender contender = null;
    try {
      contender = opener.open();
      contender.run(0);
      Tensor output = contender.output();
      Verdict verdict = expectation.judge(output);
      entrants.add(Entrant.judged(name, contender.detail(), verdict));
      if (verdict.agrees()) {
        expectation.adopt(arena, output);
        contenders.put(name, contender);
        return;
      }
    } catch (OrtException e) {
      boolean missing = e.getCode() == OrtErrorCode.ORT_NOT_IMPLEMENTED;
      String reason = missing ? "not implemented for " + operands.dtype : e.getMessage();
      entrants.add(Entrant.unsupported(name, reason));
    } catch (RuntimeException e) {
      entrants.add(Entrant.unsupported(name, String.valueOf(e.getMessage())));
    }
    if (contender != null) {
      contender.close();
    }
  }

  private Map<String, Opener> openers(World world, Shape shape, int threads) {
    Map<String, Opener> openers = new LinkedHashMap<>();
    boolean layer = shape.projected();
    openers.put(
        RAPT,
        layer
            ? () -> RaptLayer.cpu(arena, operands, threads)
            : () -> RaptAttention.cpu(arena, operands, threads));
    switch (world) {
      case LIBTORCH_MKL, LIBTORCH_OPENBLAS ->
          openers.put(
              world == World.LIBTORCH_MKL ? "libtorch + MKL" : "libtorch + OpenBLAS",
              () -> torch(world, threads));
      case ONNX_RUNTIME -> {
        openers.put(
            "ORT Attention",
            layer
                ? () -> OnnxLayer.fused(arena, operands, threads)
                : () -> OnnxAttention.standard(arena, operands, threads));
        openers.put(
            "ORT MultiHeadAttention",
            layer
                ? () -> OnnxLayer.split(arena, operands, threads)
                : () -> OnnxAttention.multiHead(arena, operands, threads));
        if (!layer) {
          openers.put(
              "ORT GroupQueryAttention", () -> OnnxAttention.groupQuery(arena, operands, threads));
        }
      }
      case LLAMA_CPP -> {
        openers.put("llama.cpp", () -> GgmlAttention.products(arena, operands, threads));
        openers.put("llama.cpp flash", () -> GgmlAttention.flash(arena, operands, threads));
      }
      case JAVA -> openers.put("plain Java", () -> java(shape));
    }
    return openers;
  }

  private Contender torch(World world, int threads) {
    boolean layer = operands.shape.projected();
    TorchThreads.use(world, threads, layer);
    return layer ? new TorchLayer(operands) : new TorchAttention(arena, operands);
  }

  private Contender java(Shape shape) {
    if (shape.flops() > MAX_JAVA_FLOPS) {
      throw new UnsupportedOperationException("too large to wait for");
    }
    return shape.projected()
        ? RaptLayer.java(arena, operands)
        : RaptAttention.java(arena, operands);
  }
}
