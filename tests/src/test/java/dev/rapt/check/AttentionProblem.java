// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import dev.rapt.WeightsStage;

/**
 * One attention call as dense, row-major values and resolved options: what the {@link Oracle}
 * reads. The operands are double, so that projected ones need no rounding.
 *
 * @param query (batch, heads, queryLen, headDim)
 * @param key (batch, kvHeads, kvLen, headDim)
 * @param value (batch, kvHeads, kvLen, valueDim)
 * @param quantisedKey the key in bytes, which {@code key} is the meaning of, or null
 * @param quantisedValue the value in bytes, or null
 * @param appended how many of the last keys are visible to every query, and without bias
 * @param keyPadding (batch, kvLen - appended), true = not visible, or null
 * @param scale factor of the scores
 * @param softcap cap of the scores, 0 = off
 * @param causal whether key j is visible to query i only where j &lt;= i + offset
 * @param offset position of query 0 among the keys
 * @param windowLeft keys to the left that stay visible, -1 = open
 * @param windowRight keys to the right that stay visible, -1 = open
 * @param mask 1 = attend, or null
 * @param bias added to the scores, or null
 * @param alibiSlopes (batch * heads), or null
 * @param sinks (batch * heads), or null
 * @param weightsStage which scores the weights are, or null for none
 */
public record AttentionProblem(
    int batch,
    int heads,
    int kvHeads,
    int queryLen,
    int kvLen,
    int headDim,
    int valueDim,
    double[] query,
    double[] key,
    double[] value,
    Quantised quantisedKey,
    Quantised quantisedValue,
    int appended,
    boolean[] keyPadding,
    double scale,
    double softcap,
    boolean causal,
    long offset,
    long windowLeft,
    long windowRight,
    Broadcast mask,
    Broadcast bias,
    float[] alibiSlopes,
    float[] sinks,
    WeightsStage weightsStage) {

  /** Whether query i of head h may attend to key j. */
  public boolean visible(int b, int h, int i, int j) {
    int given = kvLen - appended;
    if (j >= given) {
      return true;
    }
    long position = i + offset;
    return !(causal && j > position)
        && !(windowLeft >= 0 && j < position - windowLeft)
        && !(windowRight >= 0 && j > position + windowRight)
        && !(mask != null && mask.at(b, h, i, j) == 0)
        && !(bias != null && bias.at(b, h, i, j) == Float.NEGATIVE_INFINITY)
        && !(keyPadding != null && keyPadding[b * given + j]);
  }

  /** What is added to the score of query i and key j. */
  public double biasAt(int b, int h, int i, int j) {
    return bias == null || j >= kvLen - appended ? 0 : bias.at(b, h, i, j);
  }

  /** The same options over projected operands, as multi-head attention makes them. */
  public AttentionProblem projected(
      double[] newQuery, double[] newKey, double[] newValue, int newAppended, boolean[] padding) {
    return new AttentionProblem(
        batch,
        heads,
        kvHeads,
        queryLen,
        kvLen + newAppended,
        headDim,
        valueDim,
        newQuery,
        newKey,
        newValue,
        null,
        null,
        newAppended,
        padding,
        scale,
        softcap,
        causal,
        offset,
        windowLeft,
        windowRight,
        mask,
        bias,
        alibiSlopes,
        sinks,
        weightsStage);
  }
}
