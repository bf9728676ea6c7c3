// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import dev.rapt.Attention;
import dev.rapt.Causal;
import dev.rapt.Device;
import dev.rapt.Tensor;
import dev.rapt.peers.contest.Agreement.Verdict;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What a shape's output must be: a few query rows of the first and the last sequence in double
 * precision by the pure Java reference, and every element as the first contender that was right
 * about those rows computes it.
 */
final class Expectation {
  /** The first, the last and some between: enough to see every mask begin and end. */
  private static final int ROWS = 5;

  private record Row(long batch, long position, Tensor expected) {}

  private final Operands operands;
  private final List<Row> rows = new ArrayList<>();
  private Tensor whole;

  Expectation(Arena arena, Operands operands) {
    this.operands = operands;
    if (operands.shape.projected()) {
      // Each row of a layer needs all of its projected keys: there is no cheap part of it.
      try (RaptLayer reference = RaptLayer.java(arena, operands)) {
        reference.run(0);
        whole = reference.output();
      }
      return;
    }
    try (Device device = Device.java()) {
      for (long batch : ends(operands.shape.batch(), 2)) {
        for (long position : ends(operands.shape.queryLen(), ROWS)) {
          rows.add(new Row(batch, position, row(device, arena, batch, position)));
        }
      }
    }
  }

  /** Compares a whole output with what is known so far. */
  Verdict judge(Tensor output) {
    double worst = 0;
    for (Row row : rows) {
      Tensor actual = part(output, row.batch, row.position);
      String what = "row " + row.position + " of sequence " + row.batch;
      Verdict verdict = Agreement.compare(actual, row.expected, operands.dtype, what);
      if (!verdict.agrees()) {
        return verdict;
      }
      worst = Math.max(worst, verdict.difference());
    }
    if (whole != null) {
      Verdict verdict = Agreement.compare(output, whole, operands.dtype, "the output");
      return verdict.agrees()
          ? new Verdict(true, Math.max(worst, verdict.difference()), "")
          : verdict;
    }
    return new Verdict(true, worst, "");
  }

  /** Takes a right output as the measure of every element, where there is none yet. */
  void adopt(Arena arena, Tensor output) {
    if (whole == null) {
      float[] elements = output.toFloatArray();
      whole = Tensor.allocate(arena, operands.dtype, output.shape());
      whole.copyFrom(elements);
    }
  }

  private Tensor row(Device device, Arena arena, long batch, long position) {
    Shape shape = operands.shape;
    Attention.Builder builder = Attention.builder();
    if (shape.causal()) {
      builder.causal(Causal.TOP_LEFT).position(position + shape.offset());
    }
    if (shape.window() > 0) {
      builder.window(shape.window() - 1, 0);
    }
    Tensor output = Tensor.allocate(arena, operands.dtype, 1, shape.heads(), 1, shape.headDim());
    builder
        .build()
        .run(
            device,
            part(operands.query, batch, position),
            operands.keys.getFirst().slice(0, batch, batch + 1),
            operands.values.getFirst().slice(0, batch, batch + 1),
            output);
    return output;
  }

  private static Tensor part(Tensor tensor, long batch, long position) {
    return tensor.slice(0, batch, batch + 1).slice(2, position, position + 1);
  }

  /** Up to {@code count} indices below {@code size}, spread evenly from the first to the last. */
  private static SortedSet<Long> ends(long size, int count) {
    SortedSet<Long> indices = new TreeSet<>();
    for (int i = 0; i < count; i++) {
      indices.add((size - 1) * i / (count - 1));
    }
    return indices;
  }
}
