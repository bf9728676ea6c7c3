// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.models.llama.TinyLlama.Feature;
import java.util.List;

/**
 * The whole model in double, as its papers write it, without a cache: the reference for {@link
 * TinyLlama}.
 */
final class DoubleLlama {
  private final TinyLlama model;
  private final List<Feature> features;

  DoubleLlama(TinyLlama model, Feature... features) {
    this.model = model;
    this.features = List.of(features);
  }

  /** The logits of what follows the tokens. */
  double[] logits(int... tokens) {
    double[][] hidden = new double[tokens.length][TinyLlama.WIDTH];
    float[] embedding = model.weight("token_embd.weight");
    for (int t = 0; t < tokens.length; t++) {
      for (int i = 0; i < TinyLlama.WIDTH; i++) {
        hidden[t][i] = embedding[tokens[t] * TinyLlama.WIDTH + i];
      }
    }
    for (int layer = 0; layer < TinyLlama.LAYERS; layer++) {
      layer("blk." + layer + ".", hidden);
    }
    double[] last = norm("output_norm.weight", hidden[tokens.length - 1]);
    String output = model.has("output.weight") ? "output" : "token_embd";
    return linear(output, last);
  }

  private void layer(String prefix, double[][] hidden) {
    double[][] query = new double[hidden.length][];
    double[][] key = new double[hidden.length][];
    double[][] value = new double[hidden.length][];
    for (int t = 0; t < hidden.length; t++) {
      double[] normed = norm(prefix + "attn_norm.weight", hidden[t]);
      query[t] = rotate(linear(prefix + "attn_q", normed), t);
      key[t] = rotate(linear(prefix + "attn_k", normed), t);
      value[t] = linear(prefix + "attn_v", normed);
    }
    for (int t = 0; t < hidden.length; t++) {
      add(hidden[t], linear(prefix + "attn_output", attend(query[t], key, value, t)));
      double[] normed = norm(prefix + "ffn_norm.weight", hidden[t]);
      double[] gate = linear(prefix + "ffn_gate", normed);
      double[] up = linear(prefix + "ffn_up", normed);
      for (int i = 0; i < gate.length; i++) {
        gate[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
      }
      add(hidden[t], linear(prefix + "ffn_down", gate));
    }
  }

  private double[] attend(double[] query, double[][] key, double[][] value, int position) {
    double scale =
        features.contains(Feature.SCALE)
            ? (float) TinyLlama.SCALE
            : 1 / Math.sqrt(TinyLlama.HEAD_DIM);
    int first =
        features.contains(Feature.WINDOW) ? Math.max(0, position - TinyLlama.WINDOW + 1) : 0;
    double[] output = new double[query.length];
    for (int head = 0; head < TinyLlama.HEADS; head++) {
      int from = head * TinyLlama.HEAD_DIM;
      int kvFrom = head / (TinyLlama.HEADS / TinyLlama.KV_HEADS) * TinyLlama.HEAD_DIM;
      double sum = 0;
      for (int j = first; j <= position; j++) {
        double score = 0;
        for (int d = 0; d < TinyLlama.HEAD_DIM; d++) {
          score += query[from + d] * key[j][kvFrom + d];
        }
        double weight = Math.exp(score * scale);
        sum += weight;
        for (int d = 0; d < TinyLlama.HEAD_DIM; d++) {
          output[from + d] += weight * value[j][kvFrom + d];
        }
      }
      for (int d = 0; d < TinyLlama.HEAD_DIM; d++) {
        output[from + d] /= sum;
      }
    }
    return output;
  }

  /** Neighbours, as GGUF orders the rows of a Llama's projections. */
  private double[] rotate(double[] heads, int position) {
    double base = features.contains(Feature.STRETCH) ? 500_000 : 10_000;
    double stretch = features.contains(Feature.STRETCH) ? TinyLlama.STRETCH : 1;
    int dim = model.rotaryDim();
    for (int from = 0; from < heads.length; from += TinyLlama.HEAD_DIM) {
      for (int i = 0; i < dim / 2; i++) {
        double divisor = model.has("rope_freqs.weight") ? model.weight("rope_freqs.weight")[i] : 1;
        double angle = position / stretch * Math.pow(base, -2.0 * i / dim) / divisor;
        double a = heads[from + 2 * i];
        double b = heads[from + 2 * i + 1];
        heads[from + 2 * i] = a * Math.cos(angle) - b * Math.sin(angle);
        heads[from + 2 * i + 1] = a * Math.sin(angle) + b * Math.cos(angle);
      }
    }
    return heads;
  }

  private double[] norm(String name, double[] row) {
    double squares = 0;
    for (double x : row) {
      squares += x * x;
    }
    double root = Math.sqrt(squares / row.length + (float) TinyLlama.EPSILON);
    float[] weight = model.weight(name);
    double[] result = new double[row.length];
    for (int i = 0; i < row.length; i++) {
      result[i] = row[i] / root * weight[i];
    }
    return result;
  }

  private double[] linear(String name, double[] row) {
    float[] weight = model.weight(name + ".weight");
    double[] result = new double[weight.length / row.length];
    for (int out = 0; out < result.length; out++) {
      result[out] = model.has(name + ".bias") ? model.weight(name + ".bias")[out] : 0;
      for (int in = 0; in < row.length; in++) {
        result[out] += (double) weight[out * row.length + in] * row[in];
      }
    }
    return result;
  }

  private static void add(double[] sum, double[] other) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += other[i];
    }
  }
}
