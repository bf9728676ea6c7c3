// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import dev.rapt.Causal;
import dev.rapt.DType;
import dev.rapt.check.AttentionProblem.Operands;
import dev.rapt.check.AttentionProblem.Scores;
import dev.rapt.check.AttentionProblem.Sizes;
import dev.rapt.check.AttentionProblem.Visibility;
import java.util.Arrays;
import java.util.Random;

/** The values of a case: a pure function of its name. */
final class CaseData {
  private final AttentionCase c;
  private final Random random;

  private CaseData(AttentionCase c) {
    this.c = c;
    this.random = new Random(c.toString().hashCode());
  }

  static AttentionProblem of(AttentionCase c) {
    return new CaseData(c).problem();
  }

  private AttentionProblem problem() {
    int rows = c.kvHeads() * c.kvLen();
    double[] query = operand("query", c.heads(), c.queryLen(), c.headDim());
    float spread = (float) c.number("spread", 1);
    for (int i = 0; i < query.length; i++) {
      query[i] = Values.round((float) query[i] * spread, c.dtype("query"));
    }
    Quantised key8 = quantised("key", c.headDim());
    Quantised value8 = quantised("value", c.valueDim());
    AttentionProblem problem =
        new AttentionProblem(
            new Sizes(
                c.batch(),
                c.heads(),
                c.kvHeads(),
                c.queryLen(),
                c.kvLen(),
                c.headDim(),
                c.valueDim()),
            new Operands(
                Bounded.exact(query),
                Bounded.exact(
                    key8 == null
                        ? operand("key", c.kvHeads(), c.kvLen(), c.headDim())
                        : key8.values()),
                Bounded.exact(
                    value8 == null
                        ? operand("value", c.kvHeads(), c.kvLen(), c.valueDim())
                        : value8.values()),
                key8,
                value8),
            new Visibility(
                c.causal() != Causal.NONE, c.offset(), c.window(0), c.window(1), mask(), 0, null),
            new Scores(
                c.number("scale", 1 / Math.sqrt(c.headDim())),
                c.number("softcap", 0),
                bias(),
                perHead("alibi", 0.3f),
                perHead("sinks", 2f)),
            c.weightsStage());
    if (c.has("poison")) {
      poison(problem, rows);
    }
    return problem;
  }

  private double[] operand(String name, int heads, int rows, int columns) {
    int block = rows * columns;
    int count = c.batch() * heads;
    double[] data =
        Values.widen(Values.round(Values.normal(random, count * block, 1), c.dtype(name)));
    if (c.layout(name) == Layout.SHARED) {
      for (int i = 1; i < count; i++) {
        System.arraycopy(data, 0, data, i * block, block);
      }
    }
    return data;
  }

  /** A key or value in bytes, or null where it has another type. */
  private Quantised quantised(String name, int columns) {
    if (c.dtype(name) != DType.I8) {
      return null;
    }
    int rows = c.batch() * c.kvHeads() * c.kvLen();
    float[] data = Values.normal(random, rows * columns, 1);
    Quantised quantised = Quantised.of(random, data, columns, c.groups(name));
    if (c.layout(name) == Layout.SHARED) {
      quantised.share(c.kvLen());
    }
    return quantised;
  }

  private Broadcast mask() {
    int[] shape = c.broadcastShape("mask");
    if (shape == null) {
      return null;
    }
    double density = c.number("density", 0.7);
    float[] data = new float[Arrays.stream(shape).reduce(1, Math::multiplyExact)];
    for (int i = 0; i < data.length; i++) {
      data[i] = random.nextDouble() < density ? 1 : 0;
    }
    return new Broadcast(shape, data);
  }

  private Broadcast bias() {
    int[] shape = c.broadcastShape("bias");
    if (shape == null) {
      return null;
    }
    float[] data = Values.normal(random, Arrays.stream(shape).reduce(1, Math::multiplyExact), 1);
    Values.round(data, c.dtype("bias"));
    for (int i = 0; i < data.length; i++) {
      if (random.nextInt(10) == 0) {
        data[i] = Float.NEGATIVE_INFINITY;
      }
    }
    return new Broadcast(shape, data);
  }

  /** One value per head, repeated over the batch unless the operand has a batch dimension. */
  private float[] perHead(String name, float factor) {
    if (!c.has(name)) {
      return null;
    }
    float[] data = Values.normal(random, c.batch() * c.heads(), 1);
    for (int i = 0; i < data.length; i++) {
      boolean repeat = i >= c.heads() && !c.options().get(name).equals("bh");
      float slope = name.equals("alibi") ? Math.abs(data[i]) : data[i];
      data[i] = repeat ? data[i - c.heads()] : factor * slope;
    }
    return data;
  }

  private void poison(AttentionProblem p, int rows) {
    boolean some = c.options().get("poison").equals("some");
    for (int b = 0; b < c.batch(); b++) {
      for (int kv = 0; kv < rows; kv++) {
        int j = kv % c.kvLen();
        boolean chosen = some ? j % 5 == 2 : !seen(p, b, kv / c.kvLen(), j);
        if (chosen) {
          int row = b * rows + kv;
          Arrays.fill(p.key(), row * c.headDim(), (row + 1) * c.headDim(), Double.NaN);
          Arrays.fill(p.value(), row * c.valueDim(), (row + 1) * c.valueDim(), Double.NaN);
          if (p.quantisedKey() != null) {
            p.quantisedKey().poison(row);
          }
          if (p.quantisedValue() != null) {
            p.quantisedValue().poison(row);
          }
        }
      }
    }
  }

  private boolean seen(AttentionProblem p, int b, int kvHead, int j) {
    int group = c.heads() / c.kvHeads();
    for (int h = kvHead * group; h < (kvHead + 1) * group; h++) {
      for (int i = 0; i < c.queryLen(); i++) {
        if (p.visible(b, h, i, j)) {
          return true;
        }
      }
    }
    return false;
  }
}
