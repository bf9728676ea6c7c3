// SPDX-License-Identifier: Apache-2.0
package dev.rapt.mha;

import dev.rapt.check.AttentionCase;
import dev.rapt.check.Values;
import java.util.Arrays;
import java.util.Random;

/**
 * The values of a case: a pure function of its name.
 *
 * @param query (batch, queryLen, embed)
 * @param key (batch, kvLen, keyWidth)
 * @param value (batch, kvLen, valueWidth)
 * @param padding (batch, kvLen), or null
 * @param extra the learned key and value behind the projected ones, or null
 */
public record MhaData(
    float[] query,
    float[] key,
    float[] value,
    boolean[] padding,
    Projections projections,
    Extra extra) {

  /** The layers of a model; the output's may be null. */
  public record Projections(Projection query, Projection key, Projection value, Projection output) {
    /** Those of query, key and value as the rows of one matrix. */
    Projection stacked() {
      float[] bias = query.bias == null ? null : concat(query.bias, key.bias, value.bias);
      float[] weight = concat(query.weight, key.weight, value.weight);
      return new Projection(query.in, 3 * query.out, weight, bias);
    }

    private static float[] concat(float[]... parts) {
      int length = Arrays.stream(parts).mapToInt(part -> part.length).sum();
      float[] all = new float[length];
      int at = 0;
      for (float[] part : parts) {
        System.arraycopy(part, 0, all, at, part.length);
        at += part.length;
      }
      return all;
    }
  }

  /**
   * One key and value that a model has learned, for all samples.
   *
   * @param key (kvHeads * headDim)
   * @param value (kvHeads * valueDim)
   */
  public record Extra(float[] key, float[] value) {}

  /**
   * A linear layer.
   *
   * @param weight (out, in)
   * @param bias (out), or null
   */
  public record Projection(int in, int out, float[] weight, float[] bias) {}

  public static MhaData of(MhaCase c) {
    Random random = new Random(c.toString().hashCode());
    AttentionCase core = c.core();
    int queryOut = core.heads() * core.headDim();
    int keyOut = core.kvHeads() * core.headDim();
    int valueOut = core.kvHeads() * core.valueDim();
    boolean[] padding = null;
    if (c.has("padding")) {
      padding = new boolean[core.batch() * core.kvLen()];
      for (int i = 0; i < padding.length; i++) {
        padding[i] = random.nextInt(3) == 0;
      }
    }
    return new MhaData(
        Values.round(
            Values.normal(random, core.batch() * core.queryLen() * c.embed(), 1),
            core.dtype("query")),
        Values.round(
            Values.normal(random, core.batch() * core.kvLen() * c.keyWidth(), 1),
            core.dtype("key")),
        Values.round(
            Values.normal(random, core.batch() * core.kvLen() * c.valueWidth(), 1),
            core.dtype("value")),
        padding,
        new Projections(
            projection(random, c, c.embed(), queryOut),
            projection(random, c, c.keyWidth(), keyOut),
            projection(random, c, c.valueWidth(), valueOut),
            c.has("noout")
                ? null
                : projection(random, c, core.heads() * core.valueDim(), c.outputWidth())),
        c.has("biaskv")
            ? new Extra(
                Values.round(Values.normal(random, keyOut, 1), c.extra()),
                Values.round(Values.normal(random, valueOut, 1), c.extra()))
            : null);
  }

  private static Projection projection(Random random, MhaCase c, int in, int out) {
    return new Projection(
        in,
        out,
        Values.round(Values.normal(random, out * in, 1 / Math.sqrt(in)), c.stored()),
        c.has("nobias") ? null : Values.round(Values.normal(random, out, 0.5), c.stored()));
  }
}
