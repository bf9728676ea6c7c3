// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import dev.rapt.WeightsStage;

/**
 * One attention call as dense, row-major values and resolved options: what the {@link Oracle}
 * reads. The operands are double, so that projected ones need no rounding.
 *
 * @param weightsStage which scores the weights are, or null for none
 */
public record AttentionProblem(
    Sizes sizes,
    Operands operands,
    Visibility visibility,
    Scores scores,
    WeightsStage weightsStage) {

  /** B, Hq, Hkv, Sq, Skv, D and Dv. */
  public record Sizes(
      int batch, int heads, int kvHeads, int queryLen, int kvLen, int headDim, int valueDim) {}

  /**
   * What is multiplied.
   *
   * @param query (batch, heads, queryLen, headDim)
   * @param key (batch, kvHeads, kvLen, headDim)
   * @param value (batch, kvHeads, kvLen, valueDim)
   * @param quantisedKey the key in bytes, which {@code key} is the meaning of, or null
   * @param quantisedValue the value in bytes, or null
   */
  public record Operands(
      Bounded query,
      Bounded key,
      Bounded value,
      Quantised quantisedKey,
      Quantised quantisedValue) {}

  /**
   * Which keys a query sees.
   *
   * @param causal whether key j is visible to query i only where j &lt;= i + offset
   * @param offset position of query 0 among the keys
   * @param windowLeft keys to the left that stay visible, -1 = open
   * @param windowRight keys to the right that stay visible, -1 = open
   * @param mask 1 = attend, or null
   * @param appended how many of the last keys are visible to every query, and without bias
   * @param keyPadding (batch, kvLen - appended), true = not visible, or null
   */
  public record Visibility(
      boolean causal,
      long offset,
      long windowLeft,
      long windowRight,
      Broadcast mask,
      int appended,
      boolean[] keyPadding) {}

  /**
   * What becomes of a product.
   *
   * @param scale factor of the scores
   * @param softcap cap of the scores, 0 = off
   * @param bias added to the scores, or null
   * @param alibiSlopes (batch * heads), or null
   * @param sinks (batch * heads), or null
   */
  public record Scores(
      double scale, double softcap, Broadcast bias, float[] alibiSlopes, float[] sinks) {}

  public int batch() {
    return sizes.batch;
  }

  public int heads() {
    return sizes.heads;
  }

  public int kvHeads() {
    return sizes.kvHeads;
  }

  public int queryLen() {
    return sizes.queryLen;
  }

  public int kvLen() {
    return sizes.kvLen;
  }

  public int headDim() {
    return sizes.headDim;
  }

  public int valueDim() {
    return sizes.valueDim;
  }

  public double[] query() {
    return operands.query.value();
  }

  public double[] key() {
    return operands.key.value();
  }

  public double[] value() {
    return operands.value.value();
  }

  /** The error of a number of the query. */
  public double queryError(int i) {
    return operands.query.errorAt(i);
  }

  /** The error of a number of the key. */
  public double keyError(int i) {
    return operands.key.errorAt(i);
  }

  public Quantised quantisedKey() {
    return operands.quantisedKey;
  }

  public Quantised quantisedValue() {
    return operands.quantisedValue;
  }

  public int appended() {
    return visibility.appended;
  }

  public boolean causal() {
    return visibility.causal;
  }

  public long offset() {
    return visibility.offset;
  }

  public Broadcast mask() {
    return visibility.mask;
  }

  public double scale() {
    return scores.scale;
  }

  public double softcap() {
    return scores.softcap;
  }

  public Broadcast bias() {
    return scores.bias;
  }

  public float[] alibiSlopes() {
    return scores.alibiSlopes;
  }

  public float[] sinks() {
    return scores.sinks;
  }

  /** Whether query i of head h may attend to key j. */
  public boolean visible(int b, int h, int i, int j) {
    int given = kvLen() - appended();
    if (j >= given) {
      return true;
    }
    Visibility v = visibility;
    long position = i + v.offset;
    return !(v.causal && j > position)
        && !(v.windowLeft >= 0 && j < position - v.windowLeft)
        && !(v.windowRight >= 0 && j > position + v.windowRight)
        && !(v.mask != null && v.mask.at(b, h, i, j) == 0)
        && !(bias() != null && bias().at(b, h, i, j) == Float.NEGATIVE_INFINITY)
        && !(v.keyPadding != null && v.keyPadding[b * given + j]);
  }

  /** What is added to the score of query i and key j. */
  public double biasAt(int b, int h, int i, int j) {
    return bias() == null || j >= kvLen() - appended() ? 0 : bias().at(b, h, i, j);
  }

  /** The same options over projected operands, as multi-head attention makes them. */
  public AttentionProblem projected(
      Bounded newQuery, Bounded newKey, Bounded newValue, int newAppended, boolean[] padding) {
    Sizes s = sizes;
    Visibility v = visibility;
    return new AttentionProblem(
        new Sizes(
            s.batch, s.heads, s.kvHeads, s.queryLen, s.kvLen + newAppended, s.headDim, s.valueDim),
        new Operands(newQuery, newKey, newValue, null, null),
        new Visibility(
            v.causal, v.offset, v.windowLeft, v.windowRight, v.mask, newAppended, padding),
        scores,
        weightsStage);
  }
}
