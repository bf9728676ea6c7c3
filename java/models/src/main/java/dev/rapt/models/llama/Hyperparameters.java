// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufFile;
import java.util.Map;

/** Reads the keys of an architecture, each within what is allowed. */
final class Hyperparameters {
  /** Keys of models that compute something else, and the values by which they do not. */
  private static final Map<String, Double> NEUTRAL =
      Map.of(
          "expert_count", 0.0,
          "logit_scale", 1.0,
          "embedding_scale", 1.0,
          "residual_scale", 1.0,
          "attention.clamp_kqv", 0.0,
          "attention.max_alibi_bias", 0.0,
          "attn_logit_softcapping", 0.0,
          "final_logit_softcapping", 0.0);

  private final GgufFile file;
  private final String prefix;

  Hyperparameters(GgufFile file, String prefix) {
    this.file = file;
    this.prefix = prefix;
  }

  /** Refuses a model that computes something else. */
  void refuseOthers() throws GgufException {
    for (Map.Entry<String, Double> neutral : NEUTRAL.entrySet()) {
      String key = prefix + neutral.getKey();
      Double value = file.number(key);
      if (value != null && !value.equals(neutral.getValue())) {
        throw new GgufException(
            key + " is " + value + ", which is not supported; allowed: " + neutral.getValue());
      }
    }
    String causal = prefix + "attention.causal";
    if (Boolean.FALSE.equals(file.bool(causal))) {
      throw new GgufException(causal + " is false, which is not supported; allowed: true");
    }
  }

  int integer(String name, int least, int most) throws GgufException {
    Long value = file.integer(prefix + name);
    if (value == null) {
      throw missing(name);
    }
    return within(name, value, least, most);
  }

  int integer(String name, int least, int most, int byDefault) throws GgufException {
    Long value = file.integer(prefix + name);
    return within(name, value == null ? byDefault : value, least, most);
  }

  double positive(String name) throws GgufException {
    Double value = file.number(prefix + name);
    if (value == null) {
      throw missing(name);
    }
    return positive(name, value);
  }

  double positive(String name, double byDefault) throws GgufException {
    Double given = file.number(prefix + name);
    double value = given == null ? byDefault : given;
    // What a float makes 0 or infinite is no factor either.
    if (!((float) value > 0) || Float.isInfinite((float) value)) {
      throw new GgufException(
          prefix + name + " is " + value + "; allowed: positive finite numbers");
    }
    return value;
  }

  String string(String name, String byDefault) throws GgufException {
    String value = file.string(prefix + name);
    return value == null ? byDefault : value;
  }

  private int within(String name, long value, int least, int most) throws GgufException {
    if (value < least || value > most) {
      throw new GgufException(
          prefix + name + " is " + value + "; allowed: " + least + " to " + most);
    }
    return (int) value;
  }

  private GgufException missing(String name) {
    return new GgufException("the file has no " + prefix + name + ", which its model needs");
  }
}
