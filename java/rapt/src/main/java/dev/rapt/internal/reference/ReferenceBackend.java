// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference;

import dev.rapt.Plan;
import dev.rapt.RaptException;
import dev.rapt.RaptStatus;
import dev.rapt.Tensor;
import dev.rapt.internal.AttentionOptions;
import dev.rapt.internal.Backend;
import dev.rapt.internal.MultiHeadModel;
import dev.rapt.internal.Projection;
import dev.rapt.internal.RotaryOptions;
import org.jspecify.annotations.Nullable;

/** The reference as a backend: one thread, the caller's. */
public final class ReferenceBackend implements Backend {
  /** What a Java array holds on every JVM. */
  private static final long MAX_LENGTH = Integer.MAX_VALUE - 8;

  @Override
  public void attention(
      AttentionOptions options,
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights,
      @Nullable Tensor keyScale,
      @Nullable Tensor valueScale) {
    require(sdpaPlan("sdpa", query.size(2), key.size(2)));
    HeadInputs inputs = new HeadInputs(mask, bias, null, alibiSlopes, sinks);
    View queries = new View(query);
    View keys = new View(key);
    View values = new View(value);
    View outputs = new View(output);
    View lses = lse == null ? null : new View(lse, 3);
    View allWeights = weights == null ? null : new View(weights);
    int queryLen = (int) query.size(2);
    int kvLen = (int) key.size(2);
    int headDim = (int) query.size(3);
    int valueDim = (int) value.size(3);
    long group = query.size(1) / key.size(1);
    for (long batch = 0; batch < query.size(0); batch++) {
      for (long kvHead = 0; kvHead < key.size(1); kvHead++) {
        double[][] k = keys.matrix(batch, kvHead, kvLen, headDim);
        double[][] v = values.matrix(batch, kvHead, kvLen, valueDim);
        dequantise(k, keyScale, batch, kvHead);
        dequantise(v, valueScale, batch, kvHead);
        for (long head = kvHead * group; head < (kvHead + 1) * group; head++) {
          double[][] q = queries.matrix(batch, head, queryLen, headDim);
          long b = batch;
          long h = head;
          inputs
              .head(options, b, h, q, k, v, headDim, valueDim, kvLen)
              .attend(
                  q,
                  (i, out, logSum, scores) -> {
                    outputs.setRow(out, b, h, i);
                    if (lses != null) {
                      lses.set(logSum, b, h, i, 0);
                    }
                    if (allWeights != null) {
                      allWeights.setRow(scores, b, h, i);
                    }
                  });
        }
      }
    }
  }

  @Override
  public Plan attentionPlan(
      AttentionOptions options,
      Tensor query,
      Tensor key,
      Tensor value,
      @Nullable Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights,
      @Nullable Tensor keyScale,
      @Nullable Tensor valueScale) {
    return sdpaPlan("sdpa", query.size(2), key.size(2));
  }

  /** Multiplies each group of neighbours in a row by its scale; one without a scale stays. */
  private static void dequantise(double[][] rows, @Nullable Tensor scale, long batch, long kvHead) {
    if (scale == null) {
      return;
    }
    boolean grouped = scale.rank() == 4;
    View scales = new View(scale, grouped ? 4 : 3);
    for (int row = 0; row < rows.length; row++) {
      double[] elements = rows[row];
      int group = elements.length / (int) (grouped ? scale.size(3) : 1);
      for (int d = 0; d < elements.length; d++) {
        elements[d] *= scales.get(batch, kvHead, row, d / group);
      }
    }
  }

  @Override
  public Projection projection(Tensor weight, @Nullable Tensor bias) {
    return new ReferenceProjection(weight, bias);
  }

  @Override
  public void linear(Projection projection, Tensor input, Tensor output) {
    ReferenceProjection linear = (ReferenceProjection) projection;
    View inputs = new View(input, 3);
    View outputs = new View(output, 3);
    long batches = input.rank() == 3 ? input.size(0) : 1;
    double[] row = new double[(int) linear.inFeatures()];
    for (long batch = 0; batch < batches; batch++) {
      for (long i = 0; i < input.size(input.rank() - 2); i++) {
        for (int d = 0; d < row.length; d++) {
          row[d] = inputs.get(batch, i, d, 0);
        }
        double[] result = linear.apply(row);
        for (int d = 0; d < result.length; d++) {
          outputs.set(result[d], batch, i, d, 0);
        }
      }
    }
  }

  @Override
  public Plan linearPlan(Projection projection, Tensor input, Tensor output) {
    return plan("linear", "");
  }

  @Override
  public void multiHead(
      MultiHeadModel model,
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor keyPaddingMask,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights) {
    require(sdpaPlan("mha", query.size(query.rank() - 2), key.size(key.rank() - 2)));
    HeadInputs inputs = new HeadInputs(mask, bias, keyPaddingMask, alibiSlopes, sinks);
    new ReferenceMultiHead(model, inputs).run(query, key, value, output, lse, weights);
  }

  @Override
  public Plan multiHeadPlan(
      MultiHeadModel model,
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor keyPaddingMask,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights) {
    return sdpaPlan("mha", query.size(query.rank() - 2), key.size(key.rank() - 2));
  }

  @Override
  public void rotary(
      RotaryOptions options,
      Tensor input,
      Tensor cosine,
      Tensor sine,
      @Nullable Tensor positions,
      Tensor output) {
    new ReferenceRotary(options, cosine, sine, positions).run(input, output);
  }

  @Override
  public Plan rotaryPlan(
      RotaryOptions options,
      Tensor input,
      Tensor cosine,
      Tensor sine,
      @Nullable Tensor positions,
      Tensor output) {
    return plan("rope", "");
  }

  @Override
  public void close() {
    // Everything is on the Java heap.
  }

  private Plan sdpaPlan(String operation, long queryLen, long kvLen) {
    // Multi-head attention may append two keys.
    boolean fits = queryLen <= MAX_LENGTH && kvLen <= MAX_LENGTH - 2;
    return plan(
        operation,
        fits
            ? ""
            : "query length " + queryLen + " or key length " + kvLen + " exceeds a Java array");
  }

  private Plan plan(String operation, String reason) {
    return new Plan(operation + "_reference_f64_java", reason.isEmpty(), reason, 0, 1);
  }

  private static void require(Plan plan) {
    if (!plan.supported()) {
      throw new RaptException(RaptStatus.UNSUPPORTED, plan.reason());
    }
  }
}
