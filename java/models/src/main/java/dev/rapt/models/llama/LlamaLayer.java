// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.Linear;
import dev.rapt.Plan;
import dev.rapt.models.gguf.GgufException;
import java.util.ArrayList;
import java.util.List;

/**
 * One layer: {@code h += output(attention(norm(h))); h += down(swiglu(norm(h)))}. It leaves its
 * last sum to the next normalisation. Touvron et al. (2023). Thread-safe.
 */
final class LlamaLayer implements AutoCloseable {
  private final int index;
  private final RmsNorm attentionNorm;
  private final RmsNorm feedForwardNorm;
  private final List<Linear> linears = new ArrayList<>();
  private final Linear query;
  private final Linear key;
  private final Linear value;
  private final Linear output;
  private final Linear gate;
  private final Linear up;
  private final Linear down;

  LlamaLayer(Weights weights, LlamaConfig config, int index) throws GgufException {
    this.index = index;
    String prefix = "blk." + index + ".";
    int width = config.width();
    int inner = config.feedForward();
    int queryWidth = config.heads().count() * config.heads().dim();
    int keyWidth = config.heads().kvCount() * config.heads().dim();
    try {
      attentionNorm =
          new RmsNorm(weights.vector(prefix + "attn_norm.weight", width), config.epsilon());
      feedForwardNorm =
          new RmsNorm(weights.vector(prefix + "ffn_norm.weight", width), config.epsilon());
      query = keep(weights.linear(prefix + "attn_q", width, queryWidth));
      key = keep(weights.linear(prefix + "attn_k", width, keyWidth));
      value = keep(weights.linear(prefix + "attn_v", width, keyWidth));
      output = keep(weights.linear(prefix + "attn_output", queryWidth, width));
      gate = keep(weights.linear(prefix + "ffn_gate", width, inner));
      up = keep(weights.linear(prefix + "ffn_up", width, inner));
      down = keep(weights.linear(prefix + "ffn_down", inner, width));
    } catch (GgufException | RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private Linear keep(Linear linear) {
    linears.add(linear);
    return linear;
  }

  /** Adds what {@code projected} holds to {@code hidden}, and leaves its own result there. */
  void forward(LlamaStep step) {
    Activations at = step.activations();
    // The embedding comes whole.
    attentionNorm.run(step.loop(), at.hidden(), index == 0 ? null : at.projected(), at.normed());
    query.run(step.device(), at.normed(), at.query());
    key.run(step.device(), at.normed(), at.key());
    value.run(step.device(), at.normed(), at.value());
    step.attend(index);
    output.run(step.device(), at.attended(), at.projected());
    feedForwardNorm.run(step.loop(), at.hidden(), at.projected(), at.normed());
    gate.run(step.device(), at.normed(), at.gate());
    up.run(step.device(), at.normed(), at.up());
    SwiGlu.run(step.loop(), at.gate(), at.up());
    down.run(step.device(), at.gate(), at.projected());
  }

  /** The plans of a projection and of attention. */
  List<Plan> plans(LlamaStep step) {
    Activations at = step.activations();
    return List.of(gate.plan(step.device(), at.normed(), at.gate()), step.attentionPlan(index));
  }

  @Override
  public void close() {
    linears.forEach(Linear::close);
  }
}
